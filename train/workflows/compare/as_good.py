"""Which models are shown to be as good as the best, and how many queries it would take to show it of the others.

That no test finds a difference shows nothing: with few queries no test finds any. A model is *as good* only where it is shown to
be not worse by the margin (`evaluation.margin`, or `limits.tolerance` where that is more): the lower one-sided 95% bound of its
difference lies above minus that margin (`train/evaluate/bounds.py`). The highest score may be luck, so this must hold against
every other model within the limits, not only against the one that scored highest: whichever is truly the best, a model that is
truly worse than it by the margin passes in 5% of cases at most, however many there are (an intersection-union test: Berger,
"Multiparameter hypothesis testing and acceptance sampling", Technometrics 24(4), 1982). Each model has these 5%; that *some*
model passes wrongly is likelier, the more there are that are just worse by the margin.

Over several data sets the mean of the differences is bounded; and on no data set may the model be worse beyond chance (Holm) by
the margin or more, whatever it gains on another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from train.workflows.compare.results import Comparison, Contender

ONE_SIDED, POWER = 1.645, 0.842
"""Normal quantiles: of the one-sided 95% bound, and of four times out of five."""


def as_good(comparison: Comparison, one: Contender, others: Sequence[Contender], margin: float) -> bool:
    """Tell whether a model is shown to be worse than none of the others by the margin."""
    return all(_not_worse(comparison, one.letter, other.letter, margin) for other in others if other is not one)


def _not_worse(comparison: Comparison, letter: str, other: str, margin: float) -> bool:
    if comparison.low95(letter, other) <= -margin:
        return False
    return not any(pair.better == other and abs(pair.result.delta) >= margin for pair in comparison.between(letter, other))


def times_as_many(comparison: Comparison, one: Contender, best: Contender, margin: float) -> float:
    """Return how many times the queries there are would show, four times out of five, that an equal model is not worse by the
    margin.

    The bound lies 1.645 standard errors below the difference, which shrink with the root of n, and lower still for losses too
    rare to be seen, which shrinks with n (the rule of three where nothing else differs); 0.842 standard errors are added for the
    power.
    """
    delta, (low, high) = comparison.difference(one.letter, best.letter)
    error = (high - low) / 2 / 1.96
    unseen = max(0.0, delta - comparison.low95(one.letter, best.letter) - ONE_SIDED * error)
    spread = (ONE_SIDED + POWER) * error
    # with f times as many: spread / sqrt(f) + unseen / f = margin
    return ((spread + math.sqrt(spread**2 + 4 * unseen * margin)) / 2 / margin) ** 2


def rounded(count: float) -> int:
    """Round up to two significant digits: the estimate is no better than that."""
    unit = 10 ** max(0, len(str(math.ceil(count))) - 2)
    return math.ceil(count / unit) * unit
