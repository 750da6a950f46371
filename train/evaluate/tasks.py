"""What is judged, independent of any model: queries against a corpus, or sentence pairs with gold scores.

Shapes: Q queries, C documents, P pairs; U distinct texts, D dimensions.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from data.errors import DataError
from data.places import Places
from data.prepared import PreparedDataset
from data.schema import RowKind, normalise_text
from train.encode.contract import Role
from train.evaluate.exact_search import Ranking
from train.evaluate.pair_metrics import SCORED_METRICS
from train.evaluate.ranking_metrics import RETRIEVAL_METRICS, Qrels
from train.evaluate.statistics import group_numbers

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
        groups: [Q] int, from 0 without a gap, where the user said which queries belong together; else None.
        taught: [Q] bool, of which queries training rows had a relevant document; None where that is not known (`slicing`).
        places: where its texts stand; None where that is not known.

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
    taught: np.ndarray | None = field(default=None, compare=False)
    places: Places | None = field(default=None, compare=False)
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
        """Return what to encode as queries."""
        return DistinctTexts.of(self.queries)

    @cached_property
    def distinct_documents(self) -> DistinctTexts:
        """Return what to encode as documents."""
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
        """Return Q, the number of queries."""
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
        range_given: whether the user said in which range the scores are, and so which way they run.
        places: where its texts stand; None where that is not known.

    Raises:
        DataError: the parts do not fit together, or the gold scores do not allow a correlation.
    """

    name: str
    split: str
    sentences1: Sequence[str]
    sentences2: Sequence[str]
    scores: np.ndarray
    groups: np.ndarray | None = field(default=None, compare=False)
    range_given: bool = field(default=False, compare=False)
    places: Places | None = field(default=None, compare=False)
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
        """Return what to encode: the texts of both sides; rows 0..P-1 are `sentences1`, the rest `sentences2`."""
        return DistinctTexts.of([*self.sentences1, *self.sentences2])

    def __len__(self) -> int:
        """Return P, the number of pairs."""
        return len(self.scores)


Task = RetrievalTask | ScoredTask


def build_task(prepared: PreparedDataset, split: str) -> Task:
    """Build the task that a split of a data set poses.

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
        first, second = list(rows["sentence1"][:]), list(rows["sentence2"][:])
        places = Places.of(prepared, split)
        return ScoredTask(prepared.name, split, first, second, scores, groups, prepared.range_given, places)
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
        places=Places.of(prepared, split),
    )


def with_pool(task: RetrievalTask, base_ranking: Ranking, top: int = DEPTH) -> RetrievalTask:
    """Return the same queries over a small, fixed set of candidates, for judging many checkpoints on a large corpus.

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
    """Return the same queries over those documents of the corpus alone whose ids are in the pool."""
    kept = [row for row, document_id in enumerate(task.document_ids) if document_id in pool]
    return dataclasses.replace(
        task, document_ids=[task.document_ids[row] for row in kept], documents=[task.documents[row] for row in kept]
    )


def task_sha256(task: Task) -> str:
    """Compute the SHA-256 of everything that a task judges a model with: ids, texts, judgements, corpus, gold scores.

    Names, splits and how the items came to be (split options, training rows at most) do not enter. Queries and documents are
    taken in the order of their ids, so a file in another order poses the same task; scored pairs in their own order, since their
    number is their only id.
    """
    digest = hashlib.sha256()
    if isinstance(task, RetrievalTask):
        _add(digest, "queries", sorted(zip(task.query_ids, task.queries, strict=True)))
        judgements = ((query, document, repr(float(g))) for query in task.query_ids for document, g in task.qrels[query].items())
        _add(digest, "judgements", sorted(judgements))
        _add(digest, "documents", sorted(zip(task.document_ids, task.documents, strict=True)))
    else:
        scores = (repr(float(score)) for score in task.scores)
        _add(digest, "pairs", zip(task.sentences1, task.sentences2, scores, strict=True))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Add each text with its length before it, so that no two different lists give the same bytes."""
    digest.update(f"{part}\n".encode())
    for row in rows:
        for text in row:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:%b" % (len(data), data))


def texts_by_role(tasks: Mapping[str, Task]) -> dict[Role, list[str]]:
    """Collect every distinct text that the tasks need, by the role in which it is encoded."""
    found: dict[Role, list[str]] = {}
    for task in tasks.values():
        if isinstance(task, RetrievalTask):
            found.setdefault(Role.QUERY, []).extend(task.distinct_queries.texts)
            found.setdefault(Role.DOCUMENT, []).extend(task.distinct_documents.texts)
        else:
            found.setdefault(Role.SYMMETRIC, []).extend(task.distinct.texts)
    return {role: list(dict.fromkeys(texts)) for role, texts in found.items()}
