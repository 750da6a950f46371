"""What lies in a folder of runs that nobody needs to go on, by kind, with the bytes that it takes.

Only finished runs are looked into: an unfinished one may need everything it has, and so may one that is damaged. Models, reports,
scores, data that callers of the Python API handed over, and results of benchmarks are never among what is found.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from data.storage import ASIDE
from train.fit.checkpoints import STAGING, list_checkpoints, states_of
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_report
from train.runs.score_log import best_line, read_scores

MAYBE_RUNNING = 3600.0
"""Seconds for which an unfinished run in which nothing was written may still be running."""
IN_USE = 600.0
"""Seconds for which a cache that was written to may be in use."""
ABANDONED = 86_400.0
"""Seconds after which nobody is still writing what was not renamed when it was complete."""
PREPARED = re.compile(r".+-[0-9a-f]{12}")
"""Names of the folders of data sets converted to Arrow."""


class Kind(NamedTuple):
    """A kind of what can go: what it is, what it is for, and what is lost with it."""

    name: str
    what: str
    purpose: str
    lost: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("states", "optimizer states of finished runs", "training on after a stop", "nothing: they train on no more"),
        Kind("checkpoints", "checkpoints that were not taken", "looking at other steps", "their weights"),
        Kind("parts", "models of finished folds and seeds", "choosing among them", "nothing: their scores stay"),
        Kind("wandb", "wandb's offline files that were uploaded", "uploading them", "nothing: the server has them"),
        Kind("staging", "what stopped programs left half written", "nothing", "nothing"),
        Kind("vectors", "the cache of vectors", "judging without computing them again", "time, and money with an API"),
        Kind("tokens", "the cache of token ids", "reading texts without tokenising them", "time"),
        Kind("uploads", "parts of unfinished uploads", "continuing them", "time, and money with an API"),
        Kind("data", "data sets converted to Arrow", "reading them without converting them", "time"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Leftover:
    """A file or folder that can go.

    Attributes:
        kind: which of `KINDS`.
        path: of it.
        bytes: that it takes.
        run: the finished run that it is in; None in a cache, or beside the runs.
    """

    kind: str
    path: Path
    bytes: int
    run: Path | None = None


@dataclass(frozen=True)
class Leftovers:
    """What can go.

    Attributes:
        folder: that was looked into.
        found: by run and kind.
        kept: sentences about what was left alone, and why.
    """

    folder: Path
    found: tuple[Leftover, ...]
    kept: tuple[str, ...]


def find_leftovers(folder: Path, kinds: Iterable[str] = tuple(KINDS)) -> Leftovers:
    """Find what can go in a folder of runs, or in one run.

    Args:
        folder: of the runs, or of a single one.
        kinds: keys of `KINDS`; all of them by default.
    """
    wanted, kept, found = set(kinds), [], []
    single = RunFolder(folder).is_run
    runs = [folder] if single else sorted(path for path in folder.iterdir() if _is_own_folder(path) and path.name[0] != ".")
    running = []
    for run in runs:
        if is_finished(run):
            found += list(_of_run(run))
        elif RunFolder(run).is_run or list_checkpoints(run):
            kept.append(f"{run.name} is not finished, so all of it stays")
            running += [run.name] if _age(run) < MAYBE_RUNNING else []
    if not single:
        found += [Leftover("staging", path, size_of(path)) for path in _half_written(folder)]
        cached, notes = _of_cache(folder / ".cache", running)
        found += cached
        kept += notes
    return Leftovers(folder, tuple(one for one in found if one.kind in wanted), tuple(kept))


def is_finished(run: Path) -> bool:
    """Tell whether a folder is a run whose training is over and whose report can be read."""
    files = RunFolder(run)
    if not (files.is_finished and files.config.is_file() and files.environment.is_file()):
        return False
    try:
        read_report(run)
    except BrokenRecord:
        return False
    return True


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; links count for themselves."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum((Path(place) / name).lstat().st_size for place, _, names in os.walk(path) for name in names)


def _of_run(run: Path) -> Iterator[Leftover]:
    """Find what can go in a finished run."""
    for path in _not_taken(run):
        yield Leftover("checkpoints", path, sum(size_of(one) for one in path.iterdir() if one not in states_of(path)), run)
    for checkpoint in list_checkpoints(run).values():
        for path in states_of(checkpoint):
            yield Leftover("states", path, size_of(path), run)
    files = RunFolder(run)
    for room in (files.folds, files.seeds):
        inner = sorted(path for path in room.iterdir() if _is_own_folder(path)) if _is_own_folder(room) else []
        for part in inner:
            spare = [part] if part.name == ".cache" else _weights_of(part)
            yield from (Leftover("parts", path, size_of(path), run) for path in spare if path.exists())
    for path in sorted((run / "wandb").glob("offline-run-*")):
        if _is_own_folder(path) and any(path.glob("*.wandb.synced")):
            yield Leftover("wandb", path, size_of(path), run)
    if _is_own_folder(run / STAGING):
        yield Leftover("staging", run / STAGING, size_of(run / STAGING), run)
    for place in (run, files.exports, files.monitor):
        if _is_own_folder(place):
            yield from (Leftover("staging", path, size_of(path), run) for path in _half_written(place))


def _not_taken(run: Path) -> list[Path]:
    """Return the checkpoints that are neither the one that was taken nor kept by the user's wish (`keep_all_checkpoints`)."""
    steps = list_checkpoints(run)
    try:
        config = yaml.safe_load(RunFolder(run).config.read_text(encoding="utf-8"))
        best = best_line(read_scores(run))
        if config["training"]["keep_all_checkpoints"] is not False:
            return []
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, BrokenRecord):
        return []  # what is not known to be spare stays
    taken = best.step if best else max(steps, default=0)
    return [path for step, path in steps.items() if step != taken and not path.is_symlink()] if taken in steps else []


