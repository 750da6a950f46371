from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset

from data.errors import DataError
from data.prepared import PreparedDataset
from data.schema import Recognised, RowKind
from train.evaluate.score import score
from train.evaluate.statistics import group_numbers
from train.evaluate.tasks import DistinctTexts, RetrievalTask, ScoredTask, build_task, with_pool


def prepared(kind: RowKind, rows: dict[str, list], corpus: dict[str, list] | None = None) -> PreparedDataset:
    return PreparedDataset(
        name="toy",
        location="memory",
        kind=kind,
        splits={"test": Dataset.from_dict(rows)},
        corpus=None if corpus is None else Dataset.from_dict(corpus),
        notes=(),
        counts={},
        fingerprint="0",
        recognised=Recognised(kind),
    )


ROWS = {
    "row": ["1", "2", "3", "4"],
    "group": [""] * 4,
    "query_id": ["q2", "q1", "q2", "q2"],
    "document_id": ["d1", "d2", "d3", "d1"],
    "grade": [3.0, 1.0, 2.0, 1.0],
    "anchor": ["second", "first", "second", "second"],
    "positive": ["one", "two", "three", "one"],
}
CORPUS = {"id": ["d1", "d2", "d3", "d4"], "text": ["one", "two", "three", "four"]}


def retrieval(seed: int, queries: int, documents: int) -> tuple[RetrievalTask, torch.Tensor, torch.Tensor]:
    """A random task with repeated texts, and vectors of its distinct texts."""
    generator = np.random.default_rng(seed)
    texts = [f"text {i}" for i in generator.integers(0, documents, documents)]
    qrels = {
        f"q{i}": {f"d{j}": float(g) for j, g in zip(generator.integers(0, documents, 3), (1, 2, 0), strict=True)}
        for i in range(queries)
    }
    for i in range(queries):
        qrels[f"q{i}"] |= {f"d{i % documents}": 1.0}
    task = RetrievalTask(
        name="random",
        split="dev",
        query_ids=[f"q{i}" for i in range(queries)],
        queries=[f"query {i // 2}" for i in range(queries)],
        document_ids=[f"d{i}" for i in range(documents)],
        documents=texts,
        qrels=qrels,
    )
    counts = (len(task.distinct_queries.texts), len(task.distinct_documents.texts))
    vectors = [torch.randn(n, 8, generator=torch.Generator().manual_seed(seed)) for n in counts]
    return task, vectors[0], vectors[1]


def test_distinct_texts_keep_order_and_give_every_text_its_row() -> None:
    found = DistinctTexts.of(["b", "a", "b", "B", "a"])
    assert found.texts == ["b", "a", "B"]
    assert found.rows.tolist() == [0, 1, 0, 2, 1]


def test_rows_of_one_query_become_graded_judgements() -> None:
    task = build_task(prepared(RowKind.TUPLE, ROWS, CORPUS), "test")
    assert isinstance(task, RetrievalTask)
    assert (task.name, task.split, task.kind, task.primary, len(task)) == ("toy", "test", RowKind.TUPLE, "ndcg@10", 2)
    assert task.query_ids == ["q2", "q1"]
    assert task.queries == ["second", "first"]
    assert task.qrels == {"q2": {"d1": 3.0, "d3": 2.0}, "q1": {"d2": 1.0}}, "the highest of repeated grades"
    assert task.document_ids == CORPUS["id"]
    assert task.documents == CORPUS["text"]


def test_scored_rows_become_a_scored_task() -> None:
    rows = {"row": ["1", "2"], "group": ["", ""], "sentence1": ["a", "b"], "sentence2": ["b", "c"], "score": [0.2, 1.0]}
    task = build_task(prepared(RowKind.SCORED, rows), "test")
    assert isinstance(task, ScoredTask)
    assert (task.sentences1, task.sentences2, task.scores.tolist()) == (["a", "b"], ["b", "c"], [0.2, 1.0])
    assert task.distinct.texts == ["a", "b", "c"]
    assert (task.kind, task.primary) == (RowKind.SCORED, "spearman")


def test_rows_that_name_their_group_make_groups_of_queries_and_of_pairs() -> None:
    task = build_task(prepared(RowKind.TUPLE, ROWS, CORPUS), "test")
    assert task.groups is None
    found = build_task(prepared(RowKind.TUPLE, ROWS | {"group": ["x", "x", "x", "x"]}, CORPUS), "test")
    assert found.groups is not None and found.groups.tolist() == [0, 0]
    names = ["b", "", "a", "b", ""]
    rows = {"row": list("12345"), "group": names, "sentence1": list("abcde"), "sentence2": list("fghij")}
    pairs = build_task(prepared(RowKind.SCORED, rows | {"score": [0.2, 1.0, 0.5, 0.1, 0.9]}), "test")
    assert pairs.groups is not None and pairs.groups.tolist() == [0, 1, 2, 0, 3], "what names no group stands alone"
    assert group_numbers(["a", "b", ""]) is None, "groups of one are no groups"


