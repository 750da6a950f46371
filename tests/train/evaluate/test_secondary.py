"""Secondary metrics have intervals, too: those that the primary metric would have."""

from __future__ import annotations

import numpy as np
import pytest

from train.evaluate.correlations import measure_correlations, pearson_change
from train.evaluate.evaluator import compare
from train.evaluate.results import MetricPair
from train.evaluate.score import Scores
from train.evaluate.secondary import mean_changes
from train.evaluate.statistics import compare_means
from train.evaluate.tasks import RetrievalTask, ScoredTask

GENERATOR = np.random.default_rng(5)


def test_the_interval_is_that_of_the_bootstrap_of_the_differences() -> None:
    base, tuned = GENERATOR.random(150), GENERATOR.random(150)
    groups = np.repeat(np.arange(30), 5)
    for own in (None, groups):
        alone = compare_means(base, tuned, seed=1, groups=own)
        delta, ci95 = mean_changes({"mrr@10": tuned - base}, seed=2, groups=own)["mrr@10"]
        assert delta == pytest.approx(alone.delta) and ci95 == pytest.approx(alone.ci95, abs=0.006)


def test_no_difference_and_the_same_difference_everywhere() -> None:
    found = mean_changes({"a": np.zeros(60), "b": np.full(60, 0.2)}, seed=0, resamples=100)
    assert found["a"] == (0.0, (0.0, 0.0))
    same = compare_means(np.zeros(60), np.full(60, 0.2), seed=0)
    assert [found["b"][0], *found["b"][1]] == pytest.approx([same.delta, *same.ci95])
    assert mean_changes({}, seed=0) == {}


def test_pearson_changes_by_the_difference_of_the_correlations_and_covers_it() -> None:
    gold = GENERATOR.random(200)
    base, tuned = gold + GENERATOR.normal(0, 0.5, 200), gold + GENERATOR.normal(0, 0.3, 200)
    delta, (low, high) = pearson_change(gold, base, tuned, seed=0, resamples=2000)
    values = [measure_correlations(gold, one, seed=0, resamples=100)["pearson"].value for one in (base, tuned)]
    assert delta == pytest.approx(values[1] - values[0]) and low < delta < high and high - low < 0.3
    none, ends = pearson_change(gold, base, base, seed=0, resamples=100)
    assert [none, *ends] == pytest.approx([0.0, 0.0, 0.0])


def test_every_metric_of_a_comparison_has_its_change() -> None:
    ids = [f"{i}" for i in range(40)]
    task = RetrievalTask("t", "test", ids, ids, ids, ids, {one: {one: 1.0} for one in ids})
    values = [{"ndcg@10": GENERATOR.random(40), "recall@100": GENERATOR.random(40)} for _ in range(2)]
    base, tuned = (Scores(task.primary, {name: float(v.mean()) for name, v in one.items()}, one) for one in values)
    found = compare(task, base, tuned, resamples=500)
    assert (found.metrics["ndcg@10"].delta, found.metrics["ndcg@10"].ci95) == (found.delta, found.ci95)
    other = found.metrics["recall@100"]
    assert other.delta == pytest.approx(other.tuned - other.base) and other.ci95 is not None and other.ci95[0] < other.delta
    scored = ScoredTask("s", "test", ids, ids, GENERATOR.random(40))
    similar = [Scores("spearman", {"spearman": 0.1, "pearson": 0.2}, similarities=GENERATOR.random(40)) for _ in range(2)]
    assert compare(scored, *similar, resamples=500).metrics["pearson"].ci95 is not None
    assert MetricPair.model_validate({"base": 0.1, "tuned": 0.2}).ci95 is None, "reports of earlier versions have none"
