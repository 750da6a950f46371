"""Scales: values to coordinates, with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


def round_step(span: float, most: int = 6) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that divides the span into at most `most` parts."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(step for factor in (1, 2, 5, 10) if span / (step := factor * power) <= most)


def tick_texts(ticks: Sequence[float], signed: bool = False) -> list[str]:
    """Return the ticks as text, all with as many decimals as the distance between two needs; 0 without a sign.

    Args:
        ticks: ascending.
        signed: with a plus before what is above 0, as differences have it.
    """
    step = min((b - a for a, b in pairwise(ticks)), default=abs(ticks[0]) if ticks else 1.0)
    if step and max(map(abs, ticks)) and step < 1e-4:
        return ["0" if abs(tick) < step / 2 else f"{tick:{'+' if signed else ''}.0e}".replace("e-0", "e-") for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    return ["0" if abs(tick) < step / 2 else f"{tick:{'+' if signed else ''},.{decimals}f}" for tick in ticks]


@dataclass(frozen=True)
class Scale:
    """A linear scale.

    Attributes:
        low, high: values at the ends; low < high.
        begin, end: coordinates of these.
    """

    low: float
    high: float
    begin: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float | None], begin: float, end: float, *, zero: bool = False, room: float = 0.06) -> Scale:
        """Make the scale that holds all values.

        Args:
            values: what is drawn; None and what is not finite is left out.
            begin, end: coordinates of the ends.
            zero: whether 0 must be in it.
            room: share of the span that stays free at both ends.
        """
        found = [float(value) for value in values if value is not None and math.isfinite(value)]
        found += [0.0] if zero or not found else []
        low, high = min(found), max(found)
        if high - low <= 1e-9 * max(abs(low), abs(high)):  # all the same
            aside = 0.1 * abs(low) or 0.01
            low, high = low - aside, high + aside
        free = room * (high - low)
        return cls(low - free, high + free, begin, end)

    def place(self, value: float) -> float:
        """Return the coordinate of a value; what lies beyond an end stands at it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def holds(self, value: float) -> bool:
        """Tell whether a value lies between the ends."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values in the scale, at most `most` + 1 of them, ascending."""
        step = round_step(self.high - self.low, most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [count * step for count in range(first, last + 1)]
