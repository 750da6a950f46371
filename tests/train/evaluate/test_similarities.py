"""How near the best relevant and the best wrong document are: by hand, and against the whole matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.support.handmade import retrieval, write_run
from train.evaluate.evaluator import Scores
from train.evaluate.score import score, score_retrieval
from train.evaluate.similarities import Closest, closest_documents
from train.evaluate.tasks import RetrievalTask, ScoredTask
from train.runs.finished import CLOSEST, read_finished
from train.runs.per_query import write_per_query


def closest(task: RetrievalTask, queries: torch.Tensor, documents: torch.Tensor) -> tuple[Closest, Scores]:
    found = score_retrieval(task, queries, documents)
    assert found.closest is not None
    return found.closest, found


def test_by_hand_with_a_tie_and_several_relevant_documents() -> None:
    qrels = {"q1": {"d2": 1.0, "d1": 0.0}, "q2": {"d1": 2.0, "d2": 1.0}}
    task = RetrievalTask("toy", "test", ["q1", "q2"], ["a", "b"], ["d1", "d2", "d3"], ["x", "y", "x"], qrels)
    found, _ = closest(task, torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 4.0], [4.0, 3.0]]))
    # q1: d2 (.8), d3 and d1 (.6, the later id first); q2: d3 and d1 (.8), d2 (.6)
    assert found.relevant.tolist() == [0.8, 0.8]
    assert found.wrong.tolist() == [0.6, 0.8], "d1 was judged not to be relevant, and d3 not judged at all"
    assert found.rank.tolist() == [1, 2], "d3 stands before d1, as in the metrics"


def test_the_query_itself_is_neither_right_nor_wrong_and_without_wrong_documents_nothing_is_said() -> None:
    task = RetrievalTask("toy", "test", ["d1", "q"], ["x", "b"], ["d1", "d2"], ["x", "y"], {"d1": {"d2": 1.0}, "q": {"d2": 1.0}})
    found, _ = closest(task, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.6, 0.8]]))
    assert found.relevant.tolist() == pytest.approx([0.6, 0.6]) and found.rank.tolist() == [1, 2]
    assert np.isnan(found.wrong[0]) and found.wrong[1] == 1.0


def crowded(generator: np.random.Generator, *, relevant: int) -> tuple[RetrievalTask, torch.Tensor, torch.Tensor]:
    """40 queries (20 distinct texts), 400 documents of 300 distinct texts; coarse vectors, so that much ties."""
    ids = [f"d{i:03}" for i in generator.permutation(400)]
    texts = [f"text {i}" for i in generator.integers(0, 300, 400)]
    queries = [f"query {i // 2}" for i in range(40)]
    qrels = {f"q{i}": dict.fromkeys(generator.choice(ids, relevant, replace=False).tolist(), 1.0) for i in range(40)}
    ids[7], texts[7], qrels["q4"] = "q4", "query 2", {ids[0]: 1.0}  # a document that is the query itself
    qrels = {query: {one: grade for one, grade in grades.items() if one in ids} for query, grades in qrels.items()}
    task = RetrievalTask("toy", "test", [f"q{i}" for i in range(40)], queries, ids, texts, qrels)
    # equal lengths, so that cosines of whole numbers tie
    vectors = [torch.from_numpy(generator.choice([-1.0, 1.0], (count, 9))).float() for count in (20, len(set(texts)))]
    return task, vectors[0], vectors[1]


@pytest.mark.parametrize("relevant", [1, 3, 250, 399])
@pytest.mark.parametrize("chunks", [(1024, 4096), (7, 50)])
def test_equal_to_the_whole_matrix(relevant: int, chunks: tuple[int, int]) -> None:
    task, queries, documents = crowded(np.random.default_rng(relevant), relevant=relevant)
    _, scores = closest(task, queries, documents)
    assert scores.ranking is not None
    unit = queries / 3, documents / 3
    found = closest_documents(task, *unit, scores.ranking, query_chunk=chunks[0], document_chunk=chunks[1])
    cosines = (queries[task.distinct_queries.rows] @ documents[task.distinct_documents.rows].T).numpy() / 9
    deep = 0
    for number, query_id in enumerate(task.query_ids):
        keys = [(round(cosines[number, row], 6), one, row) for row, one in enumerate(task.document_ids)]
        order = [row for _, _, row in sorted(keys, reverse=True) if row != task.own_rows[number]]
        right = [task.document_ids[row] in task.qrels[query_id] for row in order]
        assert found.rank[number] == right.index(True) + 1
        assert found.relevant[number] == pytest.approx(cosines[number, order[right.index(True)]], abs=1e-6)
        wrong = [row for row, one in zip(order, right, strict=True) if not one]
        assert (
            found.wrong[number] == pytest.approx(cosines[number, wrong[0]], abs=1e-6) if wrong else np.isnan(found.wrong[number])
        )
        deep += found.rank[number] > 100
    assert deep or relevant > 1, "one of the cases reaches beyond the ranks that are kept"
    first = scores.per_query["mrr@10"]
    assert np.array_equal(first > 0, found.rank <= 10) and first[first > 0].tolist() == (1 / found.rank[first > 0]).tolist()


def test_the_columns_of_per_query_and_files_without_them(tmp_path: Path) -> None:
    task, queries, documents = crowded(np.random.default_rng(0), relevant=1)
    pairs = ScoredTask("sts", "test", ["a", "b"], ["c", "d"], np.array([0.0, 1.0]))
    of_pairs = score(pairs, torch.eye(2), torch.eye(2))
    base, tuned = score(task, queries, documents), score(task, queries.flip(0), documents)
    write_per_query(
        tmp_path / "q.parquet", {"toy": (task, base), "sts": (pairs, of_pairs)}, {"toy": (task, tuned), "sts": (pairs, of_pairs)}
    )
    table = pq.read_table(tmp_path / "q.parquet").to_pandas()
    assert base.closest is not None and tuned.closest is not None
    for _, rows in table[table["dataset"] == "toy"].groupby("metric"):
        for side, found in (("base", base.closest), ("tuned", tuned.closest)):
            assert rows[f"rank_{side}"].tolist() == found.rank.tolist()
            assert rows[f"relevant_{side}"].tolist() == found.relevant.tolist()
            assert rows[f"wrong_{side}"].tolist() == found.wrong.tolist()
    assert table[table["dataset"] == "sts"][list(CLOSEST)].isna().all(axis=None)

    write_run(tmp_path / "old", {"faq": retrieval([0.9, 0.8])})
    old = read_finished(tmp_path / "old").values("faq", "ndcg@10")
    assert old.closest == {name: [None, None] for name in CLOSEST}
    (tmp_path / "old/per_query.parquet").write_bytes((tmp_path / "q.parquet").read_bytes())
    read = read_finished(tmp_path / "old").values("toy", "ndcg@10")
    assert read.closest["rank_tuned"] == tuned.closest.rank.tolist() and read.closest["wrong_base"] == base.closest.wrong.tolist()
