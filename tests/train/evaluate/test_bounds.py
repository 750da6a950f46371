from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from train.evaluate.bounds import bounds_of_mean, lower_bound
from train.evaluate.correlations import compare_spearman
from train.evaluate.statistics import compare_means
from train.evaluate.verdict import not_worse

MARGIN = 0.02


@pytest.mark.parametrize("n", [20, 50, 150, 1000])
def test_where_nothing_differs_the_bound_is_that_of_a_share_that_may_lose_all(n: int) -> None:
    low, high = bounds_of_mean(np.zeros(n))
    exact = 1 - 0.05 ** (1 / n)  # the largest share of which n queries hold none in 5% of samples: about 3 / n
    assert low == -high and -exact * 1.004 <= low <= -exact


def test_the_computed_bound_is_the_quantile_of_weighted_means() -> None:
    generator = np.random.default_rng(0)
    for values in (generator.normal(0.1, 0.3, 40).clip(-1, 1), np.array([0.0] * 17 + [-1.0, 0.5, 0.3]), np.array([0.4, -0.2])):
        weights = generator.dirichlet(np.ones(len(values) + 1), 100_000)
        drawn = np.quantile(weights @ np.append(values, -1.0), 0.05)
        assert drawn - 0.006 <= lower_bound(values)[0] <= drawn + 0.002


def test_with_many_values_it_is_the_bound_of_student() -> None:
    values = np.random.default_rng(1).normal(0.0, 0.25, 20_000)
    low, high = bounds_of_mean(values)
    reach = 1.645 * values.std() / np.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=0.0002)


def losses(generator: np.random.Generator, shape: tuple[int, int], share: float, loss: float) -> np.ndarray:
    """Differences of which a share loses so much, and three in ten gain what makes the mean -MARGIN."""
    kind = generator.random(shape)
    return np.where(kind < share, -loss, np.where(kind > 0.7, (share * loss - MARGIN) / 0.3, 0.0))


@pytest.mark.parametrize(("share", "loss"), [(0.02, 1.0), (0.035, 0.95), (0.05, 0.9), (0.1, 0.2), (0.3, 0.3)])
@pytest.mark.parametrize("n", [20, 50, 100, 300])
def test_a_model_that_is_worse_by_the_margin_rarely_passes_as_not_worse(n: int, share: float, loss: float) -> None:
    samples = losses(np.random.default_rng(n), (1500, n), share, loss)
    assert samples.mean() == pytest.approx(-MARGIN, abs=0.003)
    passed = (lower_bound(samples) > -MARGIN).mean()
    assert passed <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1500)
    if (n, share) == (50, 0.02):  # Student's bound does not keep its level here
        student = samples.mean(axis=1) - stats.t.ppf(0.95, n - 1) * samples.std(axis=1, ddof=1) / np.sqrt(n)
        assert (student > -MARGIN).mean() > 0.3


def test_an_equal_model_passes_with_about_a_thousand_queries() -> None:
    samples = np.random.default_rng(4).normal(0, 0.25, (300, 1200)).clip(-1, 1)
    assert (lower_bound(samples) > -MARGIN).mean() >= 0.8


def test_a_model_that_ranks_pairs_worse_by_the_margin_rarely_passes() -> None:
    generator = np.random.default_rng(5)
    rho = (0.8, 0.7785)  # of a bivariate normal, Spearman's correlation is 6 / pi asin(rho / 2)
    true = 6 / np.pi * (np.arcsin(rho[1] / 2) - np.arcsin(rho[0] / 2))
    passed = 0
    for _ in range(300):
        gold = generator.normal(size=60)
        base, tuned = (r * gold + np.sqrt(1 - r * r) * generator.normal(size=60) for r in rho)
        low95 = compare_spearman(gold, base, tuned, seed=0, resamples=200).low95
        passed += bool(not_worse(low95, -true))
    assert passed / 300 <= 0.09


def test_groups_count_as_one_each_in_the_bound() -> None:
    differences = np.repeat(np.random.default_rng(6).normal(0, 0.2, 50), 4)
    alone = compare_means(np.zeros(50), differences[::4], seed=0, resamples=100)
    grouped = compare_means(np.zeros(200), differences, seed=0, resamples=100, groups=np.repeat(np.arange(50), 4))
    assert (grouped.low95, grouped.high95) == pytest.approx((alone.low95, alone.high95))
    assert grouped.spread == pytest.approx(2 * differences[::4].std(ddof=1)), "four times the queries, the same standard error"


def test_pairs_in_the_same_order_leave_the_rule_of_three() -> None:
    gold = np.linspace(0, 1, 100)
    found = compare_spearman(gold, gold, gold**3, seed=0)
    assert (found.low95, found.high95, found.spread) == (-0.18, 0.18, 0.0)


@pytest.mark.parametrize(("low95", "expected"), [(-0.0199, True), (-0.02, False), (None, None)])
def test_not_worse_by_its_bound(low95: float | None, expected: bool | None) -> None:
    assert not_worse(low95, MARGIN) is expected
