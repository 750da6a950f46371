"""Checkpoints that are complete or absent.

The trainer writes into a staging folder; only when everything is on disk is the folder renamed to `checkpoint-N`. A kill at
any moment leaves either the whole checkpoint or none under that name.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

STAGING = ".saving"
_NAME = re.compile(r"checkpoint-(\d+)")


def list_checkpoints(run: Path) -> dict[int, Path]:
    """Complete checkpoints of a run folder by step, ascending."""
    found = ((int(match[1]), path) for path in run.iterdir() if path.is_dir() and (match := _NAME.fullmatch(path.name)))
    return dict(sorted(found))


def last_checkpoint(run: Path) -> tuple[int, Path] | None:
    """The newest complete checkpoint, or None."""
    found = list_checkpoints(run)
    return max(found.items()) if found else None


def publish(run: Path, step: int) -> Path:
    """Turn the staged `checkpoint-<step>` into a checkpoint: flush its files to disk, then rename."""
    staged, final = run / STAGING / f"checkpoint-{step}", run / f"checkpoint-{step}"
    for path in [p for p in staged.rglob("*") if p.is_file()] + [staged]:
        flush(path)
    if final.exists():
        # a resumed run that saves a step again: the older copy leaves under a name that no one takes for a checkpoint
        doomed = run / STAGING / f"old-{step}"
        final.rename(doomed)
        staged.rename(final)
        shutil.rmtree(doomed)
    else:
        staged.rename(final)
    flush(run)
    return final


def clear_staging(run: Path) -> None:
    """Remove what a killed save left behind."""
    shutil.rmtree(run / STAGING, ignore_errors=True)


def keep_only(run: Path, steps: set[int]) -> None:
    """Delete every checkpoint but these."""
    for step, path in list_checkpoints(run).items():
        if step not in steps:
            doomed = run / STAGING / path.name
            doomed.parent.mkdir(exist_ok=True)
            path.rename(doomed)
            shutil.rmtree(doomed)


def flush(path: Path) -> None:
    """fsync a file or folder, so that the rename that follows cannot be on disk before its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
