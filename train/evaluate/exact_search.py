"""Exact nearest-neighbour search in chunks, with one ranking on every machine.

Shapes: Q queries, C documents, V distinct document vectors, D dimensions.

Two things make a ranking depend on the machine: the last bits of a dot product (they change with the matrix kernel and
even with the place of a column in the matrix), and the order of equal scores. Both are settled here. Scores are rounded to
`RESOLUTION` before they are compared, and equal scores are ordered by document id, descending, compared as code points:
trec_eval sorts so and ignores the order of the run file (`comp_sim_docno` in usnistgov/trec_eval, form_res_rels.c). Rounding
cannot help two equal texts whose dot products fall on two sides of a rounding boundary, so equal texts share one vector
(`vector_of`) and one dot product.

Score and id are packed into one integer, `round(score / RESOLUTION) * C + rank of the id`. The integers are distinct and their
order is the order wanted, so the largest k of any chunk, and of chunks merged, are exact whatever ties cross a boundary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

RESOLUTION = 1e-6
"""Scores that differ by less than about this count as equal. A float32 dot product of unit vectors is good to about 1e-7."""

_STEPS = round(1 / RESOLUTION)

QUERY_CHUNK, DOCUMENT_CHUNK = 1024, 4096
"""Queries and documents that are compared at once."""


@dataclass(frozen=True)
class Ranking:
    """The best documents of each query, best first.

    Attributes:
        scores: [Q, k] float64, multiples of `RESOLUTION`, descending in each row.
        rows: [Q, k] int64, indices into the `document_ids` that were searched.
    """

    scores: np.ndarray
    rows: np.ndarray


def search(
    queries: Tensor,
    documents: Tensor,
    document_ids: Sequence[str],
    k: int,
    *,
    vector_of: np.ndarray | None = None,
    query_chunk: int = QUERY_CHUNK,
    document_chunk: int = DOCUMENT_CHUNK,
) -> Ranking:
    """Find the k documents of highest dot product for each query, by exhaustive search.

    Peak memory beyond the inputs grows with `query_chunk` × `document_chunk`; as set it was 140 to 290 MB over 100,000 documents.
    Runs where the tensors are (CPU or CUDA), in full float32 even under autocast or TF32.

    Args:
        queries: [Q, D] float.
        documents: [V, D] float, on the device of `queries`.
        document_ids: C distinct ids.
        k: how many to keep, at least 1; fewer come back when C is smaller.
        vector_of: [C] row of `documents` for each id; by default row i belongs to id i and V = C.
        query_chunk: queries compared at once, at least 1.
        document_chunk: documents compared at once, at least 1.

    Returns:
        A `Ranking` with min(k, C) columns.

    Raises:
        ValueError: shapes, ids or sizes do not fit, or a vector holds NaN or infinity or is too large to rank.
    """
    if min(k, query_chunk, document_chunk) < 1:
        raise ValueError(f"k and the chunk sizes must be at least 1, got {k}, {query_chunk} and {document_chunk}")
    corpus = Corpus.of(queries, documents, document_ids, vector_of, document_chunk)
    best = np.empty((len(queries), min(k, len(document_ids))), dtype=np.int64)
    with torch.no_grad(), full_precision(queries.device):
        for start in range(0, len(queries), query_chunk):
            part = queries[start : start + query_chunk].float()
            best[start : start + query_chunk] = corpus.best_keys(part, best.shape[1]).cpu().numpy()
    return Ranking(scores=corpus.scores_of(best), rows=corpus.by_id[best % len(document_ids)])


@dataclass(frozen=True)
class Corpus:
    """Documents in ascending order of their vector's row: a chunk of vectors then serves a run of documents.

    A document's *place* is its index in this order.

    Attributes:
        vectors: [V, D].
        owners: [C] int64 row of `vectors`, ascending.
        ranks: [C] int64 place of the document's id among all ids, ascending.
        chunk: vectors, and documents, compared at once.
        by_vector: [C] the document at each place.
        by_id: [C] the documents in ascending order of their ids.
    """

    vectors: Tensor
    owners: Tensor
    ranks: Tensor
    chunk: int
    by_vector: np.ndarray
    by_id: np.ndarray

    @classmethod
    def of(
        cls,
        queries: Tensor,
        documents: Tensor,
        document_ids: Sequence[str],
        vector_of: np.ndarray | None = None,
        chunk: int = DOCUMENT_CHUNK,
    ) -> Corpus:
        """Order the documents; arguments and errors are those of `search`."""
        owner = np.arange(len(document_ids)) if vector_of is None else np.asarray(vector_of, dtype=np.int64)
        _check(queries, documents, document_ids, owner)
        count = len(document_ids)
        by_id = np.array(sorted(range(count), key=document_ids.__getitem__), dtype=np.int64)
        id_rank = np.empty(count, dtype=np.int64)
        id_rank[by_id] = np.arange(count)
        by_vector = np.argsort(owner, kind="stable")
        owners, ranks = (torch.from_numpy(values[by_vector]).to(queries.device) for values in (owner, id_rank))
        return cls(documents, owners, ranks, chunk, by_vector, by_id)

    def scores_of(self, keys: np.ndarray) -> np.ndarray:
        """Return the scores in keys, whatever their shape."""
        return np.asarray((keys // len(self.owners)) / _STEPS)

    def blocks(self, queries: Tensor, rows: Tensor | None = None, places: Tensor | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Yield all keys of a chunk of queries, some documents at a time: their places, and [Q, n] the keys.

        Equal chunks of queries give equal keys, each time that they are gone through: the matrices have the same shapes.

        Args:
            queries: [Q, D] float32.
            rows: of the queries whose keys are wanted; None wants all.
            places: ascending; blocks that hold none of these documents are left out; None leaves none out.
        """
        edges = torch.arange(0, len(self.vectors) + self.chunk, self.chunk, device=self.owners.device)
        bounds = torch.searchsorted(self.owners, edges).tolist()
        wanted = bounds if places is None else torch.searchsorted(places, torch.tensor(bounds, device=places.device)).tolist()
        for offset, (first, last), (before, after) in zip(edges.tolist(), pairwise(bounds), pairwise(wanted), strict=False):
            if first == last or before == after:
                continue
            vectors = self.vectors[offset : offset + self.chunk].float()
            steps = (queries @ vectors.T).mul_(_STEPS).round_()
            steps = steps if rows is None else steps[rows]
            # Many documents may share one vector, so the documents of a chunk of vectors are taken in chunks again.
            for low in range(first, last, self.chunk):
                part = slice(low, min(low + self.chunk, last))
                keys = steps[:, self.owners[part] - offset].to(torch.int64).mul_(len(self.owners)).add_(self.ranks[part])
                yield part, keys

    def best_keys(self, queries: Tensor, k: int) -> Tensor:
        """Return [Q, k] the largest keys for a chunk of queries over all documents, descending."""
        best = torch.empty((len(queries), 0), dtype=torch.int64, device=queries.device)
        for _, keys in self.blocks(queries):
            best = torch.cat([best, keys.topk(min(k, keys.shape[1]), dim=1).values], dim=1)
            best = best.topk(min(k, best.shape[1]), dim=1).values
        return best


