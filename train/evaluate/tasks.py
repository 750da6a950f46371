"""What is judged, independent of any model: queries against a corpus, or sentence pairs with gold scores.

Shapes: Q queries, C documents, P pairs; U distinct texts, D dimensions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from data.errors import DataError
from data.prepared import PreparedDataset
from data.schema import RowKind, normalise_text
from train.evaluate.groups import group_numbers
from train.evaluate.metrics import RETRIEVAL_METRICS, Qrels, retrieval_metrics
from train.evaluate.scored import SCORED_METRICS, cosine_similarities, pearson, spearman
from train.evaluate.search import Ranking, search

DEPTH = 100
"""Ranks that are kept of each query: as many as the deepest metric (recall@100) and the candidate pool need."""

TOP = 10
"""Ranks whose document ids and scores are kept for people to read."""

Similarity = Literal["cosine", "dot"]
"""How a model compares two vectors."""


@dataclass(frozen=True)
class DistinctTexts:
    """Texts without repetition. Each is encoded once, so equal texts share one vector and tie exactly.

    Attributes:
        texts: U distinct texts, in the order of their first appearance.
        rows: [N] int64, for each of the N given texts its index in `texts`.
    """

    texts: list[str]
    rows: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str]) -> DistinctTexts:
        """Collect the distinct ones of N texts; equal means the same code points."""
        index: dict[str, int] = {}
        rows = np.fromiter((index.setdefault(text, len(index)) for text in texts), dtype=np.int64, count=len(texts))
        return cls(texts=list(index), rows=rows)


@dataclass(frozen=True)
class RetrievalTask:
    """Queries, a corpus to search, and graded judgements.

    Attributes:
        name: the data set.
        split: "dev" or "test".
        query_ids: Q distinct ids.
        queries: Q texts.
        document_ids: C distinct ids.
        documents: C texts.
        qrels: query id → document id → grade; every query has at least one grade above 0, every document is in the corpus.
        kind: the kind of the rows that it was built from.
        groups: [Q] int, from 0 without a gap, where the person said which queries belong together; else None.

    Raises:
        DataError: the parts do not fit together.
    """

    name: str
    split: str
    query_ids: Sequence[str]
    queries: Sequence[str]
    document_ids: Sequence[str]
    documents: Sequence[str]
    qrels: Qrels
    kind: RowKind = RowKind.PAIR
    groups: np.ndarray | None = field(default=None, compare=False)
    primary: str = field(default=RETRIEVAL_METRICS[0], init=False)

    def __post_init__(self) -> None:
        where = f"{self.name}, {self.split}"
        if len(self.query_ids) != len(self.queries) or len(self.document_ids) != len(self.documents):
            raise DataError("the numbers of ids and texts differ", where=where)
        if not len(self.query_ids):
            raise DataError("there is no query to judge", where=where)
        for ids, what in ((self.query_ids, "query"), (self.document_ids, "document")):
            if len(set(ids)) != len(ids):
                raise DataError(f"two texts have one {what} id", where=where)
        corpus = set(self.document_ids)
        for query_id in self.query_ids:
            grades = self.qrels.get(query_id, {})
            if not any(grade > 0 for grade in grades.values()):
                raise DataError(f"query {query_id!r} has no relevant document", where=where)
            missing = grades.keys() - corpus
            if missing:
                raise DataError(f"query {query_id!r} is judged on document {min(missing)!r}, not in the corpus", where=where)

    @cached_property
    def distinct_queries(self) -> DistinctTexts:
        """What to encode as queries."""
        return DistinctTexts.of(self.queries)

    @cached_property
    def distinct_documents(self) -> DistinctTexts:
        """What to encode as documents."""
        return DistinctTexts.of(self.documents)

    @cached_property
    def own_rows(self) -> np.ndarray:
        """[Q] the row of the document that is the query itself, -1 where there is none.

        It has the query's id, holds its text, and is not judged. No model is praised or blamed for finding it: it is left out of
        the query's ranking, as BEIR and mteb do for ArguAna and Quora.
        """
        rows, numbers = np.full(len(self), -1), {query_id: number for number, query_id in enumerate(self.query_ids)}
        for row, document_id in enumerate(self.document_ids):
            number = numbers.get(document_id)
            if number is None or document_id in self.qrels[document_id]:
                continue
            if normalise_text(self.queries[number]) in normalise_text(self.documents[row]):
                rows[number] = row
        return rows

    def __len__(self) -> int:
        """Q, the number of queries."""
        return len(self.query_ids)


@dataclass(frozen=True)
class ScoredTask:
    """Sentence pairs with gold similarities.

    Attributes:
        name: the data set.
        split: "dev" or "test".
        sentences1, sentences2: P texts each.
        scores: [P] gold similarities in 0..1, not all equal.
        groups: [P], as those of queries.

    Raises:
        DataError: the parts do not fit together, or the gold scores do not allow a correlation.
    """

    name: str
    split: str
    sentences1: Sequence[str]
    sentences2: Sequence[str]
    scores: np.ndarray
    groups: np.ndarray | None = field(default=None, compare=False)
    kind: RowKind = field(default=RowKind.SCORED, init=False)
    primary: str = field(default=SCORED_METRICS[0], init=False)

    def __post_init__(self) -> None:
        where = f"{self.name}, {self.split}"
        if not len(self.sentences1) == len(self.sentences2) == len(self.scores):
            raise DataError("the numbers of sentences and scores differ", where=where)
        if len(self.scores) < 2 or np.ptp(self.scores) == 0:
            raise DataError("a correlation needs at least two pairs with different gold scores", where=where)

    @cached_property
    def distinct(self) -> DistinctTexts:
        """What to encode: the texts of both sides; rows 0..P-1 are `sentences1`, the rest `sentences2`."""
        return DistinctTexts.of([*self.sentences1, *self.sentences2])

    def __len__(self) -> int:
        """P, the number of pairs."""
        return len(self.scores)


Task = RetrievalTask | ScoredTask


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
    """

    primary: str
    values: dict[str, float]
    per_query: dict[str, np.ndarray] = field(default_factory=dict)
    ranking: Ranking | None = None
    top_ids: list[list[str]] = field(default_factory=list)
    top_scores: np.ndarray | None = None
    similarities: np.ndarray | None = None


