"""Paired intervals and tests for correlations of scored pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.evaluate.bounds import percentile_bounds
from train.evaluate.statistics import (
    RESAMPLES,
    Comparison,
    Measured,
    check_paired,
    coin_flips,
    correlation_of,
    count_units,
    draw_counts,
    percentile_interval,
)

_FEW, _MORE = 5, 10
"""See `_swap_p`: with 10,000 resamples the smallest p is then 0.00001, enough for 5,000 pairs of models at the level of 5%."""


def compare_spearman(
    gold: np.ndarray,
    base: np.ndarray,
    tuned: np.ndarray,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    groups: np.ndarray | None = None,
) -> Comparison:
    """Compare Spearman's rank correlation of two similarities with the same gold scores.

    The interval resamples pairs and recomputes both correlations, with average ranks, in each resample. The p-value is an
    approximate randomisation test on ranks: each similarity is replaced by its rank (cosines of two models live on different
    scales, ranks do not), the two ranks of each pair are swapped at random, and the difference of their Pearson correlations
    with the gold's ranks is compared with the observed one.

    Args:
        gold: [n] gold scores, not all equal.
        base: [n] the base's similarities.
        tuned: [n] the tuned model's.
        seed: of the generator.
        resamples: B.
        groups: [n], see `compare_means`.

    Returns:
        The comparison; when both order the pairs equally the interval is [0, 0] and p is 1. The one-sided bounds are then
        those of the rule of three: a share of 3 / n of such pairs may be ranked otherwise, and a pair that moves from one end of
        n ranks to the other changes the correlation by 6 / n.

    Raises:
        ValueError: fewer than two pairs, different lengths, values that are not finite, or constant gold.
    """
    base, tuned = check_paired(base, tuned)
    gold, _ = check_paired(gold, base)
    n = len(gold)
    if n < 2 or np.ptp(gold) == 0:
        raise ValueError("a correlation needs at least two pairs with different gold scores")
    variables = [Ranked(values) for values in (gold, base, tuned)]
    ones = np.ones((1, n))
    rho_base, rho_tuned = (float(rho[0]) for rho in spearman_of(variables, ones))
    delta = rho_tuned - rho_base
    ranks = [v.ranks(ones)[0] for v in variables]
    units = count_units(n, groups)
    told = None if groups is None else units
    if np.array_equal(ranks[1], ranks[2]):
        most = min(2.0, 18 / units)
        return Comparison(n, rho_base, rho_tuned, 0.0, (0.0, 0.0), 1.0, told, -most, most, 0.0)
    generator = np.random.default_rng(seed)
    replicates = []
    for counts in draw_counts(n, resamples, generator, groups):
        rho = spearman_of(variables, counts)
        replicates.append(rho[1] - rho[0])
    drawn = np.concatenate(replicates)
    interval = percentile_interval(delta, drawn, units, bound=2.0)
    p_value = _swap_p(ranks, generator, resamples, groups)
    bounds = percentile_bounds(delta, drawn, units, most=2.0)
    spread = None if units < 2 else float(drawn.std() * np.sqrt(n * units / (units - 1)))
    return Comparison(n, rho_base, rho_tuned, delta, interval, p_value, told, *bounds, spread)


def measure_correlations(
    gold: np.ndarray, similarities: np.ndarray, *, seed: int, resamples: int = RESAMPLES, groups: np.ndarray | None = None
) -> dict[str, Measured]:
    """Measure one model's Spearman and Pearson correlation ([n] similarities, [n] gold), each with its interval; pairs are
    resampled, or their groups ([n], see `compare_means`).

    Values are in -1..1; a correlation with constant similarities is 0.

    Raises:
        ValueError: fewer than two pairs, different lengths, values that are not finite, or constant gold.
    """
    gold, similarities = check_paired(gold, similarities)
    n = len(gold)
    if n < 2 or np.ptp(gold) == 0:
        raise ValueError("a correlation needs at least two pairs with different gold scores")
    ranked = [Ranked(gold), Ranked(similarities)]
    x, y = (_standardised(values) for values in (gold, similarities))
    moments = np.stack([x, y, x * x, y * y, x * y], axis=1)

    def both(counts: np.ndarray) -> np.ndarray:
        return np.stack([spearman_of(ranked, counts)[0], _pearson(counts @ moments / counts.sum(axis=1, keepdims=True))], axis=1)

    values = both(np.ones((1, n)))[0]
    drawn = draw_counts(n, resamples, np.random.default_rng(seed), groups)
    replicates = np.concatenate([both(counts) for counts in drawn])
    return {
        name: Measured(value, percentile_interval(value, found, count_units(n, groups), bound=1.0))
        for name, value, found in zip(("spearman", "pearson"), values.tolist(), replicates.T, strict=True)
    }


def pearson_change(
    gold: np.ndarray,
    base: np.ndarray,
    tuned: np.ndarray,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    groups: np.ndarray | None = None,
) -> tuple[float, tuple[float, float]]:
    """Return by how much Pearson's correlation with the gold scores changes, and the 95% interval of that; see
    `compare_spearman`, whose arguments these are."""
    n, x = len(gold), _standardised(gold)
    moments = []
    for values in (base, tuned):
        y = _standardised(np.asarray(values, dtype=np.float64))
        moments.append(np.stack([x, y, x * x, y * y, x * y], axis=1))

    def change(counts: np.ndarray) -> np.ndarray:
        total = counts.sum(axis=1, keepdims=True)
        before, after = (_pearson(counts @ one / total) for one in moments)
        return after - before

    delta = float(change(np.ones((1, n)))[0])
    drawn = draw_counts(n, resamples, np.random.default_rng(seed), groups)
    replicates = np.concatenate([change(counts) for counts in drawn])
    return delta, percentile_interval(delta, replicates, count_units(n, groups), bound=2.0)


def _standardised(values: np.ndarray) -> np.ndarray:
    """Standardise [n] values to mean 0 and variance 1; zeros where all are equal."""
    if np.ptp(values) == 0:
        return np.zeros(len(values))
    return (values - values.mean()) / values.std()


def _pearson(means: np.ndarray) -> np.ndarray:
    """Return [b] Pearson's correlations from [b, 5] means of x, y, x², y², xy of standardised variables; 0 where one is
    constant."""
    x, y, xx, yy, xy = means.T
    # what rounding leaves of the variance of a resample that drew one value only is no variance
    variances = [np.where(variance > 1e-12, variance, 0.0) for variance in (xx - x * x, yy - y * y)]
    return np.clip(correlation_of(xy - x * y, *variances), -1.0, 1.0)


class Ranked:
    """Values whose average ranks in a resample follow from how often each was drawn: no sorting in the resamples."""

    def __init__(self, values: np.ndarray) -> None:
        self.order = np.argsort(values, kind="stable")
        distinct, self.code = np.unique(values, return_inverse=True)
        self.starts = np.searchsorted(values[self.order], distinct)

    def ranks(self, counts: np.ndarray) -> np.ndarray:
        """Return [b, n] average ranks of each value among the drawn ones, given how often each was drawn ([b, n])."""
        drawn = np.add.reduceat(counts[:, self.order], self.starts, axis=1)
        return (np.cumsum(drawn, axis=1) - (drawn - 1) / 2)[:, self.code]


def spearman_of(variables: Sequence[Ranked], counts: np.ndarray) -> list[np.ndarray]:
    """Return, for each variable after the first, [b] Spearman's correlation with the first in each resample; 0 where one is
    constant."""
    middle = (counts.sum(axis=1, keepdims=True) + 1) / 2
    gold = variables[0].ranks(counts) - middle
    weighted = counts * gold
    variance = np.einsum("bn,bn->b", weighted, gold)
    out = []
    for variable in variables[1:]:
        ranks = variable.ranks(counts) - middle
        covariance = np.einsum("bn,bn->b", weighted, ranks)
        out.append(correlation_of(covariance, variance, np.einsum("bn,bn,bn->b", counts, ranks, ranks)))
    return out


def _swap_p(ranks: Sequence[np.ndarray], generator: np.random.Generator, resamples: int, groups: np.ndarray | None) -> float:
    """Return the two-sided p-value of the randomisation test that swaps the two models' ranks pair by pair, or group by group;
    `ranks` are those of gold, base and tuned, [n] each.

    Where fewer than `_FEW` of B were as extreme, `_MORE` times as many are drawn again: a correction for many pairs of models
    needs p-values below 1 / B.
    """

    def p_of(count: int) -> float:
        observed, swapped = swapped_differences(ranks, generator, count, groups)
        return (1 + int((abs(swapped) >= abs(observed) - 1e-12).sum())) / (1 + count)

    p = p_of(resamples)
    return p if p * (1 + resamples) > _FEW else p_of(_MORE * resamples)


def swapped_differences(
    ranks: Sequence[np.ndarray], generator: np.random.Generator, resamples: int, groups: np.ndarray | None
) -> tuple[float, np.ndarray]:
    """Return the difference of the two models' correlations with the gold, and [B] what it would be with ranks swapped at random.

    Args:
        ranks: those of gold, base and tuned, [n] each.
        generator: draws what is swapped.
        resamples: B.
        groups: [n], see `compare_means`; whole groups are swapped.
    """
    n = len(ranks[0])
    x, a, b = (one - (n + 1) / 2 for one in ranks)
    moments = np.stack([b - a, b * b - a * a, (b - a) * x], axis=1)
    if groups is not None:
        moments = np.stack([np.bincount(groups, column) for column in moments.T], axis=1)
    variance = float(x @ x)

    def difference(swapped: np.ndarray) -> np.ndarray:
        sums_a = np.array([0.0, a @ a, a @ x]) + swapped
        sums_b = np.array([0.0, b @ b, b @ x]) - swapped
        rho_a, rho_b = (correlation_of(s[:, 2], np.full(len(s), variance), s[:, 1] - s[:, 0] ** 2 / n) for s in (sums_a, sums_b))
        return np.asarray(rho_b - rho_a)

    drawn = coin_flips(len(moments), resamples, generator)
    return float(difference(np.zeros((1, 3)))[0]), np.concatenate([difference(flips @ moments) for flips in drawn])
