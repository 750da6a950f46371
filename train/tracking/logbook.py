"""Reads back what wandb has on disk, through wandb's own command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from train.errors import TrackingError


def last_step(folder: Path) -> int:
    """Return the last step that any earlier session of a run has written, -1 if there is none.

    A killed process loses what wandb had not flushed, so only the files themselves know. Broken ends are passed over.

    Args:
        folder: the `wandb` folder of a run folder.

    Raises:
        TrackingError: wandb cannot read its file.
    """
    return max((_last_step_of(file) for file in folder.glob("*run-*/*.wandb")), default=-1)


def _last_step_of(file: Path) -> int:
    command = [sys.executable, "-P", "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.splitlines() or ["no reason given"])[-1]
        raise TrackingError(
            f"tracking: {file}, the first part of this run, cannot be read: {reason[:200]}",
            hint=f"move {file.parent.parent} away to start again in the dashboard, or set WANDB_MODE=disabled",
        )
    steps = [-1]
    for line in done.stdout.splitlines():
        if '"type":"history"' in line:
            steps.append(json.loads(line)["history"]["step"]["num"])
    return steps[-1]
