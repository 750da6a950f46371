from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from data.schema import RowKind
from tests.support.toy_encoder import ToyEncoder
from train.encode.contract import Role
from train.evaluate.correlations import measure_correlations
from train.evaluate.evaluator import compare, measure, score_model
from train.evaluate.score import Scores
from train.evaluate.statistics import measure_means
from train.evaluate.tasks import RetrievalTask, ScoredTask, task_sha256


class NoisyEncoder(ToyEncoder):
    """Maps a text to a vector of its number plus noise of its own; the less noise, the better the model."""

    def __init__(self, noise: float) -> None:
        self.noise = noise
        self.calls: list[tuple[Role, list[str]]] = []

    def vectors(self, texts: Sequence[str], role: Role) -> torch.Tensor:
        self.calls.append((role, list(texts)))
        return torch.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> torch.Tensor:
        meaning = int(text.rsplit(maxsplit=1)[-1])
        own = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
        draw = [torch.randn(16, generator=torch.Generator().manual_seed(seed)) for seed in (meaning, own)]
        return draw[0] + self.noise * draw[1]


def retrieval_task(n: int) -> RetrievalTask:
    return RetrievalTask(
        name="numbers",
        split="test",
        query_ids=[f"q{i}" for i in range(n)],
        queries=[f"query {i}" for i in range(n)],
        document_ids=[f"d{i}" for i in range(n)],
        documents=[f"document {i}" for i in range(n)],
        qrels={f"q{i}": {f"d{i}": 1.0} for i in range(n)},
        kind=RowKind.TUPLE,
    )


def scored_task(n: int) -> ScoredTask:
    """Every second pair speaks of the same number."""
    same = np.arange(n) % 2
    right = [f"right {i if same[i] else i + 1}" for i in range(n)]
    return ScoredTask("pairs", "test", [f"left {i}" for i in range(n)], right, same.astype(float))


def test_each_distinct_text_is_encoded_once_with_its_role() -> None:
    task = RetrievalTask(
        "toy",
        "test",
        ["a", "b"],
        ["query 1", "query 1"],
        ["x", "y", "z"],
        ["doc 1", "doc 2", "doc 1"],
        {"a": {"x": 1.0}, "b": {"z": 1.0}},
    )
    encoder = NoisyEncoder(0.1)
    found = score_model(task, encoder)
    assert encoder.calls == [("query", ["query 1"]), ("document", ["doc 1", "doc 2"])]
    assert found.top_ids[0] == found.top_ids[1] == ["z", "x", "y"]


def test_scored_pairs_are_encoded_as_symmetric_texts() -> None:
    encoder = NoisyEncoder(0.1)
    task = ScoredTask("toy", "test", ["text 1", "text 2"], ["text 1", "text 3"], np.array([1.0, 0.0]))
    found = score_model(task, encoder)
    assert encoder.calls == [("symmetric", ["text 1", "text 2", "text 3"])]
    assert found.similarities is not None and found.similarities[0] == 1.0
    assert found.values["spearman"] == pytest.approx(1.0)


def test_a_better_model_improves_and_a_worse_one_regresses() -> None:
    task = retrieval_task(200)
    base, tuned = (score_model(task, NoisyEncoder(noise)) for noise in (1.5, 1.0))
    better, worse = compare(task, base, tuned, seed=1), compare(task, tuned, base, seed=1)
    assert (better.verdict, worse.verdict) == ("improved", "regressed")
    assert better.delta == -worse.delta == pytest.approx(better.tuned - better.base)
    assert better.ci95[0] < better.delta < better.ci95[1]
    assert (better.name, better.kind, better.split, better.metric, better.n) == ("numbers", "tuple", "test", "ndcg@10", 200)
    assert better.base == pytest.approx(base.values["ndcg@10"])
    assert set(better.metrics) == {"ndcg@10", "mrr@10", "recall@10", "recall@100", "map@10"}
    assert better.metrics["mrr@10"].tuned == tuned.values["mrr@10"]


