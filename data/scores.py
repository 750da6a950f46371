"""Similarity scores: reading one, recognising the range of all, bringing them to 0..1."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from data.schema import DataError

KNOWN_RANGES = ((0.0, 1.0), (0.0, 5.0), (-1.0, 1.0))
"""Ranges that are recognised, tried in this order: the first that holds every score is taken."""

RANGE_MEND = (
    "give the lowest and highest possible score: score_range: [LOW, HIGH] under the data set in the YAML,"
    " or on the command line data.score_range=[LOW,HIGH]"
)


@dataclass(frozen=True)
class ScoreRange:
    """The range in which the scores of a source are given."""

    low: float
    high: float

    def scale(self, score: float) -> float:
        """`score` brought to 0..1. Scores outside of the range are the caller's error (see `check`)."""
        return (score - self.low) / (self.high - self.low)

    def check(self, score: float, where: str) -> float:
        """`score` if it lies in the range, else a `DataError`."""
        if not self.low <= score <= self.high:
            raise DataError(
                f"score {score:g} is outside of the range {self.low:g}..{self.high:g}",
                where=where,
                mend=f"correct the score, or {RANGE_MEND}",
            )
        return score


def parse_score(value: object, where: str) -> float:
    """A finite number out of a cell (text, int, float or bool).

    Raises:
        DataError: the cell is empty, no number, NaN or infinite.
    """
    mend = "write a number with a decimal point; bad_rows: drop (data.bad_rows=drop) leaves such rows out"
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError("the score is missing", where=where, mend=mend)
    try:
        # float() also takes "1_000"; a score written so is more likely a slip
        number = math.nan if isinstance(value, str) and "_" in value else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        what, plain = f"the score {excerpt(value)} is not a number", "the score is not a number"
        raise DataError(what, where=where, mend=mend, plain=plain) from None
    if not math.isfinite(number):
        raise DataError(f"the score {excerpt(value)} is not a finite number", where=where, mend=mend)
    return number


def excerpt(value: object) -> str:
    """At most 60 characters of a value, for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass
class ScoreScan:
    """What one streaming pass over the scores found."""

    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    few_values: frozenset[float] | None = frozenset()
    """The distinct scores while there are at most four, else None."""

    def add(self, score: float) -> None:
        """Takes one score into account."""
        self.count += 1
        self.low, self.high = min(self.low, score), max(self.high, score)
        if self.few_values is not None and score not in self.few_values:
            self.few_values = None if len(self.few_values) == 4 else self.few_values | {score}

    def looks_like_classes(self, two: bool) -> bool:
        """Whether the values are those of natural language inference (0, 1, 2, and -1 for none) rather than similarities.

        `two`: 0 and 1 count as classes, too.
        """
        values = (self.few_values or frozenset()) - {-1.0}
        return values == {0.0, 1.0, 2.0} or (two and values == {0.0, 1.0})


def recognise_range(scan: ScoreScan, where: str) -> tuple[ScoreRange, list[str]]:
    """The range that holds every score, with notes for the user.

    Raises:
        DataError: there are no scores, or they fit none of `KNOWN_RANGES`.
    """
    if scan.count == 0:
        raise DataError("no row has a score that is a number", where=where, mend="look at the column of scores")
    for low, high in KNOWN_RANGES:
        if low <= scan.low and scan.high <= high:
            notes = []
            if high == 5 and scan.high < 4:
                notes.append(f"the highest score is {scan.high:g}; if the scale does not end at 5, {RANGE_MEND}")
            return ScoreRange(low, high), notes
    raise DataError(
        f"the scores lie in {scan.low:g}..{scan.high:g}, which is none of the ranges that are recognised (0..1, 0..5, -1..1)",
        where=where,
        mend=RANGE_MEND,
    )


def scan_scores(values: Iterable[float]) -> ScoreScan:
    """A `ScoreScan` over `values`.

    >>> recognise_range(scan_scores([0.0, 4.2, 5.0]), "pairs.csv")[0]
    ScoreRange(low=0.0, high=5.0)
    """
    scan = ScoreScan()
    for value in values:
        scan.add(value)
    return scan
