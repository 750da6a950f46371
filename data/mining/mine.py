"""Hard negatives: documents that a model ranks high for a query although they do not belong to it.

The search is exact. A document is a candidate if its rank lies in a window (known positives are not counted), it is no near
duplicate of a known positive, and it is less similar to the query than the row's positive by a share or a margin: what is as near
as the positive probably is one (NV-Retriever, arXiv:2407.15831, "TopK-PercPos"). A cross-encoder may look at what is left. Rows
that find too few candidates are filled up with documents drawn from behind the window, within the same limits if there are such.

Shapes: N rows, U distinct queries, C distinct documents, D dimensions, W ranks in the window, n negatives a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from data.mining.texts import MiningTexts
from data.spec import MiningSpec, Sampling
from data.splits.hashes import mix, seeded

if TYPE_CHECKING:
    from torch import Tensor

MINE_VERSION = 4
"""Raised when the same settings mine other negatives than before."""

CrossEncoder = Callable[[Sequence[tuple[str, str]]], np.ndarray]
"""The probability, 0..1, that the document of each (query, document) belongs to the query."""

BLOCK = 1 << 25
"""Similarities that are held at once, of 4 bytes each."""
MOST_QUERIES, MOST_ROWS = 512, 4096
"""Queries searched, and rows chosen for, at once."""
NEAR_AT_ONCE = 32
"""Queries whose candidates are compared with their positives at once."""
TIES = 32
"""Documents beyond the window that are examined, so that those as similar as its last one are in their order, too."""
DRAWS = 32
"""Documents that are drawn for a row that lacks a negative, before its own are repeated."""
RESOLUTION = 1e-6
"""Similarities that differ by less count as equal and are in the order of hashes, so that rounding decides no rank."""


@dataclass
class Mined:
    """What was mined for N rows.

    Attributes:
        documents: [N, n] numbers of documents; -1 in the rows for which there is no negative at all.
        scores: [N, n] their similarities to the query.
        ranks: [N, n] their ranks among what is not known to be positive; 0 for those drawn from outside the window.
        positive_scores: [N] similarity of each row's own positive.
        counts: `candidates` (ranks examined over all rows), of which `refused_near`, `refused_margin` and `refused_cross`;
            `cross_scored`; `drawn` and `repeated` negatives; `rows` and `rows_without`, of which `rows_refused` had other
            documents, which were all refused.
    """

    documents: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray
    positive_scores: np.ndarray
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def complete(self) -> np.ndarray:
        """[N] whether a row has negatives."""
        return self.documents[:, 0] >= 0

    def fill_from(self, other: Mined) -> None:
        """Take the negatives of rows without any from what was mined for the same rows with other settings."""
        lacking = ~self.complete
        for mine, theirs in ((self.documents, other.documents), (self.scores, other.scores), (self.ranks, other.ranks)):
            mine[lacking] = theirs[lacking]
        self.counts["rows_without"] = int((~self.complete).sum())
        self.counts["rows_refused"] = min(other.counts["rows_refused"], self.counts["rows_without"])


def unlimited(spec: MiningSpec) -> MiningSpec:
    """Return settings under which anything but a known positive is a negative: for rows that are judged and must not be lost."""
    return spec.model_copy(update={"near_positive": None, "max_share_of_positive": None, "margin": 0.0})


def mine(
    texts: MiningTexts,
    query_vectors: Tensor,
    document_vectors: Tensor,
    spec: MiningSpec,
    similarity: Literal["cosine", "dot"] = "cosine",
    cross: CrossEncoder | None = None,
    tick: Callable[[int], None] = lambda rows: None,
) -> Mined:
    """Mine `spec.negatives` negatives for each row.

    Args:
        texts: rows, queries and documents.
        query_vectors: [U, D] float, on any device; the search runs there.
        document_vectors: [C, D] float on the same device.
        spec: window, limits, number.
        similarity: "cosine" normalises the vectors first.
        cross: looks at negatives before they are taken; see `spec.max_cross_score`.
        tick: called with the number of rows of each lot that is done.

    Raises:
        ValueError: the vectors do not fit the texts, or hold NaN or infinity.
    """
    miner = _Miner(texts, query_vectors, document_vectors, spec, similarity, cross)
    order = np.argsort(texts.row_query, kind="stable")
    queries, starts = np.unique(texts.row_query[order], return_index=True)
    ends = np.append(starts, len(order))
    step = max(1, min(MOST_QUERIES, BLOCK // len(texts.documents)))
    for begin in range(0, len(queries), step):
        part = queries[begin : begin + step]
        window = miner.search(part)
        rows = order[ends[begin] : ends[begin + len(part)]]
        for low in range(0, len(rows), MOST_ROWS):
            some = rows[low : low + MOST_ROWS]
            miner.choose(some, window, np.searchsorted(part, texts.row_query[some]))
            tick(len(some))
    return miner.mined


@dataclass(frozen=True)
class _Window:
    """Candidates of some queries.

    Attributes:
        documents: [B, W], in the order of their ranks.
        scores: [B, W].
        usable: [B, W] false for places past the end of a short corpus, and for known positives and their near duplicates.
        near: [B, W] what was refused as a near duplicate.
    """

    documents: np.ndarray
    scores: np.ndarray
    usable: np.ndarray
    near: np.ndarray

    def ceiling(self, line: int) -> float:
        """Return the similarity of a query's first candidate, exceeded only before the window; infinity without any."""
        first = self.scores[line, :1]
        return float(first[0]) if np.isfinite(first).any() else np.inf