def test_a_split_or_corpus_that_is_not_there_is_said() -> None:
    with pytest.raises(DataError, match="data set 'toy' has no dev split; it has test"):
        build_task(prepared(RowKind.PAIR, ROWS, CORPUS), "dev")
    with pytest.raises(DataError, match="no corpus"):
        build_task(prepared(RowKind.PAIR, ROWS), "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_ids": [], "queries": []}, "no query"),
        ({"queries": ["one"]}, "numbers of ids and texts differ"),
        ({"query_ids": ["q1", "q1"]}, "two texts have one query id"),
        ({"document_ids": ["d1", "d1"]}, "two texts have one document id"),
        ({"qrels": {"q1": {"d1": 1.0}, "q2": {"d2": 0.0}}}, "query 'q2' has no relevant document"),
        ({"qrels": {"q1": {"d1": 1.0, "d9": 0.0}, "q2": {"d2": 1.0}}}, "judged on document 'd9', not in the corpus"),
    ],
)
def test_a_retrieval_task_that_does_not_fit_together_is_refused(change: dict, message: str) -> None:
    parts = {
        "name": "toy", "split": "test", "query_ids": ["q1", "q2"], "queries": ["a", "b"], "document_ids": ["d1", "d2"],
        "documents": ["x", "y"], "qrels": {"q1": {"d1": 1.0}, "q2": {"d2": 1.0}},
    }  # fmt: skip
    RetrievalTask(**parts)
    with pytest.raises(DataError, match=message):
        RetrievalTask(**parts | change)


@pytest.mark.parametrize("scores", [[0.5], [0.5, 0.5]])
def test_a_scored_task_without_different_scores_is_refused(scores: list[float]) -> None:
    with pytest.raises(DataError, match="toy, test: a correlation needs"):
        ScoredTask("toy", "test", ["a"] * len(scores), ["b"] * len(scores), np.array(scores))


def test_retrieval_scores_by_hand() -> None:
    task = RetrievalTask(
        "toy", "test", ["q1", "q2"], ["a", "b"], ["d1", "d2", "d3"], ["x", "y", "x"], {"q1": {"d2": 1.0}, "q2": {"d1": 1.0}}
    )
    queries, documents = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.1], [1.0, 0.2]])
    found = score(task, queries, documents)
    # q1: d3 and d1 share a vector (the later id first), then d2; q2: d2 first, then d3, d1
    assert found.top_ids == [["d3", "d1", "d2"], ["d2", "d3", "d1"]]
    assert found.per_query["mrr@10"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert found.per_query["ndcg@10"].tolist() == pytest.approx([0.5, 0.5])
    assert found.values["recall@10"] == 1.0
    assert found.top_scores is not None
    assert found.top_scores[0, 0] == found.top_scores[0, 1] == pytest.approx(3 / np.sqrt(9.01), abs=1e-6)


def test_cosine_ignores_length_and_dot_does_not() -> None:
    task = RetrievalTask("toy", "test", ["q"], ["a"], ["near", "long"], ["x", "y"], {"q": {"near": 1.0}})
    query, documents = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [5.0, 5.0]])
    assert score(task, query, documents, "cosine").top_ids == [["near", "long"]]
    assert score(task, query, documents, "dot").top_ids == [["long", "near"]]


def test_equal_queries_get_equal_rankings_and_their_own_judgements() -> None:
    task, queries, documents = retrieval(0, 20, 60)
    found = score(task, queries, documents)
    for even in range(0, 20, 2):
        assert found.top_ids[even] == found.top_ids[even + 1]
    assert all(len(values) == 20 for values in found.per_query.values())
    assert found.values == {name: pytest.approx(values.mean()) for name, values in found.per_query.items()}


def test_values_are_those_of_trec_eval_on_the_same_scores() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="the second implementation is in the dev extra")
    task, queries, documents = retrieval(1, 30, 150)
    found = score(task, queries, documents)
    assert found.ranking is not None
    run = {
        query: {task.document_ids[row]: float(s) for row, s in zip(rows, scores, strict=True)}
        for query, rows, scores in zip(task.query_ids, found.ranking.rows, found.ranking.scores, strict=True)
    }
    qrels = {query: {document: int(grade) for document, grade in grades.items()} for query, grades in task.qrels.items()}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "map_cut.10", "recall.10,100"}).evaluate(run)
    names = {"ndcg@10": "ndcg_cut_10", "map@10": "map_cut_10", "recall@10": "recall_10", "recall@100": "recall_100"}
    for row, query in enumerate(task.query_ids):
        for name, their_name in names.items():
            assert found.per_query[name][row] == pytest.approx(theirs[query][their_name], abs=1e-9)


