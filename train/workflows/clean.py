"""`embed-tune clean`: what takes room in a folder of runs and nobody needs, and its removal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.storage import remove_folder, remove_path
from train.errors import ConfigError, RunError
from train.fit.checkpoints import STAGING, mark_ended
from train.runs.find import RUNS, find_run, look_up
from train.runs.leftovers import KINDS, Leftover, find_leftovers, is_finished


@dataclass(frozen=True)
class Cleaning:
    """What can go, or went.

    Attributes:
        folder: that was looked into.
        found: what can go; after `remove`, what went.
        kept: sentences about what was left alone, and why.
    """

    folder: Path
    found: tuple[Leftover, ...]
    kept: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """All of it together."""
        return sum(one.bytes for one in self.found)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        found = [{"kind": one.kind, "path": str(one.path), "bytes": one.bytes} for one in self.found]
        return {"folder": str(self.folder), "bytes": self.bytes, "found": found, "kept": list(self.kept)}

    def lines(self, paths: bool = False) -> list[str]:
        """Return a line a kind with its size and what is lost, and then the sum.

        Args:
            paths: list each file or folder, say what each kind is for, and what was left alone.
        """
        if not self.found:
            return [f"nothing to clean in {self.folder}", *([f"  {one}" for one in self.kept] if paths else [])]
        lines = []
        for kind in KINDS.values():
            mine = [one for one in self.found if one.kind == kind.name]
            if not mine:
                continue
            lines.append(f"{in_bytes(sum(one.bytes for one in mine)):>9}  {kind.name}: {kind.what}; lost: {kind.lost}")
            if paths:
                lines.append(f"{'':11}for {kind.purpose}")
                lines += [f"{in_bytes(one.bytes):>20}  {one.path}" for one in mine]
        lines.append(f"{in_bytes(self.bytes):>9}  together")
        return lines + ([f"  {one}" for one in self.kept] if paths else [])

    def __str__(self) -> str:
        return "\n".join(self.lines())


def look_for_leftovers(folder: Path, kinds: Sequence[str] = (), *, output_dir: str | Path = RUNS) -> Cleaning:
    """Find what can go; nothing is removed.

    Args:
        folder: of runs, or a run: its folder or its bare name.
        kinds: keys of `KINDS`; none for all.
        output_dir: where bare names of runs are looked for.

    Raises:
        ConfigError: there is no such kind.
        RunError: there is no such folder, or it cannot be read.
    """
    if unknown := next((one for one in kinds if one not in KINDS), None):
        raise ConfigError(f"--only {unknown}: no such kind", hint=f"use {', '.join(KINDS)}")
    place = look_up(folder, output_dir)
    if place is None:
        if folder == Path(output_dir):
            raise RunError(f"{folder} does not exist", hint="name the folder that holds your runs")
        place = find_run(folder, output_dir)
    try:
        leftovers = find_leftovers(place, kinds or tuple(KINDS))
    except OSError as error:
        raise RunError(f"{place} cannot be read ({error.strerror or error})", hint="check its permissions") from None
    return Cleaning(leftovers.folder, leftovers.found, leftovers.kept)


def remove_leftovers(cleaning: Cleaning) -> Cleaning:
    """Remove what was found, but for what belongs to runs that are no longer finished: somebody wants to judge them again.

    Returns:
        What went, and why the rest did not.
    """
    gone, kept = [], []
    for one in cleaning.found:
        if one.run is not None and not is_finished(one.run):
            kept.append(f"{one.path} stays: {one.run.name} is no longer finished")
            continue
        try:
            _remove(one)
        except OSError as error:
            kept.append(f"{one.path} could not be removed ({error.strerror or error})")
        else:
            gone.append(one)
    return Cleaning(cleaning.folder, tuple(gone), tuple(kept))


def _remove(one: Leftover) -> None:
    if one.run is not None and one.kind in ("states", "checkpoints"):
        mark_ended(one.run)  # first: without states, or the last checkpoint, it can be judged again and not trained on
    if one.kind == "checkpoints":
        remove_folder(one.path, one.run / STAGING if one.run else one.path.parent)
        if one.run is not None:
            remove_path(one.run / STAGING)
    else:
        remove_path(one.path)


def in_bytes(size: int) -> str:
    """Write bytes in the largest decimal unit that fits: "384 B", "1.5 GB"."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:,} B"
