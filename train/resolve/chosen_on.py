"""Which rows chose a model: the dev split of its run. Of several checkpoints the best there is partly the luckiest, so a gain on
these rows is too high."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from data.prepared import PreparedDataset
from data.splits.hashes import Hashes
from train.config.choices import Split
from train.fit.checkpoints import list_checkpoints
from train.runs.folder import RunFolder
from train.runs.read import read_report
from train.runs.training_rows import count_known, read_dev_rows
from train.wording import chosen_weights


@dataclass(frozen=True)
class Choice:
    """How a model was chosen on dev.

    Attributes:
        weights: which were chosen, in words: "90% of the way to step 240"; empty where it is not known.
        rows: hashes of the dev rows; None of runs of earlier versions.
        of_base: the model is the base, which is shipped as the gain of what dev chose is unproven; so dev chose nothing.
    """

    weights: str = ""
    rows: Hashes | None = field(default=None, compare=False)
    of_base: bool = False

    @classmethod
    def of(cls, model: Path, run: RunFolder) -> Choice:
        """Return how the run chose a model.

        Args:
            model: the folder of the model: what the run ships, or one of its checkpoints.
            run: that it lies in; it may be unfinished.

        Raises:
            BrokenRecord: a record is damaged.
            OSError, EOFError, ValueError: the file of the rows is.
        """
        shipped = run.is_finished and run.ships(model)
        withheld = shipped and read_report(run.path).selection.withheld
        return cls(_weights(model.resolve(), run), read_dev_rows(run.path), of_base=withheld)

    def warning(self, label: str, prepared: PreparedDataset, split: Split, dev_of: frozenset[str]) -> str | None:
        """Return what to say where rows that are judged chose the model; None where none did.

        Args:
            label: of the model.
            prepared: the data that is judged.
            split: of it that is judged.
            dev_of: fingerprints of the data sets as the run split them, by which rows of earlier versions' runs are known.
        """
        if self.of_base:
            return None
        judged = Split.TEST if split == Split.ALL else split
        total = len(prepared.splits[judged])
        same = split == Split.DEV and prepared.fingerprint in dev_of
        counted = None if self.rows is None else count_known(prepared, judged, self.rows)
        count = counted if counted is not None else total if same else 0
        if not count:
            return None
        which = f" ({self.weights})" if self.weights else ""
        rows = f"all {total:,}" if count == total else f"{count:,} of the {total:,}"
        return (
            f"warning: dev chose {label}{which}, and {rows} rows that are judged here are of that dev: the best of several on"
            " some rows looks better on them than it is; judge it on test"
        )


def _weights(model: Path, run: RunFolder) -> str:
    """Return which weights lie in a folder of a run, in words."""
    step = next((step for step, path in list_checkpoints(run.path).items() if path.resolve() == model), None)
    if step is not None:
        return chosen_weights(step, 1.0)
    report = read_report(run.path) if run.is_finished else None
    if report is None or report.best_step is None:
        return ""
    return chosen_weights(report.best_step, report.selection.share)
