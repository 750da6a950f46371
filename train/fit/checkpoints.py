"""Checkpoints that are complete or absent.

The trainer writes into a staging folder; only when everything is on disk is the folder renamed to `checkpoint-N`. A kill at
any moment leaves either the whole checkpoint or none under that name.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

from data.storage import publish_folder, remove_folder, remove_leftovers, remove_path, write_json
from train.errors import RunError

STAGING = ".saving"
WORK_FILE = "work.json"
"""What training had consumed when a checkpoint was saved; in the run's own folder: until it ended, and that it did."""
STATES = {
    "optimizer state": ["optimizer*"],
    "schedule state": ["scheduler.pt"],
    "random state": ["rng_state*.pth"],
}
"""What only a training that goes on needs, and the patterns of files that it may be in."""
PARTS = {
    "trainer_state.json": ["trainer_state.json"],
    WORK_FILE: [WORK_FILE],
    **STATES,
    "file of weights": ["**/*.safetensors", "**/*.bin", "*fsdp*"],
}
"""What a checkpoint has, and the patterns of files that it may be in."""
_NAME = re.compile(r"checkpoint-(\d+)")


def list_checkpoints(run: Path) -> dict[int, Path]:
    """List the complete checkpoints of a run folder by step, ascending."""
    found = ((int(match[1]), path) for path in run.iterdir() if path.is_dir() and (match := _NAME.fullmatch(path.name)))
    return dict(sorted(found))


def checkpoint_folder(run: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies, or would lie."""
    return run / f"checkpoint-{step}"


def last_checkpoint(run: Path) -> tuple[int, Path] | None:
    """Find the newest complete checkpoint, or None."""
    found = list_checkpoints(run)
    return max(found.items()) if found else None


def check_checkpoint(path: Path) -> None:
    """See whether a checkpoint from which a run is to continue has everything, and whether it can be read.

    The trainer takes a missing optimizer or random state for a new one, silently.

    Raises:
        RunError: a file is missing or broken.
    """
    files = [p for p in path.rglob("*") if p.is_file()]
    absent = (part for part, patterns in PARTS.items() if not any(any(path.glob(pattern)) for pattern in patterns))
    problem = next((f"there is no {part}" for part in absent), None)
    problem = problem or next((f"{file.name} is broken" for file in files if not _can_be_read(file)), None)
    if problem:
        raise RunError(
            f"the checkpoint {path} is damaged: {problem}",
            hint="remove that folder: the run then continues from the checkpoint before it, or else from the base",
        )


def _can_be_read(file: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))
        elif file.suffix in (".pt", ".pth"):  # what torch saves is a ZIP archive, with a checksum for each part
            return zipfile.is_zipfile(file) and zipfile.ZipFile(file).testzip() is None
        elif file.suffix == ".safetensors":
            with safe_open(file, framework="pt"):
                pass
    except (ValueError, OSError, SafetensorError, zipfile.BadZipFile):
        return False
    return True


def publish(run: Path, step: int) -> Path:
    """Turn the staged `checkpoint-<step>` into a checkpoint. A resumed run may save a step again."""
    final = checkpoint_folder(run, step)
    publish_folder(run / STAGING / final.name, final)
    return final


def clear_staging(run: Path) -> None:
    """Remove what killed saves left behind in the folder of a run. For the main process, which alone writes there: what another
    one is just writing would be taken from it."""
    shutil.rmtree(run / STAGING, ignore_errors=True)
    remove_leftovers(run)


def keep_only(run: Path, steps: set[int]) -> None:
    """Delete every checkpoint but these."""
    for step, path in list_checkpoints(run).items():
        if step not in steps:
            remove_folder(path, run / STAGING)


def has_ended(run: Path) -> bool:
    """Tell whether the training of a run is over for good: it is judged again, never continued."""
    return (run / WORK_FILE).is_file()


def steps_made(run: Path) -> int | None:
    """Return the optimiser steps that are not made again when the run continues; None: all of them, training is over for good."""
    return None if has_ended(run) else max(list_checkpoints(run), default=0)


def mark_ended(run: Path) -> None:
    """Write down that the training of a run is over, with what it consumed.

    Raises:
        OSError: it cannot be written.
    """
    found = last_checkpoint(run)
    if found is None or has_ended(run):
        return
    try:
        work = json.loads((found[1] / WORK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a checkpoint of a version that wrote none
        work = {}
    write_json(run / WORK_FILE, work)


def states_of(checkpoint: Path) -> list[Path]:
    """Return what a checkpoint holds for a training that goes on: files, or folders where the optimizer was spread."""
    return sorted({path for patterns in STATES.values() for pattern in patterns for path in checkpoint.glob(pattern)})


def drop_states(run: Path) -> None:
    """Remove from the checkpoints of a finished run what only a training that goes on needs. The weights stay."""
    with suppress(OSError):  # a run that is finished does not fail for want of tidiness
        mark_ended(run)
        for checkpoint in list_checkpoints(run).values():
            for path in states_of(checkpoint):
                remove_path(path)
