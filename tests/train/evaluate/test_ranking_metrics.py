from __future__ import annotations

import time
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.evaluate.ranking_metrics import RETRIEVAL_METRICS, judged_gains, ranked_gains, retrieval_metrics


def one(ranked: list[str], grades: dict[str, float], metric: str) -> float:
    return float(retrieval_metrics(["q"], [ranked], {"q": grades}, [metric])[metric][0])


def test_ndcg_by_hand() -> None:
    # ranks 2 and 4 hold grades 2 and 1, one relevant document of grade 1 is not found
    expected = (2 / log2(3) + 1 / log2(5)) / (2 / log2(2) + 1 / log2(3) + 1 / log2(4))
    assert one(["x", "a", "y", "b"], {"a": 2, "b": 1, "c": 1, "y": 0}, "ndcg@10") == pytest.approx(expected, abs=1e-12)


def test_ideal_ranking_is_cut_at_k_too() -> None:
    assert one(["a"], {"a": 1, "b": 1, "c": 1}, "ndcg@1") == 1.0


def test_gains_are_linear_not_exponential() -> None:
    assert one(["b", "a"], {"a": 3, "b": 1}, "ndcg@10") == pytest.approx((1 + 3 / log2(3)) / (3 + 1 / log2(3)))


def test_reciprocal_rank_by_hand() -> None:
    assert one(["x", "y", "a", "b"], {"a": 1, "b": 1}, "mrr@10") == pytest.approx(1 / 3)
    assert one(["x", "y", "a"], {"a": 1}, "mrr@2") == 0.0
    assert one([], {"a": 1}, "mrr@10") == 0.0


def test_recall_by_hand() -> None:
    assert one(["a", "x", "b", "c"], {"a": 2, "b": 1, "c": 1, "d": 1}, "recall@3") == 0.5


def test_average_precision_is_divided_by_all_relevant_documents() -> None:
    # precision 1/1 and 2/3 at the two found ones, over 4 relevant
    assert one(["a", "x", "b"], {"a": 1, "b": 2, "c": 1, "d": 1}, "map@10") == pytest.approx((1 + 2 / 3) / 4)


def test_perfect_and_empty_rankings_are_the_ends_of_the_range() -> None:
    found = retrieval_metrics(["q", "r"], [["a", "b"], []], {"q": {"a": 2, "b": 1}, "r": {"a": 1}})
    assert set(found) == set(RETRIEVAL_METRICS)
    for values in found.values():
        assert values.tolist() == [1.0, 0.0]


def test_negative_grades_and_grade_zero_are_not_relevant() -> None:
    grades = {"a": 1, "b": 0, "c": -2}
    assert one(["c", "b", "a"], grades, "ndcg@10") == pytest.approx(1 / log2(4))
    assert one(["c", "b", "a"], grades, "recall@10") == 1.0


def test_query_without_a_relevant_document_is_refused() -> None:
    with pytest.raises(ValueError, match="query 'r' has no relevant document"):
        retrieval_metrics(["q", "r"], [["a"], ["a"]], {"q": {"a": 1}, "r": {"a": 0}})


@pytest.mark.parametrize(("name", "message"), [("ndcg", "cut-off"), ("ndcg@0", "cut-off"), ("err@10", "unknown metric 'err@10'")])
def test_unknown_metrics_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one(["a"], {"a": 1}, name)


documents = st.sampled_from([f"d{i}" for i in range(14)])
runs = st.dictionaries(documents, st.integers(0, 4).map(lambda step: step / 4), max_size=14)
judgements = st.dictionaries(documents, st.integers(0, 3), min_size=1).filter(lambda grades: any(grades.values()))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(runs, judgements), min_size=1, max_size=5))
def test_agrees_with_trec_eval_on_runs_with_ties_and_grades(queries: list[tuple[dict[str, float], dict[str, int]]]) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="the second implementation is in the dev extra")
    ids = [f"q{i}" for i in range(len(queries))]
    # trec_eval sorts by score, then by id, both descending
    ranked = [sorted(run, key=lambda document: (run[document], document), reverse=True) for run, _ in queries]
    qrels = dict(zip(ids, (grades for _, grades in queries), strict=True))
    ours = retrieval_metrics(ids, ranked, qrels, ["ndcg@5", "ndcg@10", "map@10", "map@3", "recall@5", "recall@10", "mrr@100"])
    names = {"ndcg@5": "ndcg_cut_5", "ndcg@10": "ndcg_cut_10", "map@10": "map_cut_10", "map@3": "map_cut_3"}
    names |= {"recall@5": "recall_5", "recall@10": "recall_10", "mrr@100": "recip_rank"}
    measures = {"ndcg_cut.5,10", "map_cut.3,10", "recall.5,10", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(dict(zip(ids, (run for run, _ in queries), strict=True)))
    for row, query_id in enumerate(ids):
        if not ranked[row]:
            continue  # trec_eval leaves out a query that the run does not hold; ours is 0, tested above
        for name, their_name in names.items():
            assert ours[name][row] == pytest.approx(theirs[query_id][their_name], abs=1e-9), name


def test_3000_queries_of_100_ranks_take_well_under_a_second() -> None:
    generator = np.random.default_rng(0)
    ids = [f"q{i}" for i in range(3000)]
    ranked = [[f"d{j}" for j in generator.permutation(500)[:100]] for _ in ids]
    qrels = {query: {f"d{j}": 1.0 for j in generator.integers(0, 500, 5)} for query in ids}
    began = time.perf_counter()
    retrieval_metrics(ids, ranked, qrels)
    assert time.perf_counter() - began < 1.0


def test_gain_matrices_have_the_documented_shapes() -> None:
    qrels = {"q": {"a": 1.0, "b": 3.0}, "r": {"c": 2.0}}
    assert judged_gains(["q", "r"], qrels).tolist() == [[3.0, 1.0], [2.0, 0.0]]
    assert ranked_gains(["q", "r"], [["b"], ["a", "c"]], qrels).tolist() == [[3.0, 0.0], [0.0, 2.0]]
