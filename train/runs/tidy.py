"""What a finished run has no use for goes by itself."""

from __future__ import annotations

from pathlib import Path

from train.fit.checkpoints import drop_states
from train.runs.folder import RunFolder


def tidy(run: Path) -> None:
    """Remove the models of the seeds, one of which the run has shipped, and what only a training that goes on needs.

    Of the seeds only scores are of further use. The weights of the checkpoints stay: by them the run can be judged again.
    """
    for folder in RunFolder(run).seeds.glob("seed-*"):
        if folder.is_dir():
            RunFolder(folder).keep_scores_only()
    drop_states(run)
