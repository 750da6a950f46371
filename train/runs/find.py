"""Find a run by its folder or its name."""

from __future__ import annotations

from pathlib import Path

from data.errors import nearest
from train.errors import RunError

RUNS = Path("checkpoints")
"""Where a bare run name is looked for."""


def find_run(path: Path) -> Path:
    """The folder of a finished run.

    Raises:
        RunError: there is none, or it is not finished.
    """
    folder = path if path.is_dir() or len(path.parts) != 1 else RUNS / path
    if (folder / "report.json").is_file():
        return folder
    if not folder.is_dir():
        raise RunError(f"{path}: no such run", hint=_known_runs(folder))
    if not (folder / "config.yaml").is_file():
        raise RunError(f"{folder} is not a run folder (it has no report.json)", hint=_known_runs(folder))
    raise RunError(f"{folder} is not finished (it has no report.json)", hint=f"finish it: embed-tune train --resume {folder}")


def _known_runs(folder: Path) -> str:
    parent = folder.parent
    names = sorted(p.parent.name for p in parent.glob("*/report.json")) if parent.is_dir() else []
    if near := nearest(folder.name, names):
        return f"did you mean {parent / near}?"
    return f"finished runs there: {', '.join(names[-5:])}" if names else f"there are no finished runs in {parent}"
