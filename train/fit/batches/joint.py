"""Batches for rows whose texts recur much: some documents, with every row that has one of them.

110,000 judgements that join 2,600 queries with 3,600 documents say thirty things about each document. A batch of rows drawn at
random embeds a document to learn one of them. Here a document is embedded once for all of its rows, and so is each query.
"""

from __future__ import annotations

import numpy as np

from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import ShuffledBatchSampler


class JointBatchSampler(ShuffledBatchSampler):
    """Every epoch each document comes once, with all of its rows, or as many as there is room for their queries.

    Args:
        relevance: the texts of rows without negatives.
        batch_size: documents in a batch, over all processes together.
        seed: with the epoch, decides which documents meet.
        queries: distinct queries in a batch, at most; each document keeps one row at least.
    """

    def __init__(self, relevance: Relevance, batch_size: int, seed: int, queries: int) -> None:
        super().__init__(len(relevance.queries), batch_size, seed)
        self.queries = queries
        self._asked = relevance.queries
        self._found = np.unique(relevance.documents[:, 0], return_inverse=True)[1]
        self._rows = np.argsort(self._found, kind="stable")
        self._ends = np.cumsum(np.bincount(self._found))

    def __len__(self) -> int:
        """Return the number of batches an epoch, the same in every epoch."""
        return -(-len(self._ends) // self.batch_size)

    @property
    def size_in_words(self) -> str:
        """Return how much there is to share among processes."""
        return f"the documents of the training rows ({len(self._ends):,})"

    def plan(self) -> list[list[int]]:
        """Return the batches of this epoch, as row numbers; the rows of one document follow each other."""
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self._ends))
        return [self._with_room(order[i : i + self.batch_size], random) for i in range(0, len(order), self.batch_size)]

    def share(self, batch: list[int], rank: int, processes: int) -> list[int]:
        """Return the rows of one process: as many documents as every other process gets."""
        numbers = self._found[batch]
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        size = len(starts) // processes
        ends = np.append(starts, len(batch))
        return batch[ends[rank * size] : ends[(rank + 1) * size]] if size else []

    def left_out(self) -> int:
        """Count the rows for whose queries there is no room in this epoch; others are left out in the next one."""
        return self.rows - sum(map(len, self.plan()))

    def _with_room(self, documents: np.ndarray, random: np.random.Generator) -> list[int]:
        """Return the rows of some documents, without those of the queries for which there is no room."""
        parts = [random.permutation(self._rows[self._ends[i - 1] if i else 0 : self._ends[i]]) for i in documents.tolist()]
        rows = np.concatenate(parts)
        asked = np.unique(self._asked[rows])
        if len(asked) > self.queries:
            kept = np.unique(self._asked[[part[0] for part in parts]])
            others = random.permutation(np.setdiff1d(asked, kept, assume_unique=True))[: max(0, self.queries - len(kept))]
            rows = rows[np.isin(self._asked[rows], np.concatenate([kept, others]))]
        return rows.tolist()
