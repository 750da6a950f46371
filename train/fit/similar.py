"""Batches of rows that resemble each other, so that in-batch negatives are hard (topic-aware sampling, Hofstätter et al.,
arXiv:2104.06967, with neighbours in the place of fixed clusters).

Between rows drawn at random a base model tells the right document from the others already, and the loss has little to teach.
"""

from __future__ import annotations

import numpy as np

from train.fit.batching import ShuffledBatchSampler
from train.fit.relevance import Relevance

CLUSTER = 16
"""Rows that are near to each other; a batch holds several such clusters."""
LOOKED_AT = 8
"""Times as many neighbours are looked at as a cluster holds: some have a text in common with another."""
SEARCHED = 8192
"""Rows among which neighbours are looked for: more are divided first, so that the time grows with their number alone."""


class SimilarBatchSampler(ShuffledBatchSampler):
    """Clusters of a row and its nearest neighbours, in random order, cut into batches; every row has its place in every epoch.

    A cluster is gathered around a row drawn at random, from the rows that are still without one: in each epoch other rows meet.
    Rows with the query or the positive of another of the cluster are left for later: they are no negatives of each other.

    Args:
        relevance: which texts belong together.
        vectors: [N, D] of unit length, one a row.
        batch_size: rows in a batch, over all processes together.
        seed: with the epoch, decides which rows meet.
    """

    def __init__(self, relevance: Relevance, vectors: np.ndarray, batch_size: int, seed: int) -> None:
        super().__init__(len(relevance.queries), batch_size, seed)
        self._vectors = vectors
        self._texts = np.column_stack([relevance.queries, relevance.documents[:, 0]])

    def _order(self) -> np.ndarray:
        random = np.random.default_rng([self.seed, self.epoch])
        clusters = [cluster for part in self._divided(np.arange(self.rows), random) for cluster in self._clusters(part, random)]
        return np.concatenate([clusters[i] for i in random.permutation(len(clusters))])

    def _divided(self, rows: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        """Parts in which neighbours are looked for, by random hyperplanes: other ones in each epoch."""
        if len(rows) <= SEARCHED:
            return [rows]
        direction = random.standard_normal(self._vectors.shape[1], dtype=np.float32)
        along = self._vectors[rows].astype(np.float32) @ direction
        order = np.argsort(along, kind="stable")
        half = len(rows) // 2
        return [*self._divided(rows[order[:half]], random), *self._divided(rows[order[half:]], random)]

    def _clusters(self, rows: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        rows = random.permutation(rows)
        vectors, size = self._vectors[rows].astype(np.float32), min(CLUSTER, self.batch_size)
        free, found = np.ones(len(rows), dtype=bool), []
        for seed in range(len(rows)):
            if not free[seed]:
                continue
            near = np.where(free, vectors @ vectors[seed], -np.inf)
            near[seed] = np.inf
            number = min(LOOKED_AT * size, int(free.sum()))
            nearest = np.argpartition(-near, number - 1)[:number]
            members = self._apart(rows, nearest[np.argsort(-near[nearest], kind="stable")], size)
            free[members] = False
            found.append(rows[members])
        return found

    def _apart(self, rows: np.ndarray, candidates: np.ndarray, size: int) -> list[int]:
        """The first candidates of which no two have a text in common."""
        seen: set[int] = set()
        members: list[int] = []
        for candidate in candidates.tolist():
            texts = self._texts[rows[candidate]].tolist()
            if seen.isdisjoint(texts):
                members.append(candidate)
                seen.update(texts)
                if len(members) == size:
                    break
        return members