def _check(queries: Tensor, documents: Tensor, document_ids: Sequence[str], owner: np.ndarray) -> None:
    if queries.ndim != 2 or documents.ndim != 2 or queries.shape[1] != documents.shape[1]:
        raise ValueError(f"queries {tuple(queries.shape)} and documents {tuple(documents.shape)} must be [Q, D] and [V, D]")
    if not len(document_ids):
        raise ValueError("there is no document to search")
    if len(set(document_ids)) != len(document_ids):
        raise ValueError("document ids must be distinct: ties are ordered by them")
    if len(owner) != len(document_ids) or owner.min() < 0 or owner.max() >= len(documents):
        raise ValueError(f"{len(document_ids)} document ids do not fit {len(documents)} document vectors")
    largest = largest_norm(queries, "query") * largest_norm(documents, "document")
    if largest * _STEPS * len(document_ids) >= 2**62:
        raise ValueError(f"dot products may reach {largest:.3g}, too large to rank exactly; normalise the vectors")


def largest_norm(vectors: Tensor, what: str) -> float:
    """Return the largest Euclidean norm of [N, D] vectors, 0 for none. Raise ValueError naming the first row with NaN or
    infinity."""
    largest = 0.0
    for start in range(0, len(vectors), 8192):
        norms = torch.linalg.vector_norm(vectors[start : start + 8192].double(), dim=1)
        bad = (~torch.isfinite(norms)).nonzero()
        if len(bad):
            raise ValueError(f"{what} vector {start + int(bad[0])} holds NaN or infinity; the model did not encode it properly")
        largest = max(largest, float(norms.max()))
    return largest


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Switch off autocast, and TF32 and bfloat16 inside matrix products: they would move scores by 1e-3."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
