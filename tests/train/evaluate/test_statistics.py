from __future__ import annotations

import itertools
import time
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from train.evaluate.correlations import compare_spearman, measure_correlations
from train.evaluate.holm import holm
from train.evaluate.statistics import (
    Comparison,
    compare_means,
    measure_means,
    percentile_interval,
    sign_flip_p,
    tail_of_flips,
)


def test_means_and_difference_by_hand() -> None:
    found = compare_means(np.array([0.0, 0.5, 1.0]), np.array([0.5, 0.5, 0.8]), seed=0)
    assert (found.n, found.base, found.tuned) == (3, 0.5, pytest.approx(0.6))
    assert found.delta == pytest.approx(0.1)


def test_equal_seed_gives_equal_result_and_another_seed_nearly_so() -> None:
    generator = np.random.default_rng(0)
    base, tuned = generator.random(300), generator.random(300)
    first, again, other = (compare_means(base, tuned, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert first.ci95 == pytest.approx(other.ci95, abs=0.004)
    assert first.p_value == pytest.approx(other.p_value, abs=0.03)


def test_interval_is_the_percentile_interval_of_scipy_but_for_the_widening() -> None:
    differences = np.random.default_rng(0).normal(0.05, 0.2, 500)
    found = compare_means(np.zeros(500), differences, seed=0)
    theirs = stats.bootstrap((differences,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1))
    assert found.ci95 == pytest.approx(tuple(theirs.confidence_interval), abs=0.001)


def test_sign_flips_by_hand() -> None:
    generator = np.random.default_rng(0)
    # of the 8 sign patterns of (1, 2, 3) only two reach a sum of 6 either way; of (1, 1, -1) all reach 1
    assert sign_flip_p(np.array([1.0, 2.0, 3.0]), generator) == 2 / 8
    assert sign_flip_p(np.array([1.0, 1.0, -1.0]), generator) == 1.0
    assert sign_flip_p(np.array([1.0, 0.0, 2.0, 0.0, 3.0]), generator) == 2 / 8, "zeros cannot be flipped"
    assert sign_flip_p(np.array([-0.4, 0.6, 0.3, -0.9]), generator) == 14 / 16, (
        "sums that are equal but for rounding count as equal"
    )
    assert sign_flip_p(np.array([*range(1, 6), *[0] * 100]), generator) == 2 / 32, (
        "few differences are enumerated among any zeros"
    )
    assert sign_flip_p(np.zeros(4), generator) == 1.0


@pytest.mark.parametrize("n", [9, 14])
def test_exact_p_is_that_of_scipy(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.1, 0.3, n)
    test = stats.permutation_test(
        (differences, np.zeros(n)), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=2**n
    )
    assert sign_flip_p(differences, np.random.default_rng(0)) == pytest.approx(test.pvalue)


def test_drawn_p_approaches_the_exact_one() -> None:
    differences = np.random.default_rng(3).normal(0.1, 0.3, 16)
    patterns = np.array(list(itertools.product([1, -1], repeat=16)))
    exact = (abs(patterns @ differences) >= abs(differences.sum()) - 1e-9).mean()
    assert sign_flip_p(differences, np.random.default_rng(0), 20_000) == pytest.approx(exact, abs=0.01)


def test_p_is_never_zero_and_never_below_the_exact_one_where_nothing_drawn_was_as_extreme() -> None:
    few = np.append(np.ones(15), 0.1)  # of 2^16 patterns 4 are as extreme
    assert sign_flip_p(few, np.random.default_rng(0), 999) >= 4 / 2**16
    assert 2.0**-199 <= sign_flip_p(np.ones(200), np.random.default_rng(0), 999) < 1e-40


def test_the_bound_of_the_tail_lies_above_the_exact_p() -> None:
    patterns = np.array(list(itertools.product([1, -1], repeat=14)))
    for seed in range(20):
        differences = np.random.default_rng(seed).exponential(size=14) * np.sign(np.random.default_rng(seed).normal(0.7, 1, 14))
        exact = (abs(patterns @ differences) >= abs(differences.sum()) - 1e-9).mean()
        assert exact <= tail_of_flips(differences) <= max(20 * exact, 0.002)


def test_a_huge_difference_among_540_pairs_of_models_can_be_shown() -> None:
    generator = np.random.default_rng(3)
    gold = generator.random(300)
    huge = compare_means(generator.random(200) / 2, generator.random(200) / 2 + 0.5, seed=0).p_value
    huge_of_pairs = compare_spearman(gold, generator.random(300), gold + generator.random(300) / 10, seed=0).p_value
    assert max(holm([huge, huge_of_pairs, *[0.5] * 538])[:2]) < 0.05


def test_p_values_of_null_differences_stay_above_their_level_far_out_in_the_tail() -> None:
    generator = np.random.default_rng(8)
    found = [sign_flip_p(generator.normal(0, 1, 30) ** 3, generator, 99) for _ in range(4000)]
    assert np.mean(np.array(found) <= 0.01) <= 0.01 + 2.6 * np.sqrt(0.01 * 0.99 / 4000)
    assert np.mean(np.array(found) <= 0.001) <= 0.001 + 2.6 * np.sqrt(0.001 / 4000)


def test_no_difference_anywhere() -> None:
    values = np.array([0.3, 0.7, 0.1])
    found = compare_means(values, values, seed=0)
    assert found == Comparison(
        3, values.mean(), values.mean(), 0.0, (0.0, 0.0), 1.0, low95=found.low95, high95=found.high95, spread=0.0
    )


def test_equal_differences_everywhere_leave_doubt_by_the_rule_of_three() -> None:
    few, many = (compare_means(np.full(n, 0.5), np.ones(n), seed=0) for n in (6, 60))
    assert few.ci95 == (0.5 * 0.5 - 0.5, 0.5 * 0.5 + 0.5), "half of such queries may differ by -1 or 1"
    assert many.ci95 == pytest.approx((0.95 * 0.5 - 0.05, 0.95 * 0.5 + 0.05))


def test_one_query_settles_nothing() -> None:
    found = compare_means(np.array([0.2]), np.array([0.9]), seed=0)
    assert found.delta == pytest.approx(0.7)
    assert (found.ci95, found.p_value) == ((-1.0, 1.0), 1.0)


def test_three_queries_that_agree_roughly_do_not_exclude_zero() -> None:
    assert compare_means(np.zeros(3), np.array([0.1, 0.2, 0.3]), seed=0).ci95[0] < 0


@pytest.mark.parametrize(
    ("base", "tuned", "message"),
    [([], [], "above 0"), ([0.1], [0.1, 0.2], "one length"), ([0.1, float("nan")], [0.1, 0.2], "finite")],
)
def test_values_that_do_not_fit_are_refused(base: list[float], tuned: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_means(np.array(base), np.array(tuned), seed=0)


def ndcg_like(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Differences with 60% zeros, 30% gains and 10% smaller losses."""
    kind = generator.random(shape)
    gain, loss = (generator.exponential(scale, shape).clip(0, 1) for scale in (0.3, 0.2))
    return np.where(kind < 0.6, 0.0, np.where(kind < 0.9, gain, -loss))


NDCG_LIKE_MEAN = 0.3 * 0.3 * (1 - np.exp(-1 / 0.3)) - 0.1 * 0.2 * (1 - np.exp(-1 / 0.2))


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    samples = ndcg_like(np.random.default_rng(7), (1000, 200))
    found = [compare_means(np.zeros(200), sample, seed=seed, resamples=500).ci95 for seed, sample in enumerate(samples)]
    covered = np.mean([low <= NDCG_LIKE_MEAN <= high for low, high in found])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("n", [8, 20])
def test_widened_interval_covers_better_than_percentile_and_bca_on_few_queries(n: int) -> None:
    samples = ndcg_like(np.random.default_rng(n), (800, n))
    samples = samples[samples.any(axis=1) & (np.ptp(samples, axis=1) > 0)]
    bootstraps = {
        method: stats.bootstrap(
            (samples,), np.mean, axis=1, method=method, n_resamples=1000, rng=np.random.default_rng(0), batch=100
        )
        for method in ("percentile", "BCa")
    }
    replicates = bootstraps["percentile"].bootstrap_distribution
    ours = [percentile_interval(s.mean(), r, n, bound=1.0) for s, r in zip(samples, replicates, strict=True)]
    covered = np.mean([low <= NDCG_LIKE_MEAN <= high for low, high in ours])
    for found in bootstraps.values():
        low, high = found.confidence_interval
        assert covered > ((low <= NDCG_LIKE_MEAN) & (high >= NDCG_LIKE_MEAN)).mean() + 0.01


def test_p_values_keep_their_level_when_there_is_no_difference() -> None:
    generator = np.random.default_rng(5)
    base, tuned = generator.random((500, 40)), generator.random((500, 40))
    rejected = np.mean([compare_means(b, t, seed=0, resamples=300).p_value <= 0.05 for b, t in zip(base, tuned, strict=True)])
    assert 0.02 <= rejected <= 0.08


def test_spearman_values_are_those_of_scipy() -> None:
    generator = np.random.default_rng(0)
    gold, base, tuned = generator.integers(0, 6, 80) / 5, generator.integers(0, 9, 80) / 9, generator.random(80)
    found = compare_spearman(gold, base, tuned, seed=0, resamples=100)
    assert found.base == pytest.approx(stats.spearmanr(gold, base).statistic)
    assert found.tuned == pytest.approx(stats.spearmanr(gold, tuned).statistic)
    assert found.delta == pytest.approx(found.tuned - found.base)


def test_spearman_interval_recomputes_ranks_in_every_resample() -> None:
    generator = np.random.default_rng(1)
    n = 40
    gold, base, tuned = generator.integers(0, 5, n) / 4, generator.integers(0, 9, n) / 9, generator.random(n)
    found = compare_spearman(gold, base, tuned, seed=3, resamples=200)
    rows = np.random.default_rng(3).integers(0, n, size=(200, n), dtype=np.int32)
    brute = [stats.spearmanr(gold[r], tuned[r]).statistic - stats.spearmanr(gold[r], base[r]).statistic for r in rows]
    assert found.ci95 == pytest.approx(percentile_interval(found.delta, np.array(brute), n, bound=2.0), abs=1e-12)


@pytest.mark.parametrize(("seed", "n"), [(27, 5), (13, 6), (2, 8), (1, 10)])
def test_spearman_p_approaches_the_exact_swap_test(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    gold = generator.random(n)
    base, tuned = gold + generator.normal(0, 0.9, n), gold + generator.normal(0, 0.5, n)
    x, a, b = (stats.rankdata(values) for values in (gold, base, tuned))
    differences = []
    for pattern in itertools.product([False, True], repeat=n):
        swapped_a, swapped_b = np.where(pattern, b, a), np.where(pattern, a, b)
        differences.append(np.corrcoef(x, swapped_b)[0, 1] - np.corrcoef(x, swapped_a)[0, 1])
    exact = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-9)
    assert compare_spearman(gold, base, tuned, seed=0, resamples=20_000).p_value == pytest.approx(exact, abs=0.015)


def normal_scores(generator: np.random.Generator, n: int, rho: tuple[float, float]) -> list[np.ndarray]:
    """Gold and two similarities with the given Pearson correlations to it."""
    gold = generator.normal(size=n)
    return [gold, *(r * gold + np.sqrt(1 - r * r) * generator.normal(size=n) for r in rho)]


def test_spearman_interval_covers_the_truth_as_often_as_it_says() -> None:
    rho = (0.6, 0.75)
    # Spearman's correlation of a bivariate normal: 6 / pi * asin(rho / 2)
    truth = 6 / np.pi * (np.arcsin(rho[1] / 2) - np.arcsin(rho[0] / 2))
    generator = np.random.default_rng(11)
    found = [compare_spearman(*normal_scores(generator, 200, rho), seed=i, resamples=300).ci95 for i in range(400)]
    assert 0.93 <= np.mean([low <= truth <= high for low, high in found]) <= 0.97


def test_spearman_p_keeps_its_level_when_there_is_no_difference() -> None:
    generator = np.random.default_rng(13)
    found = [compare_spearman(*normal_scores(generator, 50, (0.7, 0.7)), seed=i, resamples=300).p_value for i in range(400)]
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.08


def test_models_that_order_alike_do_not_differ() -> None:
    gold, base = np.array([0.0, 0.5, 1.0, 0.2]), np.array([0.1, 0.4, 0.9, 0.3])
    found = compare_spearman(gold, base, base**3, seed=0)
    assert (found.delta, found.ci95, found.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_a_collapsed_model_counts_as_uncorrelated() -> None:
    gold = np.linspace(0, 1, 50)
    found = compare_spearman(gold, gold, np.full(50, 0.9), seed=0, resamples=500)
    assert (found.base, found.tuned) == (pytest.approx(1.0), 0.0)
    assert found.ci95[1] < 0 and found.p_value < 0.01


@pytest.mark.parametrize("gold", [[0.5], [0.5, 0.5, 0.5]])
def test_gold_that_allows_no_correlation_is_refused(gold: list[float]) -> None:
    values = np.arange(len(gold), dtype=float)
    with pytest.raises(ValueError, match="two pairs with different gold scores"):
        compare_spearman(np.array(gold), values, values, seed=0)


def test_1400_pairs_and_2000_resamples_take_under_3_seconds() -> None:
    scores = normal_scores(np.random.default_rng(0), 1400, (0.8, 0.85))
    began = time.perf_counter()
    compare_spearman(*scores, seed=0, resamples=2000)
    assert time.perf_counter() - began < 3


def test_memory_stays_bounded() -> None:
    scores = normal_scores(np.random.default_rng(0), 100_000, (0.8, 0.85))
    tracemalloc.start()
    try:
        compare_spearman(*scores, seed=0, resamples=30)
        compare_means(scores[1], scores[2], seed=0, resamples=300)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6


def test_means_and_intervals_of_one_model_by_hand() -> None:
    values = np.random.default_rng(3).random((30, 2))
    found = measure_means(values, seed=5, resamples=300)
    rows = np.random.default_rng(5).integers(0, 30, size=(300, 30), dtype=np.int32)
    for column, one in zip(values.T, found, strict=True):
        assert one.value == pytest.approx(column.mean())
        assert one.ci95 == pytest.approx(percentile_interval(column.mean(), column[rows].mean(axis=1), 30, bound=1.0), abs=1e-12)


def test_interval_of_one_model_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    samples = generator.beta(2, 3, size=(100, 60, 5))  # five metrics of 60 queries, mean 0.4
    found = [one.ci95 for seed, sample in enumerate(samples) for one in measure_means(sample, seed=seed, resamples=400)]
    assert 0.92 <= np.mean([low <= 0.4 <= high for low, high in found]) <= 0.98


def test_intervals_of_means_stay_within_0_and_1() -> None:
    values = np.array([[0.0, 1.0]] * 7 + [[1.0, 0.0]])
    low, high = measure_means(values, seed=0)
    assert low.ci95[0] == 0.0 and high.ci95[1] == 1.0


@pytest.mark.parametrize(("value", "n", "ci95"), [(1.0, 30, (0.9, 1.0)), (0.0, 300, (0.0, 0.01)), (0.5, 12, (0.375, 0.625))])
def test_equal_values_leave_the_doubt_of_the_rule_of_three(value: float, n: int, ci95: tuple[float, float]) -> None:
    (found,) = measure_means(np.full((n, 1), value), seed=0)
    assert found.value == value and found.ci95 == pytest.approx(ci95)


def test_one_query_leaves_everything_open() -> None:
    (found,) = measure_means(np.array([[0.7]]), seed=0)
    assert found.ci95 == (0.0, 1.0)


def test_correlations_of_one_model_recompute_ranks_and_moments_in_every_resample() -> None:
    generator = np.random.default_rng(1)
    gold, similarities = generator.integers(0, 5, 40) / 4, generator.integers(0, 9, 40) / 9
    found = measure_correlations(gold, similarities, seed=3, resamples=200)
    rows = np.random.default_rng(3).integers(0, 40, size=(200, 40), dtype=np.int32)
    for name, correlate in (("spearman", stats.spearmanr), ("pearson", stats.pearsonr)):
        value = correlate(gold, similarities).statistic
        brute = np.array([correlate(gold[r], similarities[r]).statistic for r in rows])
        assert found[name].value == pytest.approx(value)
        assert found[name].ci95 == pytest.approx(percentile_interval(value, brute, 40, bound=1.0), abs=1e-12)


def test_resamples_in_which_all_gold_scores_are_equal_count_as_0() -> None:
    similarities = np.random.default_rng(1).random(30)
    gold = np.where(np.arange(30) == 4, 0.9, 0.1)  # a third of the resamples never draw the odd one
    rows = np.random.default_rng(0).integers(0, 30, size=(300, 30), dtype=np.int32)
    constant = np.ptp(gold[rows], axis=1) == 0
    assert 60 < constant.sum() < 150
    found = measure_correlations(gold, similarities, seed=0, resamples=300)
    for name, correlate in (("spearman", stats.spearmanr), ("pearson", stats.pearsonr)):
        brute = [0.0 if c else correlate(gold[r], similarities[r]).statistic for r, c in zip(rows, constant, strict=True)]
        one = found[name]
        assert one.ci95 == pytest.approx(percentile_interval(one.value, np.array(brute), 30, bound=1.0), abs=1e-9)


def test_a_collapsed_model_correlates_with_nothing() -> None:
    found = measure_correlations(np.arange(5) / 4, np.full(5, 0.3), seed=0)
    assert [(one.value, one.ci95) for one in found.values()] == [(0.0, (0.0, 0.0))] * 2


def test_values_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        measure_means(np.array([[np.nan]]), seed=0)
    with pytest.raises(ValueError, match="not empty"):
        measure_means(np.empty((0, 2)), seed=0)
    with pytest.raises(ValueError, match="different gold"):
        measure_correlations(np.ones(5), np.arange(5), seed=0)


# groups


def test_groups_of_one_are_items() -> None:
    generator = np.random.default_rng(3)
    base, tuned, gold = generator.random((3, 40))
    alone = np.arange(40)
    for found in ([compare_means(base, tuned, seed=1, resamples=500, groups=g) for g in (None, alone)],
                  [compare_spearman(gold, base, tuned, seed=1, resamples=500, groups=g) for g in (None, alone)]):  # fmt: skip
        assert found[0].ci95 == pytest.approx(found[1].ci95) and found[0].p_value == found[1].p_value
        assert (found[0].groups, found[1].groups) == (None, 40)
    values = np.stack([base, tuned], axis=1)
    measured = [measure_means(values, seed=1, resamples=500, groups=g) for g in (None, alone)]
    assert [m.ci95 for m in measured[0]] == [pytest.approx(m.ci95) for m in measured[1]]


def test_saying_the_same_five_times_in_a_group_is_saying_it_once() -> None:
    generator = np.random.default_rng(4)
    base, tuned, gold = generator.random((3, 30))
    groups = np.repeat(np.arange(30), 5)
    once = compare_means(base, tuned, seed=2, resamples=800)
    often = compare_means(*(np.repeat(values, 5) for values in (base, tuned)), seed=2, resamples=800, groups=groups)
    assert often.ci95 == pytest.approx(once.ci95) and often.p_value == once.p_value and (often.n, often.groups) == (150, 30)
    five = [np.repeat(values, 5) for values in (gold, base, tuned)]
    ranked, alone = compare_spearman(gold, base, tuned, seed=2), compare_spearman(*five, seed=2)
    grouped = compare_spearman(*five, seed=2, groups=groups)
    width = [found.ci95[1] - found.ci95[0] for found in (ranked, alone, grouped)]
    assert width[1] < 0.6 * width[0] and width[2] == pytest.approx(width[0], rel=0.1)
    assert grouped.p_value == pytest.approx(ranked.p_value, abs=0.03) and grouped.delta == pytest.approx(ranked.delta, abs=0.02)
    correlations = [measure_correlations(*pair, seed=2, groups=g) for pair, g in (((gold, base), None), (five[:2], groups))]
    for metric in ("spearman", "pearson"):
        low, high = correlations[1][metric].ci95
        assert (low, high) == pytest.approx(correlations[0][metric].ci95, abs=0.06)


def test_one_group_says_nothing_about_others() -> None:
    base, tuned = np.random.default_rng(5).random((2, 20))
    one = np.zeros(20, dtype=int)
    assert compare_means(base, tuned, seed=0, groups=one).ci95 == (-1.0, 1.0)
    found = compare_spearman(np.arange(20.0), base, tuned, seed=0, resamples=200, groups=one)
    assert found.ci95 == (-2.0, 2.0) and found.p_value > 0.9
    assert measure_means(base[:, None], seed=0, groups=one)[0].ci95 == (0.0, 1.0)


def test_where_a_group_shares_its_luck_verdicts_are_wrong_one_time_in_twenty() -> None:
    """No true difference; half of the variance is that of the groups, 40 of 5 queries."""
    generator = np.random.default_rng(6)
    groups, wrong = np.repeat(np.arange(40), 5), {"alone": 0, "grouped": 0}
    for trial in range(200):
        differences = np.clip(0.1 * (generator.standard_normal(40)[groups] + generator.standard_normal(200)), -0.5, 0.5)
        for name, given in (("alone", None), ("grouped", groups)):
            found = compare_means(np.full(200, 0.5), 0.5 + differences, seed=trial, resamples=300, groups=given)
            wrong[name] += not found.ci95[0] <= 0 <= found.ci95[1] and found.p_value <= 0.05
    assert wrong["alone"] > 30 and wrong["grouped"] <= 18, wrong
