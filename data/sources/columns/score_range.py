"""Similarity scores: reading one, recognising the range of all, bringing them to 0..1."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from data.errors import DataError

KNOWN_RANGES = ((0.0, 1.0), (0.0, 5.0), (-1.0, 1.0))
"""Ranges that are recognised, tried in this order: the first that holds every score is taken."""

USUAL_SCALES = ((1, 7), (0, 7), (1, 10), (0, 10), (0, 100))
"""Other scales that people use, for advice."""

DROP_HINT = "leave such rows out: bad_rows: drop in the YAML, data.bad_rows=drop on the command line"

RANGE_HINT = (
    "give the lowest and highest possible score: score_range: [LOW, HIGH] under the data set in the YAML,"
    " or on the command line data.score_range=[LOW,HIGH]"
)


@dataclass(frozen=True)
class ScoreRange:
    """The range in which the scores of a source are given: `low` means nothing in common, `high` the same meaning.

    `low` is the larger number where the scores are distances.
    """

    low: float
    high: float

    def scale(self, score: float) -> float:
        """Bring `score` to 0..1. Scores outside of the range are the caller's error (see `check`)."""
        return (score - self.low) / (self.high - self.low)

    def check(self, score: float, where: str) -> float:
        """Return `score` if it lies in the range, else raise a `DataError`."""
        if not min(self.low, self.high) <= score <= max(self.low, self.high):
            raise DataError(
                f"score {score:g} is outside the range {self.low:g}..{self.high:g}",
                where=where,
                hint=f"correct the score, or {RANGE_HINT}",
            )
        return score


def parse_score(value: object, where: str) -> float:
    """Return a finite number out of a cell (text, int, float or bool).

    Raises:
        DataError: the cell is empty, no number, NaN or infinite.
    """
    hint = f"{_better(value)}; or {DROP_HINT}"
    # pandas writes NaN for what is missing
    if value is None or (isinstance(value, str) and not value.strip()) or (isinstance(value, float) and math.isnan(value)):
        raise DataError("the score is missing", where=where, hint=hint)
    try:
        # float() also takes "1_000"; a score written so is more likely a slip
        number = math.nan if isinstance(value, str) and "_" in value else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        what, plain = f"the score {excerpt(value)} is not a number", "the score is not a number"
        raise DataError(what, where=where, hint=hint, plain=plain) from None
    if not math.isfinite(number):
        raise DataError(f"the score {excerpt(value)} is not a finite number", where=where, hint=hint)
    return number


def without_drop(hint: str) -> str:
    """Return a hint without the advice to leave rows out."""
    return re.sub(rf"[,;] or {re.escape(DROP_HINT)}", "", hint)


def _better(value: object) -> str:
    """Say how a score that cannot be read should be written."""
    text = str(value).strip().lower()
    if text.endswith("%"):
        return "write the share, 0.05 for 5%"
    if text in ("true", "yes", "false", "no"):
        return "write 1 for texts that mean the same and 0 for others"
    return "write a number with a decimal point"


