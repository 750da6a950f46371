"""How near the right document of each query is, and how near the best wrong one.

A *relevant* document is one that was judged so (grade above 0), a *wrong* one any other: what nobody judged counts as wrong, as
in the metrics. The document that is the query itself is neither. Ties are those of the ranking (`exact_search`).

Most answers stand in the first ranks, which were kept. Only where these hold no relevant document, or relevant ones alone, is the
corpus gone through again, in the same chunks; the matrix of all similarities is never held.

Shapes: Q queries, U distinct texts of queries, C documents, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.evaluate.exact_search import DOCUMENT_CHUNK, QUERY_CHUNK, Corpus, Ranking, full_precision
from train.evaluate.tasks import RetrievalTask

_NONE = torch.iinfo(torch.int64).min
"""Below every key: no document."""


@dataclass(frozen=True)
class Closest:
    """The best relevant and the best wrong document of each query.

    Attributes:
        relevant: [Q] float64, similarity of the best relevant document.
        wrong: [Q] float64, similarity of the best wrong document; NaN where all documents are relevant.
        rank: [Q] int64, rank of the best relevant document among all of the corpus, from 1.
    """

    relevant: np.ndarray
    wrong: np.ndarray
    rank: np.ndarray


def closest_documents(
    task: RetrievalTask,
    queries: Tensor,
    documents: Tensor,
    ranking: Ranking,
    *,
    query_chunk: int = QUERY_CHUNK,
    document_chunk: int = DOCUMENT_CHUNK,
) -> Closest:
    """Find the best relevant and the best wrong document of each query.

    Args:
        task: whose queries.
        queries: [U, D] of `task.distinct_queries.texts`, as they were searched with.
        documents: [V, D] of `task.distinct_documents.texts`, likewise.
        ranking: the first documents of each query, the one that is the query itself last.
        query_chunk, document_chunk: compared at once, as in the search that made the ranking.
    """
    row_of = {document_id: row for row, document_id in enumerate(task.document_ids)}
    relevant = [
        np.array([row_of[one] for one, grade in task.qrels[query_id].items() if grade > 0], dtype=np.int64)
        for query_id in task.query_ids
    ]
    found = Closest(np.full(len(task), np.nan), np.full(len(task), np.nan), np.zeros(len(task), dtype=np.int64))
    left = []
    for number, (ranked, scores, own) in enumerate(zip(ranking.rows, ranking.scores, task.own_rows, strict=True)):
        rows = ranked[ranked != own]
        right = np.isin(rows, relevant[number])
        if right.any():
            found.rank[number] = first = int(right.argmax()) + 1
            found.relevant[number] = scores[first - 1]
        if not right.all():
            found.wrong[number] = scores[int((~right).argmax())]
        if len(rows) < len(row_of) - (own >= 0) and (not right.any() or right.all()):
            left.append(number)
    if left:
        corpus = Corpus.of(queries, documents, task.document_ids, task.distinct_documents.rows, document_chunk)
        row_of_query = task.distinct_queries.rows
        for start in sorted({int(row_of_query[number]) // query_chunk * query_chunk for number in left}):
            mine = {number: relevant[number] for number in left if start <= row_of_query[number] < start + query_chunk}
            _search_deeper(found, corpus, task, queries[start : start + query_chunk], start, mine, ranking.rows.shape[1])
    return found


def _search_deeper(
    found: Closest,
    corpus: Corpus,
    task: RetrievalTask,
    part: Tensor,
    start: int,
    relevant: Mapping[int, np.ndarray],
    depth: int,
) -> None:
    """Complete `found` for queries whose first `depth` ranks do not say all.

    Args:
        found: what is known so far.
        corpus: of the task.
        part: a chunk of the distinct queries' vectors, from row `start` on.
        relevant: by number of a query of this chunk, the rows of its relevant documents.
    """
    numbers, place_of = list(relevant), np.empty_like(corpus.by_vector)
    place_of[corpus.by_vector] = np.arange(len(place_of))
    rows = torch.from_numpy(task.distinct_queries.rows[numbers] - start).to(part.device)
    right = _Pairs.of([place_of[one] for one in relevant.values()], part.device)
    own = _Pairs.of([place_of[one[one >= 0]] for one in task.own_rows[numbers][:, None]], part.device)
    with torch.no_grad(), full_precision(part.device):
        best, above, wrong = (one.cpu().numpy() for one in _best_and_above(corpus, part.float(), rows, right, own))
    for at, number in enumerate(numbers):
        if not found.rank[number]:
            found.relevant[number] = corpus.scores_of(best[at])
            found.rank[number] = max(int(above[at]) + 1, depth + 1)
        if np.isnan(found.wrong[number]) and wrong[at] != _NONE:
            found.wrong[number] = corpus.scores_of(wrong[at])


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a query and a document, in ascending order of the documents' places.

    Attributes:
        queries: [N] numbers of queries.
        places: [N] int64.
    """

    queries: Tensor
    places: Tensor

    @classmethod
    def of(cls, places: list[np.ndarray], device: torch.device) -> _Pairs:
        """Collect them from the places of each query's documents."""
        numbers, flat = np.repeat(np.arange(len(places)), [len(one) for one in places]), np.concatenate(places)
        order = np.argsort(flat, kind="stable")
        return cls(*(torch.from_numpy(one[order].astype(np.int64)).to(device) for one in (numbers, flat)))

    def within(self, block: slice) -> tuple[Tensor, Tensor]:
        """Return the queries, and the columns in a block of documents, of the pairs that lie there."""
        low, high = torch.searchsorted(self.places, torch.tensor([block.start, block.stop], device=self.places.device)).tolist()
        return self.queries[low:high], self.places[low:high] - block.start


def _best_and_above(corpus: Corpus, part: Tensor, rows: Tensor, right: _Pairs, own: _Pairs) -> tuple[Tensor, Tensor, Tensor]:
    """Return, for each of `rows` of a chunk of queries, the key of its best relevant document, how many documents lie above that,
    and the key of the best wrong one (`_NONE`: there is none)."""
    best = torch.full((len(rows),), _NONE, dtype=torch.int64, device=part.device)
    for block, keys in corpus.blocks(part, rows, right.places):
        numbers, columns = right.within(block)
        best.scatter_reduce_(0, numbers, keys[numbers, columns], "amax")
    above, wrong = torch.zeros_like(best), torch.full_like(best, _NONE)
    for block, keys in corpus.blocks(part, rows):
        for pairs in (right, own):
            keys[pairs.within(block)] = _NONE
        above += (keys > best[:, None]).sum(dim=1)
        wrong = torch.maximum(wrong, keys.max(dim=1).values)
    return best, above, wrong
