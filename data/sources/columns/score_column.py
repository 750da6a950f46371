"""A column that may hold scores or classes: what one pass over it finds, and how its cells are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from data.errors import DataError
from data.sources.cells import counted_rows, is_blank
from data.sources.columns.score_range import DROP_HINT, MOST_CLASSES, ScoreScan, excerpt, parse_score, scan_scores
from data.sources.columns.truth_words import plain_word, truth_among, truth_of

DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")

PERCENT = re.compile(r"\s*[-+]?\d+(?:[.,]\d+)?\s*%\s*")

MOST_WORDS = 200
"""Distinct words that are counted; what has more is text."""


@dataclass(frozen=True)
class Reading:
    """How the cells of a column of scores are read.

    Attributes:
        words: 1 or 0 by word, where the column says true and false in words.
        decimal_comma: whether the comma in "0,75" is a decimal point.
        percent: whether "75 %" is 0.75.
        no_label: a number that stands for no label.
    """

    words: Mapping[str, float] = field(default_factory=dict)
    decimal_comma: bool = False
    percent: bool = False
    no_label: float | None = None

    def parse(self, value: object, where: str) -> float:
        """Return the number in a cell, or raise a `DataError`."""
        if isinstance(value, str):
            if self.words and (number := self.words.get(plain_word(value))) is not None:
                return number
            if self.percent and PERCENT.fullmatch(value):
                return share_of(value)
            if self.decimal_comma and DECIMAL_COMMA.fullmatch(value):
                value = value.replace(",", ".")
        number = parse_score(value, where)
        if number == self.no_label:
            raise DataError(f"the label is {number:g}, which stands for 'no label'", where=where, hint=DROP_HINT)
        return number


def share_of(text: str) -> float:
    """Return the number that a percentage is.

    >>> share_of("75 %"), share_of("7,5%")
    (0.75, 0.075)
    """
    return float(text.strip().rstrip("%").replace(",", ".")) / 100


@dataclass
class ColumnScan:
    """What one pass over a column found.

    Attributes:
        rows: cells of all kinds.
        blank: cells without anything.
        numbers: the cells that are numbers as they stand.
        with_comma: those that are numbers with a decimal comma.
        percent: those that are percentages.
        points: cells with a decimal point.
        words: how often each other text occurs, by `plain_word`; no longer counted from `MOST_WORDS` on.
        spelt: each of these as it stands first.
        lists: cells that hold lists or objects.
        first_list: the first of these.
        first_error: what is wrong with the first cell that is no number, as `parse_score` says it.
    """

    rows: int = 0
    blank: int = 0
    numbers: ScoreScan = field(default_factory=ScoreScan)
    with_comma: ScoreScan = field(default_factory=ScoreScan)
    percent: ScoreScan = field(default_factory=ScoreScan)
    points: int = 0
    words: dict[str, int] = field(default_factory=dict)
    spelt: dict[str, str] = field(default_factory=dict)
    lists: int = 0
    first_list: object = None
    first_error: DataError | None = None

    def add(self, value: object, shown: str, number: int, where: str) -> None:
        """Take a cell into account: of row `number` of `shown`; `where` is its place for a message."""
        self.rows += 1
        if isinstance(value, list | dict):
            self.lists += bool(value)
            self.first_list = self.first_list or value
            self.blank += not value
            return
        if is_blank(value):
            self.blank += 1
            return
        try:
            self.numbers.add(parse_score(value, where), (shown, number))
            self.points += isinstance(value, float) or (isinstance(value, str) and "." in value)
        except DataError as error:
            self.first_error = self.first_error or error
            if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value):
                self.with_comma.add(float(value.replace(",", ".")), (shown, number))
            elif isinstance(value, str) and PERCENT.fullmatch(value):
                self.percent.add(share_of(value), (shown, number))
            else:
                self._add_word(str(value))

    def _add_word(self, text: str) -> None:
        word = plain_word(text)
        if word in self.words or len(self.words) < MOST_WORDS:
            self.words[word] = self.words.get(word, 0) + 1
            self.spelt.setdefault(word, text.strip())

    @property
    def filled(self) -> int:
        """Return the number of cells that hold something."""
        return self.rows - self.blank

    def holds_classes(self) -> bool:
        """Tell whether the cells are a few words, each for many rows."""
        others = self.numbers.count + self.with_comma.count + self.percent.count + self.lists
        counted = sum(self.words.values())
        return bool(self.words) and not others and len(self.words) <= MOST_CLASSES and len(self.words) <= max(counted / 2, 2)

    def settle(self, *, dropping: bool) -> tuple[Reading, ScoreScan, list[str]]:
        """Return how the cells are read, the scores that come out, and what the user should know.

        Args:
            dropping: cells that cannot be read are left out, so that some may be there.
        """
        scores = self.numbers
        if self.with_comma.count and not self.points:
            scores.join(self.with_comma)
            return Reading(decimal_comma=True), scores, ["the scores are written with a decimal comma: '0,75' is read as 0.75"]
        if self.percent.count and not (scores.count or self.with_comma.count or self.words):
            return Reading(percent=True), self.percent, ["the scores are written as percentages: '75 %' is read as 0.75"]
        truth = truth_of(self.words)
        if truth is None and dropping and not scores.count:
            truth = truth_among(self.words)
        if not truth or not self.has_room_for_truth():
            scores.first_error = self.first_error
            return Reading(), scores, []
        beside = f", beside {counted_rows(scores.count)} with 0 and 1" if scores.count else ""
        for word, value in truth.items():
            scores.add(value, times=self.words[word])
        read = " and ".join(
            f"{excerpt(self.spelt[word])} ({counted_rows(self.words[word])}) as {value:g}"
            for word, value in sorted(truth.items(), key=lambda item: -item[1])
        )
        return Reading(words=truth), scores, [f"words are read as scores: {read}{beside}"]

    def has_room_for_truth(self) -> bool:
        """Tell whether words for true and false may stand beside the other cells: there are none, or they are 0 and 1."""
        if self.with_comma.count or self.percent.count:
            return False
        return not self.numbers.count or (self.numbers.values is not None and set(self.numbers.values) <= {0, 1})

    def read_by(self, reading: Reading) -> ScoreScan:
        """Return the scores of the cells as they are read."""
        scores = ScoreScan()
        for part in (self.numbers, self.with_comma if reading.decimal_comma else None, self.percent if reading.percent else None):
            if part is not None and part.count:
                scores.join(part)
        for word, value in reading.words.items():
            if word in self.words:
                scores.add(value, times=self.words[word])
        if reading.no_label is not None:
            scores = scan_scores(
                value for value, times in (scores.values or {}).items() if value != reading.no_label for _ in range(times)
            )
        return scores

    def join(self, other: ColumnScan) -> None:
        """Take what another pass found into account."""
        self.rows += other.rows
        self.blank += other.blank
        self.points += other.points
        self.lists += other.lists
        self.first_list = self.first_list or other.first_list
        self.first_error = self.first_error or other.first_error
        for mine, its in ((self.numbers, other.numbers), (self.with_comma, other.with_comma), (self.percent, other.percent)):
            mine.join(its)
        for word, count in other.words.items():
            if word in self.words or len(self.words) < MOST_WORDS:
                self.words[word] = self.words.get(word, 0) + count
                self.spelt.setdefault(word, other.spelt[word])

    def classes(self) -> str:
        """List the values with their counts, for a message, the most frequent first."""
        named: list[tuple[str, int]] = [(self.spelt[word], count) for word, count in self.words.items()]
        named += [(f"{value:g}", count) for value, count in (self.numbers.values or {}).items()]
        named.sort(key=lambda item: (-item[1], item[0]))
        shown = [f"{excerpt(name)[1:-1]} ({count:,})" for name, count in named[:6]]
        return ", ".join(shown) + (f" and {len(named) - 6} more" if len(named) > 6 else "")


def joined(parts: Iterable[ColumnScan]) -> ColumnScan:
    """Return what several passes over one column found together."""
    found = ColumnScan()
    for part in parts:
        found.join(part)
    return found
