"""Canaries: queries of test whose right document the shipped model puts first. If one of them moves, something has changed.

Shapes: Q canaries, C documents, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data.schema import normalise_text, text_id
from train.watch.sample import Bools, Floats, Ints

if TYPE_CHECKING:
    from datasets import Dataset

MOST = 50
"""Canaries of a data set."""


@dataclass(frozen=True)
class Canary:
    """A query, and what it should find.

    Attributes:
        query_id, query: of the data set's test.
        document_ids, documents: its relevant documents; any of them may be the first.
    """

    query_id: str
    query: str
    document_ids: tuple[str, ...]
    documents: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what its line in canaries.jsonl holds, besides the data set."""
        return asdict(self)

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Canary:
        """Read what `to_dict` gave."""
        return cls(line["query_id"], line["query"], tuple(line["document_ids"]), tuple(line["documents"]))


def candidates(test: Dataset, first: frozenset[str] | None) -> list[Canary]:
    """Return up to twice `MOST` canaries of a test split: queries whose relevant document stood first when it was judged.

    Args:
        test: rows of judged queries.
        first: ids of these queries; None where that is not known, so that all of them are candidates.
    """
    queries: dict[str, str] = {}
    answers: dict[str, dict[str, str]] = {}
    columns = (test[name][:] for name in ("query_id", "anchor", "document_id", "positive", "grade"))
    for query_id, query, document_id, document, grade in zip(*columns, strict=True):
        if grade > 0 and (first is None or query_id in first):
            queries.setdefault(query_id, query)
            answers.setdefault(query_id, {})[document_id] = document
    distinct = {normalise_text(query): query_id for query_id, query in reversed(queries.items())}
    chosen = sorted(distinct.values(), key=lambda query_id: text_id(queries[query_id]))[: 2 * MOST]
    return [Canary(one, queries[one], tuple(answers[one]), tuple(answers[one].values())) for one in chosen]


def still_first(queries: Floats, documents: Floats, expected: Sequence[Sequence[int]], cosine: bool) -> Bools:
    """Tell [Q] of which queries one of the expected documents is the nearest; of equals, one that is expected counts.

    Args:
        queries: [Q, D].
        documents: [C, D].
        expected: for each query the rows of its documents.
        cosine: whether vectors are brought to unit length first.
    """
    scores = similarities(queries, documents, cosine)
    best = scores.max(axis=1) if scores.size else np.zeros(len(queries))
    own = [scores[row, list(rows)].max() if rows else -np.inf for row, rows in enumerate(expected)]
    found: Bools = np.array(own) >= best - 1e-6  # the last bits of a product change with the place in the matrix
    return found


def similarities(queries: Floats, documents: Floats, cosine: bool) -> Floats:
    """Return [Q, C] similarities."""
    if cosine:
        queries, documents = unit(queries), unit(documents)
    found: Floats = queries @ documents.T
    return found


def unit(vectors: Floats) -> Floats:
    """Return [N, D] vectors at unit length; those of length 0 stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = vectors / np.where(norms == 0, 1, norms)
    return found


def nearest(texts: Sequence[str], vectors: Floats, documents: Sequence[str], document_vectors: Floats, cosine: bool) -> Floats:
    """Return [N] similarities of texts to their nearest document; one that is the text itself is left out.

    Args:
        texts: N texts.
        vectors: [N, D].
        documents: C texts.
        document_vectors: [C, D].
        cosine: see `still_first`.

    Returns:
        [N]; NaN where there is no document.
    """
    if not len(documents):
        return np.full(len(texts), np.nan)
    scores = similarities(vectors, document_vectors, cosine).astype(np.float64)
    places: dict[str, list[int]] = {}
    for row, document in enumerate(documents):
        places.setdefault(normalise_text(document), []).append(row)
    for row, text in enumerate(texts):
        if (same := places.get(normalise_text(text))) is not None:
            scores[row, same] = -np.inf
    best: Floats = scores.max(axis=1)
    return np.where(np.isfinite(best), best, np.nan)


def rows_of(canaries: Sequence[Canary], document_ids: Sequence[str]) -> list[list[int]]:
    """Return for each canary the rows of its documents that are there."""
    places: Mapping[str, int] = {one: row for row, one in enumerate(document_ids)}
    return [[places[one] for one in canary.document_ids if one in places] for canary in canaries]


def kept(canaries: Sequence[Canary], good: Bools) -> tuple[Canary, ...]:
    """Return the first `MOST` of those that are good."""
    chosen: Ints = np.flatnonzero(good)[:MOST]
    return tuple(canaries[row] for row in chosen.tolist())