def excerpt(value: object) -> str:
    """Return at most 60 characters of a value, for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


MOST_CLASSES = 20
"""Distinct values up to which a column may hold classes."""

A_FEW = 0.02
"""Share of the scores of a scale 0..5 above 1 below which these are taken for typing errors in a scale 0..1."""


@dataclass
class ScoreScan:
    """What one streaming pass over the scores found."""

    count: int = 0
    above_one: int = 0
    below_zero: int = 0
    low: float = math.inf
    high: float = -math.inf
    low_at: tuple[str, int] = ("", 0)
    high_at: tuple[str, int] = ("", 0)
    """Where the lowest and the highest score stand first: file and line or row."""
    values: dict[float, int] | None = field(default_factory=dict)
    """How often each score occurs, while there are at most `MOST_CLASSES`, else None."""
    first_error: DataError | None = None
    """What was wrong with the first cell that could not be read."""

    def add(self, score: float, where: tuple[str, int] = ("", 0), times: int = 1) -> None:
        """Take one score into account; `where` is its place, for messages."""
        self.count += times
        self.above_one += times * (score > 1)
        self.below_zero += times * (score < 0)
        if score < self.low:
            self.low, self.low_at = score, where
        if score > self.high:
            self.high, self.high_at = score, where
        if self.values is not None:
            self.values[score] = self.values.get(score, 0) + times
            if len(self.values) > MOST_CLASSES:
                self.values = None

    def join(self, other: ScoreScan) -> None:
        """Take what another pass found into account."""
        self.count += other.count
        self.above_one += other.above_one
        self.below_zero += other.below_zero
        if other.low < self.low:
            self.low, self.low_at = other.low, other.low_at
        if other.high > self.high:
            self.high, self.high_at = other.high, other.high_at
        if self.values is not None:
            for score, times in (other.values or {}).items():
                self.values[score] = self.values.get(score, 0) + times
            if other.values is None or len(self.values) > MOST_CLASSES:
                self.values = None

    def are_few_whole_numbers(self) -> bool:
        """Tell whether the values are a few whole numbers, other than 0 and 1, or -1 and 1 with or without 0."""
        values = set(self.values or ())
        return len(values) > 1 and all(value == int(value) for value in values) and values not in ({0, 1}, {-1, 1}, {-1, 0, 1})

    def looks_like_classes(self, two: bool) -> bool:
        """Tell whether the values may be the numbers of classes (such as 0, 1, 2 of natural language inference, -1 for none).

        Few whole numbers are grades where they are those of a scale: 0 and 1, -1 and 1 with or without 0, or from four on every
        step from 0 or 1.

        Args:
            two: 0 and 1 count as classes, too.
        """
        values = set(self.values or ())
        if len(values) < 2 or any(value != int(value) for value in values) or values in ({-1, 1}, {-1, 0, 1}):
            return False
        ranks = sorted(values - {-1}) if min(values) == -1 else sorted(values)
        if ranks == [0, 1]:
            return two
        return len(ranks) <= 3 or (len(ranks) == 4 and ranks not in ([0, 1, 2, 3], [1, 2, 3, 4]))


def refuse_one_value(scan: ScoreScan, where: str) -> None:
    """Raise `DataError` where several scores are all the same."""
    if scan.count > 1 and scan.low == scan.high:
        raise DataError(
            f"all {scan.count:,} scores are {scan.low:g}: similarity can be neither learnt nor judged from one value",
            where=where,
            hint="add rows with other scores; or, where every row holds two texts that belong together, remove the column of"
            " scores or name the texts alone: data.columns.anchor=NAME data.columns.positive=NAME",
        )


def recognise_range(scan: ScoreScan, where: str) -> tuple[ScoreRange, list[str]]:
    """Return the range that holds every score, with notes for the user.

    Raises:
        DataError: there are no scores, or they fit none of `KNOWN_RANGES`.
    """
    if scan.count == 0:
        first = scan.first_error
        raise DataError(
            "no row has a score that is a number" + (f"; the first is in {first.where}: {first.what}" if first else ""),
            where=where,
            # where no score can be read it would not help to leave such rows out
            hint=(f"{without_drop(first.hint)}; or " if first and first.hint else "")
            + "name the column of scores: data.columns.score=NAME",
        )
    for low, high in KNOWN_RANGES:
        if low <= scan.low and scan.high <= high:
            notes = []
            if high == 5 and scan.above_one <= A_FEW * scan.count:
                raise DataError(
                    f"of {scan.count:,} scores all but {scan.above_one:,} lie in 0..1; the highest is {scan.high:g}"
                    + (f", {_place(scan.high_at)}" if scan.high_at[1] else ""),
                    where=where,
                    hint="correct what is a typing error; if the scale does end at 5 say so: data.score_range=[0,5]",
                )
            if high == 5 and scan.low == 1:
                notes.append("the lowest score is 1; if the scale begins there, data.score_range=[1,5] brings it to 0")
            if high == 5 and scan.high < 4:
                notes.append(f"the highest score is {scan.high:g}; if the scale does not end at 5, {RANGE_HINT}")
            return ScoreRange(low, high), notes
    raise DataError(
        f"the scores lie in {scan.low:g}..{scan.high:g}, which is none of the ranges that are recognised (0..1, 0..5, -1..1)"
        + (f"; lowest {_place(scan.low_at)}, highest {_place(scan.high_at)}" if scan.high_at[1] else ""),
        where=where,
        hint=f"correct a score that is wrong, or {RANGE_HINT}; {_likely(scan.low, scan.high)}",
    )


def _likely(low: float, high: float) -> str:
    """Return the setting for the usual scale in which some scores lie."""
    first = next(((a, b) for a, b in USUAL_SCALES if a <= low and high <= b), (low, high))
    return f"if the scale is {first[0]:g} to {first[1]:g}: data.score_range=[{first[0]:g},{first[1]:g}]"


def _place(at: tuple[str, int]) -> str:
    return f"{at[0]}:{at[1]}"


def scan_scores(values: Iterable[float]) -> ScoreScan:
    """Return a `ScoreScan` over `values`.

    >>> recognise_range(scan_scores([0.0, 4.2, 5.0]), "pairs.csv")[0]
    ScoreRange(low=0.0, high=5.0)
    """
    scan = ScoreScan()
    for value in values:
        scan.add(value)
    return scan
