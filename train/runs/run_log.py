"""run.log: every line that a run says, details included, with the time of day.

Lines from before the run has a folder are kept until it has one. Only the main process says anything, so only it writes. Trouble
with the file never stops a run.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from data.errors import EmbedTuneError
from train.console import noted_by, now
from train.distributed import is_main
from train.machine import own_version
from train.runs.folder import RunFolder

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_open: dict[int, RunLog] = {}
"""The log of each thread in which a run goes on."""


class RunLog:
    """What one run says."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._early: list[str] = []
        self._thread = threading.get_ident()

    def note(self, line: str) -> None:
        """Write a line, unless it belongs to a run in another thread."""
        if _open.get(threading.get_ident(), self) is not self:
            return
        stamp = datetime.now(UTC).strftime("%H:%M:%S")
        lines = [f"{stamp} {one}".rstrip() for one in _COLOURS.sub("", line).split("\n")]
        if self._path is None:
            self._early += lines
        else:
            self._append(lines)

    def keep(self, run: Path) -> None:
        """Write to the folder of the run from now on, below what earlier sessions wrote."""
        self._path = RunFolder(run).log
        word = "continued" if self._path.exists() else "begun"
        self._append([f"{now()} {word} by embed-tune {own_version()}; times are UTC", *self._early])
        self._early = []

    def _append(self, lines: list[str]) -> None:
        if self._path is None or not self._path.parent.is_dir():  # a run that fails before training leaves no folder
            return
        with suppress(OSError), self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in lines)


def logged(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Log what a run says while the function carries it out; a run inside of another one is part of the other's log."""

    @wraps(function)
    def log_it(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        here = threading.get_ident()
        if here in _open or not is_main():
            return function(*args, **kwargs)
        log = _open[here] = RunLog()
        try:
            with noted_by(log.note):
                return function(*args, **kwargs)
        except EmbedTuneError as error:
            log.note(f"ended: {error}")
            raise
        except BaseException as error:
            log.note(f"ended: {type(error).__name__}")
            raise
        finally:
            del _open[here]

    return log_it


def keep_log(run: Path) -> None:
    """Write the log of the run of this thread to its folder, unless that is a run inside of another one."""
    log = _open.get(threading.get_ident())
    if log is not None and log._path is None:
        log.keep(run)
