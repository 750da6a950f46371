"""The dev judge: a fixed pool that fits its budget, the same queries in every run, the mean of the primary metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from data.load import prepare
from data.schema import text_id
from data.spec import DatasetSpec, SplitSpec
from tests.support.toy_encoder import ToyEncoder
from train.encode.contract import Role
from train.evaluate.evaluator import score_model
from train.evaluate.tasks import RetrievalTask, ScoredTask, build_task
from train.selection.dev import FEWEST_QUERIES, DevJudge, affordable_pool, build_dev_judge, characters, extend_pool, limit_queries


class LetterEncoder(ToyEncoder):
    """Counts letters: a model that needs no weights."""

    def vectors(self, texts: Sequence[str], role: Role) -> Tensor:
        return torch.tensor([[float(text.count(letter)) + 0.01 for letter in "abcdefghij0123456789"] for text in texts])


def task(queries: int, documents: int) -> RetrievalTask:
    return RetrievalTask(
        name="t",
        split="dev",
        query_ids=[f"q{i}" for i in range(queries)],
        queries=[f"abc {i}" for i in range(queries)],
        document_ids=[f"d{i}" for i in range(documents)],
        documents=[f"def {i} " + "x" * 100 for i in range(documents)],
        qrels={f"q{i}": {f"d{i}": 1.0} for i in range(queries)},
    )


def test_the_same_queries_are_kept_in_every_run_and_whatever_their_order() -> None:
    full = task(50, 60)
    kept = limit_queries(full, 20)
    assert len(kept) == 20 and set(kept.qrels) == set(kept.query_ids)
    backwards = RetrievalTask("t", "dev", full.query_ids[::-1], full.queries[::-1], full.document_ids, full.documents, full.qrels)
    assert set(limit_queries(backwards, 20).query_ids) == set(kept.query_ids)
    assert limit_queries(full, 50) is full


def test_the_pool_shrinks_to_its_budget_and_keeps_every_judged_document() -> None:
    full = task(150, 2000)
    whole = affordable_pool(full, LetterEncoder(), 100, budget=1e9)
    small = affordable_pool(full, LetterEncoder(), 100, budget=100_000)
    assert characters(small) <= 100_000 < characters(whole)
    assert len(small) == len(whole) == 150
    for pool in (whole, small):
        assert {f"d{i}" for i in range(150)} <= set(pool.document_ids)


def test_queries_are_halved_last_and_never_below_the_fewest() -> None:
    pool = affordable_pool(task(450, 2000), LetterEncoder(), 100, budget=1)
    assert FEWEST_QUERIES <= len(pool) < 2 * FEWEST_QUERIES


def test_a_line_holds_the_mean_of_the_primary_metrics() -> None:
    scored = ScoredTask("s", "dev", ["aa", "b", "c"], ["aa", "bb", "d"], torch.tensor([1.0, 0.9, 0.0]).numpy())
    judge = DevJudge({"t": task(5, 8), "s": scored})
    line = judge.line(7, LetterEncoder())
    assert line.step == 7 and set(line.datasets) == {"t", "s"}
    assert line.dev == (line.datasets["t"] + line.datasets["s"]) / 2
    assert DevJudge({}).line(3, LetterEncoder()).dev is None


def test_the_base_is_judged_as_checkpoints_will_be_and_chooses_the_pool_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "".join(f"abc {i},def {i}\n" for i in range(40)), encoding="utf-8")
    data = {"pairs": prepare(DatasetSpec(source=str(tmp_path / "pairs.csv")), SplitSpec(dev=0.4), tmp_path / "cache")}

    class Deaf(ToyEncoder):
        """Tells no text from another."""

        def vectors(self, texts: Sequence[str], role: Role) -> Tensor:
            return torch.ones(len(texts), 4)

    own = build_dev_judge(data, LetterEncoder(), 10, 5, 1e9)
    other = build_dev_judge(data, LetterEncoder(), 10, 5, 1e9, Deaf())
    assert other.tasks["pairs"].document_ids == own.tasks["pairs"].document_ids
    assert own.base["pairs"] > other.base["pairs"]


def test_before_the_last_choice_what_a_checkpoint_ranks_highest_counts_too(tmp_path: Path) -> None:
    """Judged among what the base ranks highest alone, any other model has fewer wrong documents to prefer."""
    rows = "".join(f"query {i} {'ab' * (i % 9)},text {'cd' * (i % 7)} {i}\n" for i in range(300))
    (tmp_path / "pairs.csv").write_text(f"question,answer\n{rows}", encoding="utf-8")
    data = {"pairs": prepare(DatasetSpec(source=str(tmp_path / "pairs.csv")), SplitSpec(dev=0.2), tmp_path / "cache")}

    class Other(ToyEncoder):
        """Knows nothing: vectors by the hash of a text."""

        def vectors(self, texts: Sequence[str], role: Role) -> Tensor:
            return torch.stack(
                [torch.randn(8, generator=torch.Generator().manual_seed(int(text_id(t), 16) % 2**31)) for t in texts]
            )

    judge = build_dev_judge(data, LetterEncoder(), 30, 10, 1e9)
    wider, values = extend_pool(judge, data, Other())
    pool, wide = judge.tasks["pairs"], wider.tasks["pairs"]
    assert isinstance(pool, RetrievalTask) and isinstance(wide, RetrievalTask)
    assert set(pool.document_ids) < set(wide.document_ids) and pool.query_ids == wide.query_ids
    whole = build_task(data["pairs"], "dev")
    assert isinstance(whole, RetrievalTask)
    whole = limit_queries(whole, 30)
    exact = score_model(whole, Other()).values["ndcg@10"]
    assert judge.score(Other())["pairs"] > exact == values["pairs"]
    assert wider.score(Other()) == pytest.approx(values)
    base = score_model(whole, LetterEncoder()).values["ndcg@10"]
    assert judge.base["pairs"] == wider.base["pairs"] == base == wider.score(LetterEncoder())["pairs"]
    complete = DevJudge({"pairs": whole})
    assert extend_pool(complete, data, Other()) == (complete, {})