def test_pool_holds_judged_documents_and_the_first_ranks_of_the_base() -> None:
    task, queries, documents = retrieval(2, 6, 300)
    ranking = score(task, queries, documents).ranking
    assert ranking is not None
    pool = with_pool(task, ranking, top=5)
    wanted = {task.document_ids[row] for row in ranking.rows[:, :5].ravel()} | {
        d for grades in task.qrels.values() for d in grades
    }
    assert set(pool.document_ids) == wanted
    assert len(pool.document_ids) < 60
    assert (pool.query_ids, pool.qrels) == (task.query_ids, task.qrels)
    text = dict(zip(task.document_ids, task.documents, strict=True))
    assert [text[document] for document in pool.document_ids] == pool.documents


def test_base_keeps_its_first_ranks_on_the_pool() -> None:
    task, queries, documents = retrieval(3, 8, 300)
    whole = score(task, queries, documents)
    assert whole.ranking is not None
    pool = with_pool(task, whole.ranking, top=20)
    row_of = {text: row for row, text in enumerate(task.distinct_documents.texts)}
    again = score(pool, queries, documents[[row_of[text] for text in pool.distinct_documents.texts]])
    assert again.top_ids == whole.top_ids
    assert again.values["ndcg@10"] == pytest.approx(whole.values["ndcg@10"])


def test_a_ranking_that_is_not_deep_enough_makes_no_pool() -> None:
    task, queries, documents = retrieval(4, 6, 300)
    ranking = score(task, queries, documents).ranking
    assert ranking is not None
    with pytest.raises(ValueError, match="6 queries to rank 100 does not cover 6 queries to rank 200"):
        with_pool(task, ranking, top=200)
    fewer = replace(task, query_ids=task.query_ids[:3], queries=task.queries[:3])
    with pytest.raises(ValueError, match="does not cover 3 queries"):
        with_pool(fewer, ranking, top=5)


def test_scored_pairs_by_hand() -> None:
    task = ScoredTask("toy", "test", ["a", "b", "c"], ["x", "y", "z"], np.array([0.0, 0.5, 1.0]))
    left = torch.tensor([[1.0, 0.0]] * 3)
    found = score(task, left, torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]))
    assert found.values["spearman"] == pytest.approx(1.0)
    assert found.values["pearson"] == pytest.approx(np.corrcoef([0, 0.5, 1], [0, np.sqrt(0.5), 1])[0, 1], abs=1e-6)
    assert found.similarities == pytest.approx([0.0, 0.707107, 1.0], abs=1e-9)
    assert found.ranking is None


def test_vectors_that_do_not_fit_the_task_are_refused() -> None:
    task, queries, documents = retrieval(5, 6, 30)
    with pytest.raises(ValueError, match="query vectors do not fit 3 distinct query texts"):
        score(task, queries[:2], documents)
    with pytest.raises(ValueError, match="document vectors do not fit"):
        score(task, queries, documents[:-1])
    queries[1, 0] = float("nan")
    with pytest.raises(ValueError, match="query vector 1 holds NaN"):
        score(task, queries, documents)
    scored = ScoredTask("toy", "test", ["a", "b"], ["x", "y"], np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="3 vectors do not fit the 2 pairs"):
        score(scored, torch.ones(3, 2), torch.ones(3, 2))


def test_the_query_itself_is_left_out_of_its_ranking() -> None:
    """ArguAna by hand: each query lies in the corpus under its own id, nearer than what it should find."""
    task = RetrievalTask(
        name="arguments",
        split="test",
        query_ids=["a", "b", "c"],
        queries=["For it", "against", "other"],
        document_ids=["a", "b", "c", "x", "y"],
        documents=["Title. for  it", "Against", "a text with the id of a query", "found by a", "found by b"],
        qrels={"a": {"x": 1.0}, "b": {"b": 1.0, "y": 1.0}, "c": {"x": 1.0}},
    )
    assert task.own_rows.tolist() == [0, -1, -1]  # b is judged, c's text is another
    queries = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    documents = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.9, 0, 0.1], [0, 0.9, 0.05]])
    found = score(task, queries, documents)
    assert [ids[0] for ids in found.top_ids] == ["x", "b", "c"] and len(found.top_ids[0]) == 4
    assert found.per_query["ndcg@10"].tolist() == pytest.approx([1, 1, 1 / np.log2(3)])
    assert found.ranking is not None and found.ranking.rows[0].tolist()[-1] == 0, "what is no result stands last"
    assert with_pool(task, found.ranking, top=1).document_ids == ["b", "c", "x", "y"]
