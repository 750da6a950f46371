"""Find a run by its folder or its name. Every command looks in the same places and says the same where there is none."""

from __future__ import annotations

from pathlib import Path

from data.errors import nearest
from train.encode.exported.record import holds_export
from train.errors import RunError
from train.fit.checkpoints import list_checkpoints
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord

RUNS = Path("checkpoints")
"""Where a bare run name is looked for unless `output_dir` says otherwise."""

SHOWN = 5
"""Runs that an error names."""


def look_up(name: str | Path, output_dir: str | Path = RUNS) -> Path | None:
    """Return the folder that a word means: one of that path, a run of that name, or an export of one (`first/exports/onnx`);
    None for none of them.

    The path takes precedence, unless it is no run and a run has that name, so that a folder `first` of something else does not
    hide checkpoints/first.

    Args:
        name: path of a folder, or the bare name of a run.
        output_dir: where bare names are looked for.
    """
    path = Path(name).expanduser()
    named = Path(output_dir) / path
    if len(path.parts) == 1 and not RunFolder(path).is_run and RunFolder(named).is_run:
        return named
    if path.is_dir():
        return path
    return named if holds_export(named) else None


def find_run(name: str | Path, output_dir: str | Path = RUNS) -> Path:
    """Return the folder of a run, finished or not.

    Args:
        name: path of its folder, or its bare name.
        output_dir: where bare names are looked for.

    Raises:
        RunError: there is no such run; says which one may be meant, and which ones there are.
    """
    folder = look_up(name, output_dir)
    if folder is not None and RunFolder(folder).is_run:
        return folder
    path = Path(name).expanduser()
    if folder is not None:
        raise RunError(f"{folder} is not the folder of a run", hint=_known_runs(path, Path(output_dir)))
    raise RunError(f"{name}: no such run", hint=_known_runs(path, Path(output_dir)))


def find_finished(name: str | Path, output_dir: str | Path = RUNS) -> Path:
    """Return the folder of a finished run; see `find_run`.

    Raises:
        RunError: there is no such run, or it is not finished.
    """
    folder = find_run(name, output_dir)
    if not RunFolder(folder).is_finished:
        raise RunError(
            f"{folder} is not finished (it has no {RunFolder(folder).report.name})",
            hint=f"finish it: embed-tune train --resume {folder}",
        )
    return folder


def find_unfinished(name: str | Path, output_dir: str | Path = RUNS) -> Path:
    """Return the folder of a run that can be resumed; see `find_run`.

    Raises:
        RunError: there is no such run, it is finished, or a file that it needs is missing.
    """
    folder = find_run(name, output_dir)
    run = RunFolder(folder)
    if missing := next((file for file in (run.config, run.environment) if not file.is_file()), None):
        raise RunError(
            f"{folder} cannot be resumed (it has no {missing.name})", hint="put a copy of the file back, or start a new run"
        )
    if list_checkpoints(folder) and not run.scores.is_file():
        raise BrokenRecord(run.scores, "is missing, which says how good the checkpoints are")
    if run.is_finished:
        raise RunError(f"{folder} is already finished", hint=f"read {run.page}, or start a new run")
    return folder


def _known_runs(path: Path, output_dir: Path) -> str:
    """Say which run may be meant and which ones there are, as a hint."""
    parent = output_dir if len(path.parts) == 1 else path.parent
    try:
        names = sorted(one.name for one in parent.iterdir() if not one.name.startswith(".") and RunFolder(one).is_run)
    except OSError:
        names = []
    if not names:
        return f"there are no runs in {parent}" + ("; for a run elsewhere, give its folder" if len(path.parts) == 1 else "")
    near = nearest(path.name, names)
    meant = f"did you mean {parent / near}? " if near else ""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{meant}runs there: {', '.join(names[-SHOWN:])}{more}"
