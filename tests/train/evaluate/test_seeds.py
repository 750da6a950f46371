"""Several seeds: the formula by hand, its rate of false verdicts, and what is said of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from train.evaluate.compare_seeds import compare_seeds, seeds_result
from train.evaluate.results import DatasetResult, run_verdict
from train.evaluate.seeds import SeedResult
from train.evaluate.statistics import compare_means
from train.report.sentences import dataset_sentence


def crossed(
    generator: np.random.Generator,
    n: int,
    seeds: int,
    *,
    item: float = 0.2,
    luck: float = 0.01,
    rest: float = 0.05,
    gain: float = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Values of a base and of several seeds: item, seed and what is left."""
    base = np.full(n, 0.5)
    effects = generator.normal(gain, 0.2, n) + generator.normal(0, luck, (seeds, 1)) + generator.normal(0, 0.05, (seeds, n))
    return base, np.clip(base + effects, 0, 1)


def test_the_interval_of_items_and_seeds_by_hand() -> None:
    base, tuned = crossed(np.random.default_rng(1), 400, 4)
    found, items, scores = compare_seeds(base, tuned, seed=3, resamples=2000)
    gains = (tuned - base).mean(axis=0)
    assert scores == pytest.approx(tuned.mean(axis=1)) and found.delta == pytest.approx(gains.mean())
    assert items == compare_means(base, tuned.mean(axis=0), seed=3, resamples=2000)
    of_items, of_seeds = gains.var(ddof=1) / 400, scores.var(ddof=1) / 4
    degrees = (of_items + of_seeds) ** 2 / (of_items**2 / 399 + of_seeds**2 / 3)
    half = stats.t.ppf(0.975, degrees) * math.sqrt(of_items + of_seeds)
    assert found.ci95 == pytest.approx((found.delta - half, found.delta + half), abs=0.05 * half)
    assert found.ci95[0] < items.ci95[0] and found.ci95[1] > items.ci95[1] and found.p_value >= items.p_value


def test_luck_of_seeds_makes_no_false_improvement() -> None:
    """Every model of a luck of .03 is significantly better or worse than its like on 1,500 items."""
    generator = np.random.default_rng(2)
    found = [compare_seeds(*crossed(generator, 1500, 3, luck=0.03), seed=i, resamples=100)[:2] for i in range(120)]
    with_seeds, alone = (np.mean([one.ci95[0] > 0 or one.ci95[1] < 0 for one in side]) for side in zip(*found, strict=True))
    assert with_seeds <= 0.1 and alone > 0.3


def test_seeds_of_scored_pairs_are_a_mean_of_correlations() -> None:
    generator = np.random.default_rng(3)
    gold = generator.normal(size=150)
    base, *tuned = (rho * gold + math.sqrt(1 - rho**2) * generator.normal(size=150) for rho in (0.5, 0.7, 0.72, 0.75))
    found, items, scores = compare_seeds(base, np.stack(tuned), gold=gold, seed=1, resamples=500)
    own = [stats.spearmanr(one, gold).statistic for one in tuned]
    assert scores == pytest.approx(own) and found.tuned == pytest.approx(np.mean(own))
    assert found.base == pytest.approx(stats.spearmanr(base, gold).statistic)
    assert items.ci95[0] > 0 and items.p_value < 0.05 and found.ci95[0] <= items.ci95[0]
    same, _, _ = compare_seeds(gold, np.stack([gold, gold]), gold=gold, seed=1, resamples=50)
    assert same.ci95 == (0.0, 0.0) and same.p_value == 1


def test_one_seed_is_none() -> None:
    with pytest.raises(ValueError, match="two of them"):
        compare_seeds(np.zeros(5), np.zeros((1, 5)), seed=0, resamples=10)


def result_of_seeds(gain: float, *, kept: int = 0) -> DatasetResult:
    base, tuned = crossed(np.random.default_rng(4), 300, 3, gain=gain)
    found, items, scores = compare_seeds(base, tuned, seed=1, resamples=300)
    seeds = [
        SeedResult(seed=42 + i, dev=0.6, tuned=score, delta=score - 0.5, shipped=i == 1, kept_base=i < kept)
        for i, score in enumerate(scores)
    ]
    one = compare_means(base, tuned[1], seed=1, resamples=300)
    whole = DatasetResult.of(one, name="faq", kind="pair", split="test", metric="ndcg@10", metrics={}, test_sha256=None)
    return whole.model_copy(update={"seeds": seeds_result(found, items, seeds, failed=(45,))})


def test_what_is_said_of_seeds() -> None:
    better = result_of_seeds(0.1)
    assert better.settled == run_verdict([better]) == "improved"
    said = dataset_sentence(better)
    assert said.startswith("Training makes a model that is better than the base on faq: mean nDCG@10 of 3 seeds 0.500 → ")
    assert f"The interval allows for items and seeds; the seeds' scores have an SD of {better.seeds.sd:.4f}." in said
    assert "Training with seed 45 did not converge and is left out." in said
    assert "The model that is shipped is that of seed 43, the best on dev: 0.500 → " in said
    assert [line.name for line in better.lines()] == ["faq, mean of 3 seeds", "faq, the shipped model"]
    unclear = result_of_seeds(0.0, kept=3)
    assert "In 3 of 3 seeds dev would have kept the base; what was trained was judged." in dataset_sentence(unclear)
    assert unclear.settled == "no_evidence" and DatasetResult.model_validate_json(unclear.model_dump_json()) == unclear
