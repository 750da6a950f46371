"""Intervals drawn in the cells of a table, all in one scale: a row of figures becomes a line and a point, left or right of 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from train.report.drawing.scale import round_step

_ROOM = 0.04
"""Share of the width that stays free at each side."""


@dataclass(frozen=True)
class Bar:
    """One interval in percent of the width, 0 at the left.

    Attributes:
        low, high: ends of the interval, cut at the borders.
        at: the difference itself.
        cut_low, cut_high: whether the interval continues beyond the border.
    """

    low: float
    high: float
    at: float
    cut_low: bool = False
    cut_high: bool = False


@dataclass(frozen=True)
class Forest:
    """A scale for differences that holds 0.

    Attributes:
        low, high: differences at the left and right border.
        ticks: (percent of the width, difference) of up to seven round values, 0 among them.
    """

    low: float
    high: float
    ticks: list[tuple[float, float]]

    @classmethod
    def of(cls, intervals: Sequence[tuple[float, float]], share: float = 1.0) -> Forest:
        """Make the scale for these intervals.

        Args:
            intervals: (low, high) of each, finite; low <= high.
            share: of all ends that must fit, beginning with those next to 0; so that a single ruined run does not press all
                others into one point. The rest is cut at the border.
        """
        ends = sorted((end for pair in intervals for end in pair), key=abs)
        kept = [*ends[: math.ceil(len(ends) * share)], 0.0]
        low, high = min(kept), max(kept)
        room = _ROOM * max(high - low, 0.01)
        low, high = low - room, high + room
        step = round_step(high - low)
        first, last = math.ceil(low / step), math.floor(high / step)
        ticks = [number * step for number in range(first, last + 1)]
        return cls(low, high, [(100 * (tick - low) / (high - low), tick) for tick in ticks])

    @property
    def zero(self) -> float:
        """Return where 0 is, in percent of the width."""
        return self._place(0.0)

    def bar(self, delta: float, ci95: tuple[float, float]) -> Bar:
        """Return where a difference and its interval are drawn."""
        low, high = ci95
        return Bar(self._place(low), self._place(high), self._place(delta), low < self.low, high > self.high)

    def _place(self, value: float) -> float:
        return round(100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low), 2)
