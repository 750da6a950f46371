"""Batches in which no row's positive is another row's negative.

In-batch negatives take every other row's positive for a negative. That is wrong for rows that share a query or a positive,
for a row whose positive is also relevant to another row's query, and for a row that has another row's query as its positive.
Such rows never meet in a batch here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import BatchSampler

from data.schema import DataError

if TYPE_CHECKING:
    from datasets import Dataset

OPEN_BATCHES = 64
"""Batches that are filled side by side; a row goes to the first in which it meets no conflict."""

MOST_EXTRA_BATCHES = 4
"""An epoch has at most so many times the batches that it would have without conflicts."""


class ShuffledBatchSampler(BatchSampler):
    """Rows in an order that depends on seed and epoch alone, cut into batches; the tail batch is smaller.

    Args:
        rows: number of rows.
        batch_size: rows in a batch, over all processes together.
        seed: with the epoch, decides the order.
    """

    drop_last = False

    def __init__(self, rows: int, batch_size: int, seed: int) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch, on resume too."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches an epoch, the same in every epoch."""
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.plan()

    def plan(self) -> list[list[int]]:
        """The batches of this epoch, as row numbers."""
        order = self._order()
        return [order[i : i + self.batch_size].tolist() for i in range(0, self.rows, self.batch_size)]

    def count_left_out(self) -> int:
        """Rows that this epoch's batches leave out."""
        return 0

    def _order(self) -> np.ndarray:
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)


class RankingBatchSampler(ShuffledBatchSampler):
    """Shuffled batches for ranking losses in which no row's document is relevant to another row's query.

    Every epoch has `len(self)` batches. A row that conflicts with all open batches waits; rows for which no place was
    found by the end are left out of this epoch and counted in `left_out` (another epoch's order places them).

    Args:
        queries: [N] integer key of each row's query.
        documents: [N, 1 + negatives] integer keys of each row's positive and negatives.
        batch_size: rows in a batch.
        seed: with the epoch, decides the order.
    """

    def __init__(self, queries: np.ndarray, documents: np.ndarray, batch_size: int, seed: int) -> None:
        super().__init__(len(queries), batch_size, seed)
        self.left_out = 0
        self._queries = queries.tolist()
        self._documents = [tuple(row) for row in documents.tolist()]
        self._relevant: dict[int, set[int]] = {}
        for query, docs in zip(self._queries, self._documents, strict=True):
            # a query is relevant to itself: paraphrases come as (a, b) and (c, a), and `a` must not push itself away
            self._relevant.setdefault(query, {query}).add(docs[0])
        # rows that share a query or a positive need a batch each, so the most frequent one sets a lower bound; the cap keeps one
        # dominating text from turning an epoch into thousands of tiny batches
        fewest = super().__len__()
        commonest = max(int(np.unique(keys, return_counts=True)[1].max()) for keys in (queries, documents[:, 0]))
        self._batches = max(fewest, min(commonest, MOST_EXTRA_BATCHES * fewest))

    def __len__(self) -> int:
        """Batches an epoch, the same in every epoch."""
        return self._batches

    def plan(self) -> list[list[int]]:
        """The `len(self)` batches of this epoch, as row numbers; each row at most once."""
        finished: list[list[int]] = []
        filling: deque[_Batch] = deque()
        waiting: list[int] = []
        for row in self._order().tolist():
            if not self._place(row, filling, min(OPEN_BATCHES, self._batches - len(finished))):
                waiting.append(row)
            while filling and len(filling[0].rows) >= self.batch_size:
                finished.append(filling.popleft().rows)
        room = self._batches - len(finished)
        self.left_out = sum(not self._place(row, filling, room) for row in waiting)
        return finished + [batch.rows for batch in filling]

    def count_left_out(self) -> int:
        """Rows for which this epoch has no batch without a false negative."""
        self.plan()
        return self.left_out

    def _place(self, row: int, filling: deque[_Batch], most: int) -> bool:
        """Put a row into the first batch that admits it, opening another while there are fewer than `most`."""
        query, documents = self._queries[row], self._documents[row]
        relevant = self._relevant[query]
        for batch in filling:
            if len(batch.rows) < self.batch_size and batch.admits(query, documents, relevant):
                batch.add(row, query, documents, relevant)
                return True
        if len(filling) >= most:
            return False
        filling.append(_Batch())
        filling[-1].add(row, query, documents, relevant)
        return True


class _Batch:
    """Rows chosen so far, what their queries find relevant, and the documents that are in the batch."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.queries: set[int] = set()
        self.documents: set[int] = set()
        self.relevant: set[int] = set()

    def admits(self, query: int, documents: Sequence[int], relevant: set[int]) -> bool:
        return query not in self.queries and self.relevant.isdisjoint(documents) and self.documents.isdisjoint(relevant)

    def add(self, row: int, query: int, documents: Sequence[int], relevant: set[int]) -> None:
        self.rows.append(row)
        self.queries.add(query)
        self.documents.update(documents)
        self.relevant.update(relevant)


class RankShare(BatchSampler):
    """One process's part of each global batch: as many rows as every other process gets, in the same number of batches.

    Accelerate's own sharding is not used: it passes over batches that are smaller than the largest, of which group-aware
    batching makes many, and leaves processes with different numbers of steps at the end.

    Args:
        batches: the sampler of global batches.
        rank: number of this process.
        world_size: number of processes.

    Raises:
        DataError: no batch has a row for each process.
    """

    drop_last = False

    def __init__(self, batches: ShuffledBatchSampler, rank: int, world_size: int) -> None:
        self.batches, self.rank, self.world_size = batches, rank, world_size
        self.batch_size = batches.batch_size // world_size

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch, on resume too."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        """Batches an epoch, the same on every process."""
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        plan = self.batches.plan()
        whole = next((batch for batch in plan if len(batch) >= self.world_size), None)
        if whole is None:
            raise DataError(
                f"{self.batches.rows} training rows are too few for {self.world_size} processes", mend="start fewer processes"
            )
        for batch in plan:
            # a batch with fewer rows than processes is replaced, not left out: the number of steps has been announced
            usable = batch if len(batch) >= self.world_size else whole
            size = len(usable) // self.world_size
            yield usable[self.rank * size : (self.rank + 1) * size]

    def count_dropped(self) -> int:
        """Rows of this epoch that no process gets, because they do not divide among all."""
        return sum(len(batch) % self.world_size for batch in self.batches.plan())


def ranking_keys(table: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Integer keys of queries [N] and of positives and negatives [N, 1 + negatives] of a pair or tuple table.

    Texts that are equal after normalisation share a key, whatever their ids: two copies of a document are one document to
    the loss. Keys of queries and documents are drawn from one numbering, so that a text that is a query in one row and a
    document in another is recognised.
    """
    from data.schema import text_columns, text_id

    columns = text_columns(table.column_names)
    numbers: dict[str, int] = {}
    keys = np.empty((len(table), len(columns)), dtype=np.int64)
    for start in range(0, len(table), 10_000):
        part = table[start : start + 10_000]
        for place, column in enumerate(columns):
            for offset, text in enumerate(part[column]):
                keys[start + offset, place] = numbers.setdefault(text_id(text), len(numbers))
    return keys[:, 0], keys[:, 1:]
