"""The run folder: one folder a run, holding everything that explains, repeats or continues it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.storage import staged_folder
from train.errors import RunError


def create_run(output_dir: Path, name: str, record: Callable[[Path], None] = lambda folder: None) -> Path:
    """Make the folder of a new run, with everything in it that a resumed run reads, or not at all.

    Args:
        output_dir: where run folders are made.
        name: of the run.
        record: writes the first files; the folder that it gets is renamed to the run's once they are there, so that a run that
            is killed here leaves a name that can be used again.

    Raises:
        RunError: it exists already, or cannot be made.
    """
    folder = output_dir / name
    if folder.exists():
        raise RunError(
            f"{folder} exists already",
            hint=f"continue it with --resume {folder}, or choose another name with run_name=…",
        )
    try:
        with staged_folder(folder) as staged:
            record(staged)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror})", hint="choose another place with output_dir=…") from None
    return folder


def open_run(path: Path) -> Path:
    """The folder of a run that is to be resumed; a bare name is looked for in checkpoints/.

    Raises:
        RunError: there is no such run, or it was finished.
    """
    folder = path if path.is_dir() or "/" in str(path) else Path("checkpoints") / path
    missing = [file for file in ("config.yaml", "environment.json") if not (folder / file).is_file()]
    if missing:
        runs = sorted(p.parent.name for p in folder.parent.glob("*/config.yaml")) if folder.parent.is_dir() else []
        known = f"runs there: {', '.join(runs[-5:])}" if runs else f"there are no runs in {folder.parent}"
        raise RunError(f"{folder} is not a run folder (it has no {missing[0]})", hint=known)
    if any(folder.glob("checkpoint-*")) and not (folder / "scores.jsonl").is_file():
        raise _broken(folder, f"{folder / 'scores.jsonl'} is missing, which says how good the checkpoints are")
    if (folder / "report.json").is_file():
        raise RunError(f"{folder} is finished already", hint=f"read {folder / 'report.html'}, or start a new run")
    return folder


def read_record(run: Path, file: str, *keys: str) -> dict[str, Any]:
    """One of the JSON files that a run wrote about itself.

    Args:
        run: the run folder.
        file: its name.
        keys: what must be in it.

    Raises:
        RunError: it is broken.
    """
    try:
        found = json.loads((run / file).read_text(encoding="utf-8"))
        missing = [key for key in keys if key not in found]
    except (ValueError, TypeError) as error:
        raise _broken(run, f"{run / file} is broken ({error})") from None
    if missing:
        raise _broken(run, f"{run / file} is broken (it has no {missing[0]!r})")
    return found


def _broken(run: Path, what: str) -> RunError:
    hint = f"put the file back; or begin anew with the same settings: --config {run / 'config.yaml'} run_name=NAME"
    return RunError(what, hint=hint)


def default_name(dataset: str) -> str:
    """A run name out of the first data set and the time."""
    return f"{dataset}-{time.strftime('%Y%m%d-%H%M%S')}"
