"""How many queries or pairs a question takes, from nothing but how much the differences of single ones vary.

The difference that happened to be seen does not enter: an estimate from it swings by factors of thirty and more from sample to
sample, since it goes with the inverse square of what is mostly chance. The standard deviation of n differences is known to about
1 / sqrt(2 n) of itself.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field

SHOWN = 1.96
"""Standard errors from 0 at which a two-sided 95% interval ends."""
ONE_SIDED = 1.645
"""Standard errors from the estimate at which a one-sided 95% bound lies."""
POWER = 0.84
"""Standard errors that are added so that it comes out four times out of five."""

UNSEEN = 1.1
"""What the lower bound of a mean reserves for losses that were not seen, times n: the distance of `bounds.lower_bound` from
Student's, in simulations of normal differences with SD .25 and n from 300 to 3,000."""
NONE_SEEN = 3.0
"""The same where nothing differs: the rule of three."""

SIZES = (0.01, 0.02, 0.05)
"""Differences for which every result says how many it takes, besides the user's margin."""


class Needed(BaseModel):
    """How many queries or pairs it takes to settle a question about one size of difference, four times out of five."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    difference: float = Field(description="in units of the metric")
    to_show: int | None = Field(
        description="items to show that models differ, where they truly do by that much; None: no number of them, as the luck of"
        " training does not shrink with it"
    )
    to_show_not_worse: int | None = Field(
        None, description="items to show that a model is not worse by that much, where it truly is equal; None: not asked"
    )


def needed(spread: float | None, margin: float, *, of_mean: bool) -> tuple[Needed, ...]:
    """Return how many items the user's margin and the usual sizes take.

    The usual formulas for a normal test with a power of 80% (Julious, "Sample sizes for clinical trials with normal data",
    Statistics in Medicine 23(12), 2004): n = ((1.96 + .84) s / d)² to show a difference d, and of an equal model
    n = ((1.645 + .84) s / d)² to show that it is not worse by d, with what `lower_bound` reserves for the unseen on top.

    Args:
        spread: standard deviation s of a paired difference; None or 0 is no ground for an estimate.
        margin: the user's.
        of_mean: whether the metric is a mean over the items, and no correlation.
    """
    if not spread:
        return ()
    return tuple(
        Needed(
            difference=size,
            to_show=math.ceil(((SHOWN + POWER) * spread / size) ** 2),
            to_show_not_worse=_not_worse(spread, size, of_mean),
        )
        for size in sorted({margin, *SIZES})
    )


def _not_worse(spread: float, margin: float, of_mean: bool) -> int:
    """Solve (1.645 + .84) s / sqrt(n) + UNSEEN / n = margin for n."""
    slope = (ONE_SIDED + POWER) * spread
    if not of_mean:
        return math.ceil((slope / margin) ** 2)
    root = (math.sqrt(slope**2 + 4 * UNSEEN * margin) - slope) / (2 * UNSEEN)
    return math.ceil(max(1 / root**2, NONE_SEEN / margin))