def build_task(prepared: PreparedDataset, split: str) -> Task:
    """The task that a split of a data set poses.

    Rows of one query id make one query (its first text) with graded judgements; of repeated judgements the highest counts. The
    corpus is the whole corpus of the data set.

    Raises:
        DataError: the data set lacks the split or the corpus, or the split cannot be judged (see the tasks).
    """
    if split not in prepared.splits:
        raise DataError(f"data set {prepared.name!r} has no {split} split; it has {', '.join(prepared.splits) or 'none'}")
    rows = prepared.splits[split]
    if prepared.kind is RowKind.SCORED:
        scores = np.asarray(rows["score"][:], dtype=np.float64)
        groups = group_numbers(rows["group"][:])
        return ScoredTask(prepared.name, split, list(rows["sentence1"][:]), list(rows["sentence2"][:]), scores, groups)
    if prepared.corpus is None:
        raise DataError(f"data set {prepared.name!r} has no corpus to search")
    queries: dict[str, str] = {}
    names: dict[str, str] = {}
    qrels: dict[str, dict[str, float]] = {}
    columns = (rows[name][:] for name in ("query_id", "document_id", "grade", "anchor", "group"))
    for query_id, document_id, grade, text, group in zip(*columns, strict=True):
        queries.setdefault(query_id, text)
        names.setdefault(query_id, group)
        grades = qrels.setdefault(query_id, {})
        grades[document_id] = max(grade, grades.get(document_id, grade))
    corpus = prepared.corpus
    return RetrievalTask(
        name=prepared.name,
        split=split,
        query_ids=list(queries),
        queries=list(queries.values()),
        document_ids=list(corpus["id"][:]),
        documents=list(corpus["text"][:]),
        qrels=qrels,
        kind=prepared.kind,
        groups=group_numbers(list(names.values())),
    )


def with_pool(task: RetrievalTask, base_ranking: Ranking, top: int = DEPTH) -> RetrievalTask:
    """The same queries over a small, fixed set of candidates, for judging many checkpoints on a large corpus.

    The pool is every judged document of the task's queries and the base's first `top` documents of each query. The base's own
    first `top` ranks are unchanged by it. Values on a pool compare checkpoints with one another and with the base; they are
    not the values of the full corpus.

    Args:
        task: the full task.
        base_ranking: `ranking` of the base's `Scores` on this task, [Q, at least min(top, C)].
        top: ranks taken from it.

    Raises:
        ValueError: the ranking is not one of this task or not deep enough.
    """
    count, depth = base_ranking.rows.shape
    if count != len(task) or depth < min(top, len(task.document_ids)):
        raise ValueError(f"a ranking of {count} queries to rank {depth} does not cover {len(task)} queries to rank {top}")
    pool = {task.document_ids[row] for row in np.unique(base_ranking.rows[:, :top])}
    for query_id in task.query_ids:
        pool.update(task.qrels[query_id])
    return with_documents(task, pool)


def with_documents(task: RetrievalTask, pool: Collection[str]) -> RetrievalTask:
    """The same queries over those documents of the corpus alone whose ids are in the pool."""
    kept = [row for row, document_id in enumerate(task.document_ids) if document_id in pool]
    return dataclasses.replace(
        task, document_ids=[task.document_ids[row] for row in kept], documents=[task.documents[row] for row in kept]
    )


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
    )


def _own_last(ranking: Ranking, own: np.ndarray) -> Ranking:
    """At most `DEPTH` documents a query, that which is the query itself ([Q], -1: none) behind all others."""
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
    """`score_retrieval` (query and document vectors) or `score_scored` (vectors of both sides), as the task asks."""
    if isinstance(task, RetrievalTask):
        return score_retrieval(task, vectors1, vectors2, similarity)
    return score_scored(task, vectors1, vectors2)


def _unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors.float(), dim=1)


def _check_rows(vectors: Tensor, distinct: DistinctTexts, what: str) -> None:
    if len(vectors) != len(distinct.texts):
        raise ValueError(f"{len(vectors)} {what} vectors do not fit {len(distinct.texts)} distinct {what} texts")