def test_a_better_model_improves_on_scored_pairs() -> None:
    task = scored_task(200)
    base, tuned = (score_model(task, NoisyEncoder(noise)) for noise in (1.5, 0.8))
    found = compare(task, base, tuned)
    assert (found.verdict, found.metric, found.kind) == ("improved", "spearman", "scored")
    assert (found.base, found.tuned) == (pytest.approx(base.values["spearman"]), pytest.approx(tuned.values["spearman"]))
    assert set(found.metrics) == {"spearman", "pearson"}


@pytest.mark.parametrize("task", [retrieval_task(20), scored_task(20)], ids=["retrieval", "scored"])
def test_a_model_does_not_differ_from_itself(task: RetrievalTask | ScoredTask) -> None:
    scores = score_model(task, NoisyEncoder(1.0))
    found = compare(task, scores, score_model(task, NoisyEncoder(1.0)))
    assert (found.verdict, found.delta, found.ci95, found.p_value) == ("no_evidence", 0.0, (0.0, 0.0), 1.0)


def test_scores_of_another_task_are_refused() -> None:
    few, many = retrieval_task(10), retrieval_task(20)
    scores = score_model(few, NoisyEncoder(1.0))
    with pytest.raises(ValueError, match="scores of 10 queries or pairs do not fit the 20 of numbers"):
        compare(many, scores, scores)
    with pytest.raises(ValueError, match="hold no similarities"):
        compare(scored_task(10), scores, scores)


def test_one_model_alone_is_measured_in_every_metric() -> None:
    task = retrieval_task(60)
    scores = score_model(task, NoisyEncoder(1.5))
    found = measure(task, scores, seed=3, resamples=200)
    assert list(found.metrics) == list(scores.values) == ["ndcg@10", "mrr@10", "recall@10", "recall@100", "map@10"]
    alone = measure_means(scores.per_query["mrr@10"][:, None], seed=3, resamples=200)[0]
    assert (found.metrics["mrr@10"].value, found.metrics["mrr@10"].ci95) == (
        pytest.approx(alone.value),
        pytest.approx(alone.ci95),
    )
    dumped = found.as_json()
    assert dumped["value"] == dumped["metrics"]["ndcg@10"]["value"] == pytest.approx(scores.values["ndcg@10"])
    assert dumped["ci95"][0] < dumped["value"] < dumped["ci95"][1]
    assert (dumped["name"], dumped["kind"], dumped["split"], dumped["n"]) == ("numbers", "tuple", "test", 60)


def test_one_model_alone_on_scored_pairs() -> None:
    task = scored_task(60)
    scores = score_model(task, NoisyEncoder(1.0))
    assert scores.similarities is not None
    found = measure(task, scores, seed=3, resamples=200)
    assert found.metrics == measure_correlations(task.scores, scores.similarities, seed=3, resamples=200)
    assert found.metrics["pearson"].value == pytest.approx(scores.values["pearson"])


def test_results_say_what_was_judged() -> None:
    task = retrieval_task(10)
    scores = score_model(task, NoisyEncoder(1.0))
    assert compare(task, scores, scores).test_sha256 == measure(task, scores).test_sha256 == task_sha256(task)


@pytest.mark.parametrize("given", [False, True])
def test_a_base_turned_round_is_only_made_better_where_the_user_said_which_way_scores_run(given: bool) -> None:
    """Labels of a data set in which 0 means that one sentence follows from the other: no model may be praised for turning."""
    gold = np.tile([0.0, 1.0], 20)
    task = ScoredTask("labels", "test", [f"a {i}" for i in range(40)], [f"b {i}" for i in range(40)], gold, range_given=given)
    noise = np.random.default_rng(0).normal(scale=0.1, size=40)
    base, tuned = (Scores("spearman", {"spearman": sign * 0.86}, similarities=sign * (gold + noise)) for sign in (-1.0, 1.0))

    found = compare(task, base, tuned, resamples=500)

    assert found.ci95[0] > 1 and found.p_value < 0.01
    assert (found.verdict, found.against_scores) == (("improved", False) if given else ("no_evidence", True))
    assert compare(task, tuned, base, resamples=500).verdict == "regressed"
