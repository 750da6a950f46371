"""The luck of training: the same recipe with other draws makes a model that is a little better or worse.

An interval over the items of a test says nothing about it: all items were judged by the same model. Models of one training on
other seeds differ by a standard deviation `sd`, which one run, and one cross-validation, cannot see as far as its models share
their luck (one seed, and most training rows in common: Bengio and Grandvalet, "No unbiased estimator of the variance of k-fold
cross-validation", JMLR 5, 2004). So its size is declared, or measured by training with several seeds, and always printed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from train.evaluate.needed import POWER, SIZES, Needed
from train.evaluate.statistics import Comparison

LUCK_SD = 0.011
"""Standard deviation of a model's score over seeds: twice the largest that the recorded runs show (scifact's nDCG@10 over three
seeds: 0.0055; docs/recipe.md, "What is not decided"), as three seeds know it badly. The same is declared for correlations."""

LUCK_CORRELATION = 0.5
"""Of the luck of two parts' models: nobody has measured it. At one half, the doubt about the mean of F parts is also the doubt
about one further model of this training: sd² (1/2 + 1/(2F)) both times."""


FEWEST_SEEDS = 5
"""Seeds whose standard deviation may be taken for less than is declared. Fewer know it so badly that cross-validation with it
called 3.6 to 6.3% (three and two seeds) of equal models improved, in simulations where luck was as declared; five 2.8 to 3.2%."""

MOST_ITEMS = 10_000_000
"""More queries or pairs than this are no number of them."""


@dataclass(frozen=True)
class Luck:
    """How much models of one training differ by luck.

    Attributes:
        sd: standard deviation of a model's score.
        correlation: of the luck of two models whose parts share most training rows.
        seeds: with how many seeds `sd` was measured; None where it is declared.
    """

    sd: float = LUCK_SD
    correlation: float = LUCK_CORRELATION
    seeds: int | None = None

    @classmethod
    def measured(cls, sd: float, seeds: int) -> Luck:
        """Return what seeds measured, or what is declared where that is more and the seeds are too few to know better, or did not
        differ at all, as on a test that is too coarse."""
        return cls() if sd < LUCK_SD and (seeds < FEWEST_SEEDS or sd == 0) else cls(sd=sd, seeds=seeds)

    def variance(self, sizes: Sequence[int]) -> float:
        """Return the variance of the mean luck of models that judge so many items each.

        With weights w in proportion to the sizes: sd² (correlation + (1 − correlation) Σ w²), for F equal parts
        sd² (correlation + (1 − correlation) / F).
        """
        whole = sum(sizes)
        return self.sd**2 * (self.correlation + (1 - self.correlation) * sum((size / whole) ** 2 for size in sizes))

    @property
    def freedom(self) -> float:
        """Degrees of freedom with which `sd` is known: without bound where it is declared."""
        return math.inf if self.seeds is None else self.seeds - 1


def with_luck(found: Comparison, variance: float, freedom: float = math.inf, bound: float = 1.0) -> Comparison:
    """Return the comparison with an interval and a p-value that hold the items and the luck of training.

    Each arm of the items' interval is taken for its standard error times Student's quantile; the variance of luck is added, and
    the sum has the degrees of freedom of Satterthwaite, "An approximate distribution of estimates of variance components",
    Biometrics Bulletin 2(6), 1946. The shape of the bootstrap's interval stays: the longer arm stays the longer one. Assumed are
    luck that is nearly normal and independent of the items. Neither the interval becomes narrower by it, nor p smaller. Where no
    item changed, resampling knows nothing of those that may, and luck must not stand for all doubt: by the rule of three (see
    `compare_means`) a share of 3 / n of them may change wholly, and such a pair moves a correlation by 6 / n.

    Args:
        found: over the items.
        variance: of the luck in `delta`.
        freedom: degrees of freedom with which it is known.
        bound: the largest difference that the metric allows.
    """
    units = max(found.independent - 1, 1)
    items = float(special.stdtrit(units, 0.975))
    below, above = (max(0.0, found.delta - found.ci95[0]), max(0.0, found.ci95[1] - found.delta))
    if variance and below == above == 0:
        below = above = min(bound, (3 if bound == 1 else 18) / found.independent)

    def whole(arm: float) -> tuple[float, float]:
        """Return the standard error with luck of a side, and its degrees of freedom."""
        own = (arm / items) ** 2
        total = own + variance
        doubt = own**2 / units + (0.0 if math.isinf(freedom) else variance**2 / freedom)
        return math.sqrt(total), total**2 / doubt if doubt else math.inf

    def quantile(degrees: float) -> float:
        return float(special.ndtri(0.975) if math.isinf(degrees) else special.stdtrit(degrees, 0.975))

    arms = [max(arm, quantile(degrees) * error) for arm in (below, above) for error, degrees in (whole(arm),)]
    ends = (max(-bound, found.delta - arms[0]), min(bound, found.delta + arms[1]))
    error, degrees = whole(below if found.delta > 0 else above)
    away = -abs(found.delta) / error if error else 0.0
    p = 2 * float(special.ndtr(away) if math.isinf(degrees) else special.stdtr(degrees, away))
    # the one-sided bounds are those of the items
    return replace(found, ci95=ends, p_value=max(found.p_value, min(1.0, p)), low95=None, high95=None)


def needed_with_luck(items: Comparison, variance: float, margin: float, freedom: float = math.inf) -> tuple[Needed, ...]:
    """Return how many items the user's margin and the usual sizes take where luck stays whatever their number.

    `to_show` is the least n for which (t + .84) sqrt(s² / n + variance) is at most the difference, with Student's quantile t at
    the degrees of freedom of `with_luck`, s from the width of the items' interval; None where there is no such n.

    Args:
        items: the comparison without luck.
        variance: of the luck in its difference.
        margin: the user's.
        freedom: degrees of freedom with which it is known.
    """
    spread = (items.ci95[1] - items.ci95[0]) / 2 / special.stdtrit(max(items.independent - 1, 1), 0.975) * math.sqrt(items.n)
    if not spread:
        return ()
    n = np.unique(np.ceil(np.geomspace(6, MOST_ITEMS, 2000)))
    own = spread**2 / n
    units = np.maximum(n * items.independent / items.n - 1, 1)
    degrees = (own + variance) ** 2 / (own**2 / units + (0.0 if math.isinf(freedom) else variance**2 / freedom))
    shown = (special.stdtrit(degrees, 0.975) + POWER) * np.sqrt(own + variance)
    return tuple(
        Needed(difference=size, to_show=int(n[shown <= size][0]) if (shown <= size).any() else None)
        for size in sorted({margin, *SIZES})
    )
