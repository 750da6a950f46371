"""Retrieval metrics for each query, as trec_eval computes them.

Shapes: Q queries, K ranks kept, J judged documents of the query that has most.

All functions take `gains`, the grade of the document at each rank ([Q, K], 0 where it is unjudged or the ranking is shorter),
so a metric is a few array operations for all queries at once. A document is relevant when its grade is above 0 (trec_eval's
default level 1 for integer grades). Unjudged documents count as not relevant, and negative grades as 0. A query without a
relevant document has no ideal ranking: `judged_gains` refuses it, and whoever builds a task must leave it out before.

Definitions: trec_eval's m_ndcg_cut.c, m_map_cut.c, m_recall.c and m_recip_rank.c (https://github.com/usnistgov/trec_eval);
nDCG after Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002, with linear gains
and the discount log2(rank + 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Qrels = Mapping[str, Mapping[str, float]]
"""Query id → document id → grade."""

RETRIEVAL_METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100", "map@10")
"""What is reported for retrieval, the primary metric first."""


def ranked_gains(query_ids: Sequence[str], ranked: Sequence[Sequence[str]], qrels: Qrels) -> np.ndarray:
    """Return [Q, K] float64 grades along each ranking. `ranked[i]` holds distinct document ids of query i, best first."""
    gains = np.zeros((len(query_ids), max((len(ids) for ids in ranked), default=0)))
    for row, (query_id, ids) in enumerate(zip(query_ids, ranked, strict=True)):
        grades = qrels[query_id]
        for rank, document_id in enumerate(ids):
            grade = grades.get(document_id)
            if grade is not None and grade > 0:
                gains[row, rank] = grade
    return gains


def judged_gains(query_ids: Sequence[str], qrels: Qrels) -> np.ndarray:
    """Return [Q, J] float64 grades of all relevant documents of each query, descending, padded with 0: the ideal ranking.

    Raises:
        ValueError: a query has no relevant document.
    """
    rows = [sorted((grade for grade in qrels.get(query_id, {}).values() if grade > 0), reverse=True) for query_id in query_ids]
    ideal = np.zeros((len(rows), max((len(row) for row in rows), default=0)))
    for index, row in enumerate(rows):
        if not row:
            raise ValueError(f"query {query_ids[index]!r} has no relevant document, so no metric is defined for it")
        ideal[index, : len(row)] = row
    return ideal


def ndcg(gains: np.ndarray, ideal: np.ndarray, k: int) -> np.ndarray:
    """Return [Q] nDCG@k in 0..1: discounted gain of the first k ranks over that of the ideal ranking's first k."""
    return _dcg(gains, k) / _dcg(ideal, k)


def reciprocal_rank(gains: np.ndarray, k: int) -> np.ndarray:
    """Return [Q] 1 / rank of the first relevant document within the first k ranks, 0 where there is none."""
    relevant = gains[:, :k] > 0
    if not relevant.shape[1]:
        return np.zeros(len(gains))
    return np.where(relevant.any(axis=1), 1 / (relevant.argmax(axis=1) + 1), 0.0)


def recall(gains: np.ndarray, ideal: np.ndarray, k: int) -> np.ndarray:
    """Return [Q] shares of the relevant documents that are within the first k ranks, 0..1."""
    return (gains[:, :k] > 0).sum(axis=1) / (ideal > 0).sum(axis=1)


def average_precision(gains: np.ndarray, ideal: np.ndarray, k: int) -> np.ndarray:
    """Return [Q] AP@k in 0..1: precision at each relevant document of the first k ranks, summed, over *all* relevant documents.

    trec_eval's `map_cut`; a query with more than k relevant documents cannot reach 1.
    """
    relevant = gains[:, :k] > 0
    precision = relevant.cumsum(axis=1) / np.arange(1, relevant.shape[1] + 1)
    return (precision * relevant).sum(axis=1) / (ideal > 0).sum(axis=1)


def retrieval_metrics(
    query_ids: Sequence[str], ranked: Sequence[Sequence[str]], qrels: Qrels, metrics: Sequence[str] = RETRIEVAL_METRICS
) -> dict[str, np.ndarray]:
    """Compute every metric for every query.

    Args:
        query_ids: Q ids; each must have a relevant document in `qrels`.
        ranked: for each query its distinct document ids, best first, as many as the largest cut-off needs.
        qrels: the judgements.
        metrics: names such as "ndcg@10": ndcg, mrr, recall or map, "@", the cut-off.

    Returns:
        Metric name → [Q] float64 in 0..1.

    Raises:
        ValueError: a query has no relevant document, or a metric's name is not known.
    """
    gains, ideal = ranked_gains(query_ids, ranked, qrels), judged_gains(query_ids, qrels)
    return {name: _metric(name, gains, ideal) for name in metrics}


def _metric(name: str, gains: np.ndarray, ideal: np.ndarray) -> np.ndarray:
    family, _, cut = name.partition("@")
    if not cut.isdecimal() or int(cut) < 1:
        raise ValueError(f"metric {name!r} needs a cut-off of at least 1, as in 'ndcg@10'")
    k = int(cut)
    match family:
        case "ndcg":
            return ndcg(gains, ideal, k)
        case "mrr":
            return reciprocal_rank(gains, k)
        case "recall":
            return recall(gains, ideal, k)
        case "map":
            return average_precision(gains, ideal, k)
    raise ValueError(f"unknown metric {name!r}; known are ndcg, mrr, recall and map with a cut-off")


def _dcg(gains: np.ndarray, k: int) -> np.ndarray:
    cut = gains[:, :k]
    return cut @ (1 / np.log2(np.arange(2, cut.shape[1] + 2)))
