"""Watch a folder: each new file in it is a window, taken once when it is complete, also across restarts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.errors import EmbedTuneError
from data.sources.compressed import kind_of
from data.sources.readers import READERS
from data.sources.texts import LINES
from data.storage import write_json
from train.console import quiet_libraries, say
from train.errors import ConfigError
from train.resolve.monitor import MonitorTask
from train.resolve.vectors import TextChoice
from train.runs.folder import RunFolder
from train.workflows.monitor.monitor import look_at, production_of, source_of
from train.workflows.monitor.opened import open_watched
from train.workflows.monitor.results import MonitorResult, records_of

REFUSED_FILE = "refused.json"
"""In the folder monitor/ of the run: files that could not be read, which are not tried again until they change."""
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp")
"""Ends of the names of files that another program is still writing."""
QUIET_SECONDS = 2.0
"""A file that was changed within the last seconds may still be growing, even if its size is the same at two looks."""

Known = tuple[str, int, int]
"""Path, bytes, and time of the last change (ns)."""


def follow_folder(
    task: MonitorTask,
    folder: Path,
    *,
    every: float,
    debug: bool = False,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Iterator[MonitorResult]:
    """Yield what comes of each new file of a folder, oldest first, until the caller stops.

    A file is taken when it is the same at two looks and was not changed for `QUIET_SECONDS`. One that changes after it was taken
    is another window. A file that cannot be read is said, left out, and not tried again until it changes.

    Args:
        task: the run, and what is wanted; its window names the columns.
        folder: which is watched, without those inside it.
        every: seconds between two looks.
        debug: show what libraries log.
        wait: waits so many seconds.
        clock: tells the time in seconds since 1970.

    Raises:
        ConfigError: there is no such folder.
        ModelError, RunError: as `watch_window`.
    """
    quiet_libraries(debug)
    if not folder.is_dir():
        raise ConfigError(f"--follow {folder}: no such folder", hint="make it, or name the folder in which windows appear")
    watched = open_watched(task)
    production = production_of(task, watched)
    taken, columns = _taken(task.records.folder), task.request.window or TextChoice("")
    say(f"watching {folder} (Ctrl-C ends it) …")
    seen: dict[str, Known] = {}
    while True:
        now = dict(_files(folder))
        for path in sorted(now, key=lambda one: (now[one][2], one)):
            about = now[path]
            settled = seen.get(path) == about and clock() - about[2] / 1e9 >= QUIET_SECONDS
            if about in taken or not settled:
                continue
            taken.add(about)
            try:
                yield look_at(replace(columns, place=path), task, watched, production)
            except EmbedTuneError as error:
                _refuse(task.records.folder, about)
                say(f"{Path(path).name} is left out: {error}")
        seen = now
        wait(every)


def _files(folder: Path) -> Iterator[tuple[str, Known]]:
    """Yield the files of a folder that may be windows."""
    for path in folder.iterdir():
        name = path.name
        readable = kind_of(path) in READERS or path.suffix.lower() in LINES
        if name.startswith((".", "~")) or name.lower().endswith(UNFINISHED) or not readable or not path.is_file():
            continue
        known = known_of(source_of(TextChoice(str(path))))
        if known is not None and known[1]:  # an empty file is about to be written
            yield known[0], known


def known_of(source: Any) -> Known | None:
    """Return what makes a file known again, out of a record; None where it is not there."""
    with suppress(KeyError, TypeError, ValueError):
        return str(source["path"]), int(source["bytes"]), int(source["changed"])
    return None


def _taken(run: Path) -> set[Known]:
    """Return the files that were taken before: what has a result, and what could not be read."""
    found = {known_of(record.get("source")) for record in records_of(run)}
    found |= {known_of(one) for one in _refused(run)}
    return {one for one in found if one is not None}


def _refused(run: Path) -> list[Any]:
    file = RunFolder(run).monitor / REFUSED_FILE
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding="utf-8"))
        return list(content["files"]) if isinstance(content, dict) and isinstance(content.get("files"), list) else []
    return []


def _refuse(run: Path, about: Known) -> None:
    """Remember a file that could not be read."""
    room = RunFolder(run).monitor
    room.mkdir(exist_ok=True)
    others = [one for one in _refused(run) if (known := known_of(one)) is not None and known[0] != about[0]]
    write_json(room / REFUSED_FILE, {"files": [*others, dict(zip(("path", "bytes", "changed"), about, strict=True))]})
