"""What was found out about a window: as an object, as JSON, as words, and where it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.storage import write_json, write_text
from train.console import notebook_view, plain
from train.errors import RunError
from train.report.monitor_page import LEVEL_SIGNS, NOT_TOLD, NewText, Past, sign_of
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_mapping
from train.watch.alarm import WindowVerdict
from train.watch.checks import LEVELS, SURROUNDING, Check

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
"""Of the JSON; raised when earlier versions could not read it."""
SHOWN = 3
"""New texts, and canaries of a check, that the terminal shows."""
LONGEST = 110
"""Characters of a text on the terminal."""


@dataclass(frozen=True)
class MonitorResult:
    """What was found out about a window.

    Attributes:
        run: folder of the run.
        dataset, role, model: what it was compared with, and who encoded it.
        window: the file's name, its path, the rows in it and the different texts that were looked at.
        verdict: level and checks.
        headline: the first line of every report.
        new: the most foreign texts, each of another kind, with the nearest ones of the reference.
        canaries_asked: where the canaries were asked, in words.
        notes: what else should be known, doubts first.
        doubts: those of the notes that say what the window seems to be by mistake.
        next_steps: commands, each with what it is for.
        finished_at: ISO 8601 in UTC.
        source: what makes the file known again: path, bytes, time of the last change.
        file, page, sheet: where JSON, page and sheet were written.
    """

    run: Path
    dataset: str
    role: str
    model: str
    window: Mapping[str, Any]
    verdict: WindowVerdict
    headline: str
    new: tuple[NewText, ...]
    canaries_asked: str
    notes: tuple[str, ...]
    next_steps: tuple[tuple[str, str], ...]
    finished_at: str
    source: Mapping[str, Any]
    file: Path | None = None
    page: Path | None = None
    sheet: Path | None = None
    doubts: tuple[str, ...] = ()

    @property
    def level(self) -> str:
        """`quiet`, `look` or `alarm`."""
        return self.verdict.level

    @property
    def checks(self) -> list[Check]:
        """The checks, the gravest first."""
        return sorted(self.verdict.checks, key=lambda check: (not check.told, -LEVELS.index(check.level)))

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints and the file in monitor/ holds. Texts are among it: it stays on the machine."""
        told = self.verdict.to_dict()
        named = {"file": self.file, "page": self.page, "sheet": self.sheet}
        return {
            "format": FORMAT,
            "run": self.run.resolve().name,
            "dataset": self.dataset,
            "role": self.role,
            "model": self.model,
            "headline": self.headline,
            **told,
            "window": {**self.window, **told["window"]},
            "canaries_asked": self.canaries_asked,
            "new": [one.to_dict() for one in self.new],
            "warnings": list(self.notes),
            "next": [{"command": command, "for": purpose} for command, purpose in self.next_steps],
            "finished_at": self.finished_at,
            "source": dict(self.source),
            **{name: None if path is None else str(path) for name, path in named.items()},
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a check."""
        import pandas as pd

        columns = ["name", "level", "figure", "interval", "p", "told", "sentence"]
        return pd.DataFrame([check.to_dict() for check in self.checks], columns=columns)

    def __str__(self) -> str:
        """Return one screen for people."""
        lines = [f"{sign_of(self.verdict)} {self.verdict.heading}: {self.headline}", *(f"note: {one}" for one in self.doubts)]
        for one in (check for check in self.checks if check.told or check.name in SURROUNDING):
            lines.append(f"  {LEVEL_SIGNS[one.level] if one.told else '·'} {one.sentence}")
            if one.named and one.told and one.level != "quiet":
                more = f" and {len(one.named) - SHOWN:,} more" if len(one.named) > SHOWN else ""
                lines.append(f"    {', '.join(f'“{_short(name)}”' for name in one.named[:SHOWN])}{more}")
        if self.new and self.verdict.texts_speak:
            lines.append("what is new (the most foreign texts, and the nearest of the reference):")
            lines += [f"  {_short(one.text)}\n    ~ {_short(one.nearest)}" for one in self.new[:SHOWN]]
        lines += [f"note: {note}" for note in (*self.notes[len(self.doubts) :], *self.verdict.notes)]
        lines += [f"{purpose}: {command}" for command, purpose in self.next_steps]
        lines += [f"{what}: {path}" for what, path in (("sheet", self.sheet), ("page", self.page)) if path is not None]
        return "\n".join(plain(line) if "\n" not in line else line for line in lines)

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())


def _short(text: str) -> str:
    words = plain(" ".join(text.split()))
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def stem_of(run: Path, name: str, moment: datetime | None = None) -> Path:
    """Return where the results about a window go, without a suffix; nothing of that name is there yet."""
    when = (moment or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    word = re.sub(r"[^\w.-]+", "-", Path(name).stem).strip(".-")[:80] or "window"
    first = RunFolder(run).monitor / f"{word}-{when}"
    stem, number = first, 2
    while stem.with_name(f"{stem.name}.json").exists():
        stem, number = first.with_name(f"{first.name}-{number}"), number + 1
    return stem


def write_results(result: MonitorResult, page: str) -> None:
    """Write the page, and last the JSON: what has a JSON is complete.

    Raises:
        RunError: they cannot be written.
    """
    assert result.file is not None and result.page is not None
    try:
        result.file.parent.mkdir(exist_ok=True)
        write_text(result.page, page)
        write_json(result.file, result.to_dict())
    except OSError as error:
        raise RunError(
            f"{result.file.parent} cannot be written ({error.strerror or error})", hint="make room, or check the permissions"
        ) from None


def earlier(run: Path, dataset: str, role: str) -> list[Past]:
    """Return the windows that were looked at before, the oldest first; files that cannot be read are left out."""
    found = []
    for record in records_of(run):
        try:
            if (record["dataset"], record["role"]) != (dataset, role):
                continue
            novel = any(check["name"] == "novelty" and check["level"] != "quiet" for check in record["checks"])
            figure = float(record["foreign"]["share"]) if record["foreign"] is not None and novel else None
            level = word_of(str(record["level"]), record.get("told", True))
            found.append(Past(str(record["window"]["name"]), str(record["finished_at"]), level, figure))
        except (KeyError, TypeError):
            continue
    return sorted(found, key=lambda one: one.finished_at)


def word_of(level: str, told: bool) -> str:
    """Return the word for the level of a window among others."""
    return NOT_TOLD if level == "quiet" and not told else level


def records_of(run: Path) -> Sequence[Mapping[str, Any]]:
    """Return what is in the JSON files about windows."""
    found: list[Mapping[str, Any]] = []
    for path in sorted(RunFolder(run).monitor.glob("*.json")):
        try:
            record = read_mapping(path)
        except BrokenRecord:
            continue
        if "level" in record and "window" in record:
            found.append(record)
    return found
