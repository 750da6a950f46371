"""The run folder: one folder a run, holding everything that explains, repeats or continues it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from data.storage import staged_folder, write_text
from train.errors import RunError
from train.evaluate.best import best_line, highest_line


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
            mend=f"continue it with --resume {folder}, or choose another name with run_name=…",
        )
    try:
        with staged_folder(folder) as staged:
            record(staged)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror})", mend="choose another place with output_dir=…") from None
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
        raise RunError(f"{folder} is not a run folder (it has no {missing[0]})", mend=known)
    if any(folder.glob("checkpoint-*")) and not (folder / "scores.jsonl").is_file():
        raise _broken(folder, f"{folder / 'scores.jsonl'} is missing, which says how good the checkpoints are")
    if (folder / "report.json").is_file():
        raise RunError(f"{folder} is finished already", mend=f"read {folder / 'report.html'}, or start a new run")
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
    mend = f"put the file back; or begin anew with the same settings: --config {run / 'config.yaml'} run_name=NAME"
    return RunError(what, mend=mend)


def default_name(dataset: str) -> str:
    """A run name out of the first data set and the time."""
    return f"{dataset}-{time.strftime('%Y%m%d-%H%M%S')}"


class ScoreLog:
    """`scores.jsonl`: one line a checkpoint, step 0 is the base. The order of steps is ascending, each at most once.

    Every rank keeps the lines, so that all come to the same best checkpoint; only the one with `writes` touches the file.
    """

    def __init__(self, path: Path, writes: bool = True) -> None:
        self.path, self.writes = path, writes
        self.lines: list[dict[str, Any]] = []
        if path.is_file():
            self.lines = list(_score_lines(path))

    def add(self, line: Mapping[str, Any]) -> None:
        """Add a checkpoint's scores; a line of the same or a later step (from before a kill) is replaced."""
        self.forget_after(line["step"] - 1)
        self.lines.append(dict(line))
        self._write()

    def forget_after(self, step: int) -> None:
        """Drop what was scored after the checkpoint from which a run continues."""
        kept = [line for line in self.lines if line["step"] <= step]
        if kept != self.lines:
            self.lines = kept
            self._write()

    def best(self) -> Mapping[str, Any] | None:
        """The checkpoint that is taken, see `best_line`. One that once was passed over is never taken later."""
        return best_line(self.lines)

    def without_improvement(self) -> int:
        """Checkpoints judged since the one with the highest score."""
        highest = highest_line(self.lines)
        return sum(line["step"] > highest["step"] for line in self.lines) if highest else 0

    def _write(self) -> None:
        if self.writes:
            write_text(self.path, "".join(json.dumps(line, allow_nan=False) + "\n" for line in self.lines))


def _score_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
            line["step"]
        except (ValueError, TypeError, KeyError) as error:
            raise _broken(path.parent, f"{path}, line {number} is broken ({type(error).__name__})") from None
        yield line
