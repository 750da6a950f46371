"""Every method of searching stored vectors, side by side: what it finds, what it reads, how long it takes.

Shapes: Q queries, D dimensions, k hits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.evaluate.ranking_metrics import Qrels, retrieval_metrics
from train.evaluate.tasks import RetrievalTask
from train.vectors.index import Hits, Index, Method
from train.vectors.quantization import bytes_per_vector

METRIC = "ndcg@10"


@dataclass(frozen=True)
class MethodResult:
    """What one method gave.

    Attributes:
        method: its name.
        hits: of each query.
        bytes: of everything that it reads.
        share: of the bytes that float32 takes; 0..1.
        overlap: share of the first method's hits that it found too, on average over the queries; 0..1.
        ms: milliseconds a query, all queries searched at once.
        ndcg: nDCG@10, where the queries are judged.
    """

    method: Method
    hits: Hits
    bytes: int
    share: float
    overlap: float
    ms: float
    ndcg: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints, without the hits."""
        judged = {} if self.ndcg is None else {METRIC: self.ndcg}
        return {
            "method": self.method,
            "bytes": self.bytes,
            "share_of_float32": round(self.share, 6),
            "overlap": round(self.overlap, 6),
            "ms_per_query": round(self.ms, 3),
            **judged,
        }


@dataclass(frozen=True)
class Judgements:
    """Grades of stored vectors for queries: Q query ids, the id of each stored vector, and grades by both.

    `themselves` are the queries whose own text is among the documents, under their id: it does not count in their rankings.
    """

    query_ids: Sequence[str]
    document_ids: Sequence[str]
    qrels: Qrels
    themselves: frozenset[str] = frozenset()

    @classmethod
    def of(cls, task: RetrievalTask, document_ids: Sequence[str]) -> Judgements:
        """Return those of a task, for vectors in any order."""
        own = frozenset(one for one, row in zip(task.query_ids, task.own_rows.tolist(), strict=True) if row >= 0)
        return cls(task.query_ids, document_ids, task.qrels, own)

    @property
    def spare(self) -> int:
        """How many more hits must be found than are judged."""
        return int(bool(self.themselves))

    def ndcg(self, hits: Hits) -> float:
        """Return nDCG@10, on average over the queries."""
        ranked = [
            [found for row in rows if (found := self.document_ids[row]) != query or query not in self.themselves]
            for query, rows in zip(self.query_ids, hits.rows.tolist(), strict=True)
        ]
        return float(retrieval_metrics(self.query_ids, ranked, self.qrels, [METRIC])[METRIC].mean())


def measure_methods(
    index: Index,
    queries: np.ndarray,
    top: int,
    rescore: int,
    *,
    only: Method | None = None,
    judgements: Judgements | None = None,
) -> list[MethodResult]:
    """Search by every method that the stored numbers allow.

    Args:
        index: what to search.
        queries: [Q, D], Q at least 1.
        top: k.
        rescore: candidates by bits for each hit.
        only: this method, besides the first one, with which it is compared.
        judgements: of the queries.

    Returns:
        One a method; the first is the one that the others' overlap refers to (exact search where the file allows it).
    """
    whole = len(index) * bytes_per_vector("float32", index.dimensions)
    chosen = [one for number, one in enumerate(index.methods) if number == 0 or only in (None, one)]
    results: list[MethodResult] = []
    for method in chosen:
        index.prepare(method)
        began = time.perf_counter()
        hits = index.search(queries, top + (0 if judgements is None else judgements.spare), method, rescore)
        ms = (time.perf_counter() - began) * 1000 / len(queries)
        reference = results[0].hits if results else hits
        size = index.total_bytes(method)
        ndcg = None if judgements is None else judgements.ndcg(hits)
        results.append(MethodResult(method, hits, size, size / whole, overlap(reference, hits), ms, ndcg))
    return results


def overlap(reference: Hits, hits: Hits) -> float:
    """Return the share of the reference's hits that are among the others, on average over the queries."""
    both = [len(set(a) & set(b)) for a, b in zip(reference.rows.tolist(), hits.rows.tolist(), strict=True)]
    wanted: int = reference.rows.shape[1]
    return float(np.mean(both)) / max(1, wanted)
