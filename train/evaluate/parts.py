"""Compare two models on scored pairs that lie in several parts, each judged by a model of its own (cross-validation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from train.evaluate.correlations import Ranked, compare_spearman, spearman_of, swapped_differences
from train.evaluate.statistics import RESAMPLES, Comparison, count_units, draw_counts, percentile_interval


class PairsOfPart(NamedTuple):
    """Scored pairs of one part, [m] each.

    Attributes:
        gold: gold scores, not all equal.
        base, tuned: the two models' similarities.
        groups: see `compare_means`; None where each pair stands for itself.
    """

    gold: np.ndarray
    base: np.ndarray
    tuned: np.ndarray
    groups: np.ndarray | None = None


def compare_spearman_by_parts(parts: Sequence[PairsOfPart], *, seed: int, resamples: int = RESAMPLES) -> Comparison:
    """Compare the mean of the parts' own Spearman correlations, weighted by their sizes.

    Similarities of the parts' models lie on scales of their own, and the golds of parts may lie at different heights: ranks over
    all pairs would count differences between parts, which no model was asked about, and pull the correlation to 0. So the pairs
    of a part are compared with each other only. The bootstrap is stratified: pairs (or groups) are drawn within their part.
    It lacks (m − 1) / m of the variance of a part of m units, which is made up for (Davison and Hinkley, "Bootstrap Methods and
    their Application", 1997, section 3.2); Student's quantile has the units less the parts as degrees of freedom. p is that of
    swapping the two models' ranks at random within each part, see `compare_spearman`.

    Raises:
        ValueError: no part, or one that `compare_spearman` would refuse.
    """
    if not parts:
        raise ValueError("there are no parts")
    generator = np.random.default_rng(seed)
    sizes = np.array([len(part.gold) for part in parts], dtype=float)
    weights = sizes / sizes.sum()
    alone = [compare_spearman(*part[:3], seed=seed, resamples=1) for part in parts]
    base, tuned = (float(weights @ [getattr(one, side) for one in alone]) for side in ("base", "tuned"))
    units = [count_units(len(part.gold), part.groups) for part in parts]
    told = None if all(part.groups is None for part in parts) else sum(units)
    n, delta = int(sizes.sum()), tuned - base
    if all(np.array_equal(_ranks(part)[1], _ranks(part)[2]) for part in parts):
        return Comparison(n, base, tuned, 0.0, (0.0, 0.0), 1.0, told)
    freedom, of_each = sum(units) - len(parts), sum(units) / len(parts)
    if freedom < 1:  # a unit a part: nothing can be drawn
        return Comparison(n, base, tuned, delta, (-2.0, 2.0), 1.0, told)
    replicates = sum(weight * _replicates(part, generator, resamples) for weight, part in zip(weights, parts, strict=True))
    # percentile_interval makes up for 1 + freedom units in one heap
    more = np.sqrt(of_each / (of_each - 1) * freedom / (freedom + 1))
    interval = percentile_interval(delta, delta + more * (np.asarray(replicates) - delta), freedom + 1, bound=2.0)
    swapped = [swapped_differences(_ranks(part), generator, resamples, part.groups) for part in parts]
    observed = sum(weight * seen for weight, (seen, _) in zip(weights, swapped, strict=True))
    drawn = sum(weight * values for weight, (_, values) in zip(weights, swapped, strict=True))
    p_value = (1 + int((abs(np.asarray(drawn)) >= abs(observed) - 1e-12).sum())) / (1 + resamples)
    return Comparison(n, base, tuned, delta, interval, p_value, told)


def _ranks(part: PairsOfPart) -> list[np.ndarray]:
    """Return [m] average ranks of gold, base and tuned within the part."""
    ones = np.ones((1, len(part.gold)))
    return [Ranked(np.asarray(values)).ranks(ones)[0] for values in part[:3]]


def _replicates(part: PairsOfPart, generator: np.random.Generator, resamples: int) -> np.ndarray:
    """Return [B] differences of the two correlations of one part, its pairs or groups drawn with replacement."""
    variables = [Ranked(np.asarray(values)) for values in part[:3]]
    drawn = draw_counts(len(part.gold), resamples, generator, part.groups)
    return np.concatenate([tuned - base for base, tuned in (spearman_of(variables, counts) for counts in drawn)])