class _Miner:
    """Searches block by block and fills `mined`."""

    def __init__(
        self,
        texts: MiningTexts,
        queries: Tensor,
        documents: Tensor,
        spec: MiningSpec,
        similarity: Literal["cosine", "dot"],
        cross: CrossEncoder | None,
    ) -> None:
        for vectors, number, what in ((queries, len(texts.queries), "query"), (documents, len(texts.documents), "document")):
            if len(vectors) != number:
                raise ValueError(f"{len(vectors)} {what} vectors do not fit {number} distinct texts")
            if not bool(vectors.isfinite().all()):
                raise ValueError(f"a {what} vector holds NaN or infinity; the model did not encode it properly")
        self.texts, self.spec, self.cross = texts, spec, cross
        self.unit = _unit(documents)
        self.queries, self.documents = (_unit(queries), self.unit) if similarity == "cosine" else (queries, documents)
        rows, number = len(texts), spec.negatives
        self.mined = Mined(
            np.full((rows, number), -1, dtype=np.int64),
            np.zeros((rows, number), dtype=np.float32),
            np.zeros((rows, number), dtype=np.int32),
            np.zeros(rows, dtype=np.float32),
            Counter(rows=rows),
        )

    def search(self, queries: np.ndarray) -> _Window:
        """Return the window of the queries with these numbers."""
        import torch

        count, depth = len(self.texts.documents), self.spec.rank_to
        known = [self.texts.known_of(query) for query in queries.tolist()]
        with torch.no_grad():
            scores = self.queries[queries] @ self.documents.T
            lines = np.repeat(np.arange(len(queries)), [len(one) for one in known])
            scores[lines, np.concatenate(known)] = -torch.inf  # known positives have no rank
            best = scores.topk(min(depth + TIES, count), dim=1)
            steps = (best.values / RESOLUTION).round_().nan_to_num_(neginf=0).to(torch.int64)
            keys = (steps * count - best.indices).where(best.values > -torch.inf, torch.iinfo(torch.int64).min)
            order = keys.argsort(dim=1, descending=True)[:, self.spec.rank_from - 1 : depth]
            found = best.values.gather(1, order).cpu().numpy()
            numbers = best.indices.gather(1, order).cpu().numpy()
        usable = np.isfinite(found)
        near = usable & self._near(numbers, known)
        return _Window(numbers, found, usable & ~near, near)

    def _near(self, candidates: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
        """Tell [B, W] whether a candidate is a near duplicate of a known positive of its query."""
        near = np.zeros(candidates.shape, dtype=bool)
        if self.spec.near_positive is None or not candidates.size:
            return near
        # by the number of positives, so that hardly any place is padded; each query has at least that of its row
        order = sorted(range(len(known)), key=lambda row: len(known[row]))
        for begin in range(0, len(order), NEAR_AT_ONCE):
            rows = order[begin : begin + NEAR_AT_ONCE]
            width = len(known[rows[-1]])
            positives = np.stack([np.pad(known[row], (0, width - len(known[row])), mode="edge") for row in rows])
            cosines = self.unit[candidates[rows]] @ self.unit[positives].transpose(1, 2)
            near[rows] = (cosines.amax(dim=2) >= self.spec.near_positive).cpu().numpy()
        return near

    def choose(self, rows: np.ndarray, window: _Window, place: np.ndarray) -> None:
        """Take the negatives of some rows; `place` [R] is the line of each row's query in the window."""
        documents, scores, counts = window.documents[place], window.scores[place], self.mined.counts
        own = self._positive_scores(rows)
        usable = window.usable[place]
        admitted = usable & (scores <= self._limit(own)[:, None])
        counts["candidates"] += int(usable.sum() + window.near[place].sum())
        counts["refused_near"] += int(window.near[place].sum())
        counts["refused_margin"] += int(usable.sum() - admitted.sum())
        ranks = np.broadcast_to(np.arange(documents.shape[1]) + self.spec.rank_from, documents.shape)
        if self.spec.sampling == Sampling.RANDOM:
            seeds = seeded(self._row_hashes(rows), self.spec.seed)[:, None]
            order = np.argsort(mix(seeds ^ self.texts.document_hashes[documents]), axis=1)
            documents, scores, ranks, admitted = (
                np.take_along_axis(values, order, axis=1) for values in (documents, scores, ranks, admitted)
            )
        chosen = self._checked(rows, documents, admitted)
        # the chosen ones of each row to its front, in their order
        front = np.argsort(~chosen, axis=1, kind="stable")[:, : self.spec.negatives]
        taken = np.take_along_axis(chosen, front, axis=1)
        mined = self.mined
        width = front.shape[1]
        mined.documents[rows, :width] = np.where(taken, np.take_along_axis(documents, front, axis=1), -1)
        mined.scores[rows, :width] = np.where(taken, np.take_along_axis(scores, front, axis=1), 0)
        mined.ranks[rows, :width] = np.where(taken, np.take_along_axis(ranks, front, axis=1), 0)
        mined.positive_scores[rows] = own
        for row, line in zip(rows.tolist(), place.tolist(), strict=True):
            if mined.documents[row, -1] < 0:
                # in a corpus hardly larger than the window its lower half counts as outside
                inside = window.documents[line, : len(self.texts.documents) // 2]
                inside = np.concatenate([inside, window.documents[line][window.near[line]], mined.documents[row]])
                self._fill(row, inside, window.ceiling(line))

    def _checked(self, rows: np.ndarray, documents: np.ndarray, admitted: np.ndarray) -> np.ndarray:
        """Return [R, W] the first `spec.negatives` admitted documents of each row that the cross-encoder, if any, lets pass."""
        judged = np.zeros(admitted.shape, dtype=bool)
        while True:
            chosen = admitted & (np.cumsum(admitted, axis=1) <= self.spec.negatives)
            new = chosen & ~judged
            if self.cross is None or not new.any():
                return chosen
            row, column = np.nonzero(new)
            queries = self.texts.row_query[rows[row]].tolist()
            pairs = [
                (self.texts.queries[query], self.texts.documents[document])
                for query, document in zip(queries, documents[row, column].tolist(), strict=True)
            ]
            refused = np.asarray(self.cross(pairs)) > self.spec.max_cross_score
            self.mined.counts["cross_scored"] += len(pairs)
            self.mined.counts["refused_cross"] += int(refused.sum())
            judged |= new
            admitted = admitted.copy()
            admitted[row[refused], column[refused]] = False

    def _fill(self, row: int, inside: np.ndarray, ceiling: float) -> None:
        """Draw documents that are not `inside` for a row that lacks negatives; where there are none, repeat its own."""
        texts, mined, query = self.texts, self.mined, int(self.texts.row_query[row])
        have = int((mined.documents[row] >= 0).sum())
        seed = seeded(self._row_hashes(np.array([row])), self.spec.seed)
        draws = (mix(seed + np.arange(DRAWS, dtype=np.uint64)) % np.uint64(len(texts.documents))).astype(np.int64)
        belongs = texts.knows(np.full(DRAWS, query), draws)
        free = ~np.isin(draws, inside) & ~belongs
        drawn = np.array(list(dict.fromkeys(draws[free].tolist())), dtype=np.int64)
        found, scores = self._admitted(row, drawn, have, ceiling)
        filled = have + len(found)
        mined.documents[row, have:filled] = found
        mined.scores[row, have:filled] = scores
        mined.counts["drawn"] += len(found)
        if not filled:
            mined.counts["rows_without"] += 1
            mined.counts["rows_refused"] += not belongs.all()
            return
        again = np.arange(filled, self.spec.negatives) % filled
        for values in (mined.documents, mined.scores, mined.ranks):
            values[row, filled:] = values[row, again]
        mined.counts["repeated"] += len(again)

    def _admitted(self, row: int, documents: np.ndarray, have: int, ceiling: float) -> tuple[np.ndarray, np.ndarray]:
        """Choose among drawn documents, with their scores, as many as a row lacks.

        Where the model finds nearly everything more similar than the row's own positive, the less similar half will do; those
        before the window, above the ceiling, come last.
        """
        query = int(self.texts.row_query[row])
        scores = (self.documents[documents] @ self.queries[query]).cpu().numpy()
        near = self._near(documents[None], [self.texts.known_of(query)])[0]
        within = scores <= self._limit(self._positive_scores(np.array([row])))[0]
        fit = np.flatnonzero(~near & (within | (scores <= np.median(scores)))) if len(scores) else np.empty(0, dtype=np.int64)
        fit = fit[np.lexsort((~within[fit], scores[fit] > ceiling + RESOLUTION))]
        documents, scores = documents[fit], scores[fit]
        if self.cross is not None and len(documents):
            pairs = [(self.texts.queries[query], self.texts.documents[document]) for document in documents.tolist()]
            passed = np.asarray(self.cross(pairs)) <= self.spec.max_cross_score
            self.mined.counts["cross_scored"] += len(pairs)
            self.mined.counts["refused_cross"] += int((~passed).sum())
            documents, scores = documents[passed], scores[passed]
        lacking = self.spec.negatives - have
        return documents[:lacking], scores[:lacking]

    def _positive_scores(self, rows: np.ndarray) -> np.ndarray:
        queries, documents = self.queries[self.texts.row_query[rows]], self.documents[self.texts.row_document[rows]]
        scores: np.ndarray = (queries * documents).sum(dim=1).cpu().numpy()
        return scores

    def _limit(self, positive: np.ndarray) -> np.ndarray:
        """Return a negative's highest similarity. A share of a negative number would lie above it, hence the form."""
        share, margin = self.spec.max_share_of_positive, self.spec.margin
        if share is None and margin == 0:
            return np.full_like(positive, np.inf)
        limit: np.ndarray = np.minimum(positive - (1 - (share or 1)) * np.abs(positive), positive - margin)
        return limit

    def _row_hashes(self, rows: np.ndarray) -> np.ndarray:
        """Return one hash a row, by its texts: a row draws the same whatever rows there are besides."""
        texts = self.texts
        hashes: np.ndarray = mix(texts.query_hashes[texts.row_query[rows]]) ^ texts.document_hashes[texts.row_document[rows]]
        return hashes


def _unit(vectors: Tensor) -> Tensor:
    import torch

    return torch.nn.functional.normalize(vectors.float(), dim=1)