def _weights_of(part: Path) -> list[Path]:
    """Return the weights of a run inside of a run that is finished."""
    if not is_finished(part):
        return []
    return [path for path in (RunFolder(part).model, *list_checkpoints(part).values()) if not path.is_symlink()]


def _of_cache(cache: Path, running: list[str]) -> tuple[list[Leftover], list[str]]:
    """Find what can go of what all runs share, unless somebody may be using it."""
    if not _is_own_folder(cache):
        return [], []
    if running:
        return [], [f"{running[0]} may still be running, so the caches stay"]
    names = {"vectors": "vectors", "tokens": "tokens", "uploads": "uploads"} | dict.fromkeys(
        ("mixtures", "row_vectors", "mined", "audits"), "data"
    )
    found, kept = [], []
    for path in sorted(one for one in cache.iterdir() if _is_own_folder(one)):
        kind = names.get(path.name) or ("data" if PREPARED.fullmatch(path.name) else None)
        if kind is None or (kind == "uploads" and not size_of(path)):
            continue
        if _age(path) < IN_USE:
            kept.append(f"{path.name} was used within the last {IN_USE / 60:.0f} minutes, so it stays")
        else:
            found.append(Leftover(kind, path, size_of(path)))
    return found, kept


def _half_written(folder: Path) -> list[Path]:
    """Return what writers left under another name long ago."""
    return [path for path in sorted(folder.glob(f".*{ASIDE}")) if not path.is_symlink() and _age(path) > ABANDONED]


def _is_own_folder(path: Path) -> bool:
    """Tell whether this is a folder and no link to one that lies elsewhere."""
    return path.is_dir() and not path.is_symlink()


def _age(path: Path) -> float:
    """Return the seconds since something was last written in a folder, at any depth."""
    newest = path.lstat().st_mtime
    for place, _, names in os.walk(path):
        newest = max([newest, Path(place).lstat().st_mtime, *((Path(place) / name).lstat().st_mtime for name in names)])
    return time.time() - newest
