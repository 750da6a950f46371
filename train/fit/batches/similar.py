"""Batches of rows that resemble each other, so that in-batch negatives are hard (topic-aware sampling, Hofstätter et al.,
arXiv:2104.06967, with neighbours instead of fixed clusters).

Between rows drawn at random a base model tells the right document from the others already, and the loss has little to teach.
"""

from __future__ import annotations

import numpy as np

from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import ShuffledBatchSampler

CLUSTER = 16
"""Rows that are near to each other; a batch holds several such clusters."""
SEARCHED = 8192
"""Rows among which neighbours are looked for: more are divided first, so that the time grows with their number alone."""
LOOSE = -1
"""The group of rows that only a text in common keeps apart."""
STEPS = 2048
"""Whole numbers stand for the numbers of a unit vector, this one for 1: sums of their products are whole, too, and below 2 ** 24,
so float32 holds them exactly and every processor finds the same neighbours."""


def in_steps(vectors: np.ndarray) -> np.ndarray:
    """Return unit vectors as `SimilarBatchSampler` takes them, int16."""
    return np.rint(vectors * STEPS).astype(np.int16)


class SimilarBatchSampler(ShuffledBatchSampler):
    """Clusters of a row and its nearest neighbours, in random order, cut into batches; every row has its place in every epoch.

    A cluster is gathered around a row drawn at random, from the rows that are still without one: in each epoch other rows meet.
    Rows with a text of another of the cluster are left for later: they are no negatives of each other. So are rows that hang
    together with it through texts of others (see `Relevance.groups`), such as paraphrases of one text, unless these are more than
    there are batches: what hangs together by long chains need not belong together.

    Args:
        relevance: which texts belong together.
        vectors: [N, D], one a row, see `in_steps`.
        batch_size: rows in a batch, over all processes together.
        seed: with the epoch, decides which rows meet.
    """

    def __init__(self, relevance: Relevance, vectors: np.ndarray, batch_size: int, seed: int) -> None:
        super().__init__(len(relevance.queries), batch_size, seed)
        self._vectors = vectors
        self._texts = np.stack([relevance.queries, relevance.documents[:, 0]])
        groups = relevance.groups[0]
        self._groups = np.where(np.bincount(groups)[groups] > len(self), LOOSE, groups)

    def _order(self) -> np.ndarray:
        random = np.random.default_rng([self.seed, self.epoch])
        clusters = [cluster for part in self._divided(np.arange(self.rows), random) for cluster in self._clusters(part, random)]
        return np.concatenate([clusters[i] for i in random.permutation(len(clusters))])

    def _divided(self, rows: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        """Divide the rows into parts in which neighbours are looked for, by random hyperplanes: other ones in each epoch."""
        if len(rows) <= SEARCHED:
            return [rows]
        direction = np.rint(64 * random.standard_normal(self._vectors.shape[1])).astype(np.float32)
        parts = np.array_split(rows, -(-len(rows) // SEARCHED))
        along = np.concatenate([self._vectors[part].astype(np.float32) @ direction for part in parts])
        order = np.argsort(along, kind="stable")
        half = len(rows) // 2
        return [*self._divided(rows[order[:half]], random), *self._divided(rows[order[half:]], random)]

    def _clusters(self, rows: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        rows = random.permutation(rows)
        vectors, free = self._vectors[rows].astype(np.float32), np.ones(len(rows), dtype=bool)
        texts, groups = self._texts[:, rows], self._groups[rows]
        found = []
        for seed in range(len(rows)):
            if free[seed]:
                near = np.where(free, vectors @ vectors[seed], -np.inf)
                members = self._around(seed, near, texts, groups)
                free[members] = False
                found.append(rows[members])
        return found

    def _around(self, seed: int, near: np.ndarray, texts: np.ndarray, groups: np.ndarray) -> list[int]:
        """Return a row and those nearest to it of which no two belong together. `near` is used up; taken rows are -inf in it."""
        members = [seed]
        while True:
            last = members[-1]
            if groups[last] != LOOSE:  # that has all rows with its texts
                near[groups == groups[last]] = -np.inf
            else:
                near[(texts == texts[0, last]).any(axis=0) | (texts == texts[1, last]).any(axis=0)] = -np.inf
            following = int(near.argmax())
            if len(members) == min(CLUSTER, self.batch_size) or near[following] == -np.inf:
                return members
            members.append(following)
