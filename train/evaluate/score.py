"""Scores of an encoder on a task."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from train.evaluate.exact_search import Ranking, search
from train.evaluate.pair_metrics import cosine_similarities, pearson, spearman
from train.evaluate.ranking_metrics import retrieval_metrics
from train.evaluate.similarities import Closest, closest_documents
from train.evaluate.tasks import DEPTH, TOP, DistinctTexts, RetrievalTask, ScoredTask, Similarity, Task


@dataclass(frozen=True)
class Scores:
    """One model's results on one task.

    Attributes:
        primary: the name of the metric that checkpoints are chosen by and that the verdict is about.
        values: metric → value (retrieval in 0..1, correlations in -1..1).
        per_query: metric → [Q] float64 in the order of `task.query_ids`; empty for scored pairs.
        ranking: the first `DEPTH` documents of each query; None for scored pairs.
        top_ids: Q lists of the first `TOP` document ids; empty for scored pairs.
        top_scores: [Q, TOP] their similarities; None for scored pairs.
        similarities: [P] cosine similarity of each pair; None for retrieval.
        closest: the best relevant and the best wrong document of each query; None for scored pairs, and where no vectors were
            compared.
    """

    primary: str
    values: dict[str, float]
    per_query: dict[str, np.ndarray] = field(default_factory=dict)
    ranking: Ranking | None = None
    top_ids: list[list[str]] = field(default_factory=list)
    top_scores: np.ndarray | None = None
    similarities: np.ndarray | None = None
    closest: Closest | None = None


def score_retrieval(
    task: RetrievalTask, query_vectors: Tensor, document_vectors: Tensor, similarity: Similarity = "cosine"
) -> Scores:
    """Search the corpus and compute the metrics.

    Args:
        task: what is judged.
        query_vectors: [U, D] of `task.distinct_queries.texts`.
        document_vectors: [U', D] of `task.distinct_documents.texts`, on the same device.
        similarity: "cosine" normalises the vectors first, "dot" takes them as they are.

    Raises:
        ValueError: the vectors do not fit the task or hold NaN or infinity.
    """
    queries, documents = task.distinct_queries, task.distinct_documents
    _check_rows(query_vectors, queries, "query")
    _check_rows(document_vectors, documents, "document")
    if similarity == "cosine":
        query_vectors, document_vectors = _unit(query_vectors), _unit(document_vectors)
    own = task.own_rows
    depth = DEPTH + bool((own >= 0).any())
    found = search(query_vectors, document_vectors, task.document_ids, depth, vector_of=documents.rows)
    ranking = _own_last(Ranking(scores=found.scores[queries.rows], rows=found.rows[queries.rows]), own)
    ranked = [
        [task.document_ids[row] for row in rows if row != itself]
        for rows, itself in zip(ranking.rows.tolist(), own.tolist(), strict=True)
    ]
    per_query = retrieval_metrics(task.query_ids, ranked, task.qrels)
    return Scores(
        primary=task.primary,
        values={name: float(values.mean()) for name, values in per_query.items()},
        per_query=per_query,
        ranking=ranking,
        top_ids=[ids[:TOP] for ids in ranked],
        top_scores=ranking.scores[:, :TOP],
        closest=closest_documents(task, query_vectors, document_vectors, ranking),
    )


def _own_last(ranking: Ranking, own: np.ndarray) -> Ranking:
    """Return at most `DEPTH` documents a query, the document that is the query itself ([Q], -1: none) behind all others."""
    if (own < 0).all():
        return ranking
    order = np.argsort(ranking.rows == own[:, None], axis=1, kind="stable")[:, :DEPTH]
    return Ranking(*(np.take_along_axis(values, order, axis=1) for values in (ranking.scores, ranking.rows)))


def score_scored(task: ScoredTask, vectors1: Tensor, vectors2: Tensor) -> Scores:
    """Correlate cosine similarities with the gold scores. `vectors1` and `vectors2` are [P, D], one row a sentence.

    Raises:
        ValueError: the vectors do not fit the task or hold NaN or infinity.
    """
    if len(vectors1) != len(task):
        raise ValueError(f"{len(vectors1)} vectors do not fit the {len(task)} pairs of {task.name}")
    similarities = cosine_similarities(vectors1, vectors2)
    values = {"spearman": spearman(task.scores, similarities), "pearson": pearson(task.scores, similarities)}
    return Scores(primary=task.primary, values=values, similarities=similarities)


def score(task: Task, vectors1: Tensor, vectors2: Tensor, similarity: Similarity = "cosine") -> Scores:
    """Call `score_retrieval` (query and document vectors) or `score_scored` (vectors of both sides), as the task asks."""
    if isinstance(task, RetrievalTask):
        return score_retrieval(task, vectors1, vectors2, similarity)
    return score_scored(task, vectors1, vectors2)


def _unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors.float(), dim=1)


def _check_rows(vectors: Tensor, distinct: DistinctTexts, what: str) -> None:
    if len(vectors) != len(distinct.texts):
        raise ValueError(f"{len(vectors)} {what} vectors do not fit {len(distinct.texts)} distinct {what} texts")
