"""Batches, and how they are shared by several processes.

Rows that must not be each other's negatives (see `relevance`) are dealt to different batches as far as there are batches; where
a group has more rows than there are batches, its rows are spread evenly, and the loss masks them (see `ranking`). So every batch
is full, every row has its place in every epoch, and no batch has more copies of a text than it needs to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import BatchSampler

from data.errors import DataError
from train.fit.batches.relevance import Relevance


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
        """Set the epoch; the trainer calls this at the start of each, on resume too."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches an epoch, the same in every epoch."""
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.plan()

    def plan(self) -> list[list[int]]:
        """Return the batches of this epoch, as row numbers."""
        order = self._order()
        return [order[i : i + self.batch_size].tolist() for i in range(0, self.rows, self.batch_size)]

    @property
    def size_in_words(self) -> str:
        """Return how much there is to share among processes."""
        return f"{self.rows:,} training rows"

    def share(self, batch: list[int], rank: int, processes: int) -> list[int]:
        """Return the rows of a batch that one process trains on; those that do not divide among all are left out."""
        size = len(batch) // processes
        return batch[rank * size : (rank + 1) * size]

    def _order(self) -> np.ndarray:
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)


class RankingBatchSampler(ShuffledBatchSampler):
    """Shuffled batches for ranking losses, over which the rows of each group are spread.

    Rows in an order that keeps groups together are dealt like cards, one to each batch in turn. The rows of a group with fewer
    rows than there are batches never meet; of a larger group, those with the same most frequent text meet as rarely as possible.
    Then the batches are shuffled: neighbours hold rows of the same texts, and who trains for a part of an epoch should see all
    texts some of the time, not some of them all of the time.

    Args:
        relevance: which texts belong together.
        batch_size: rows in a batch, over all processes together.
        seed: with the epoch, decides which rows of different groups meet.
    """

    def __init__(self, relevance: Relevance, batch_size: int, seed: int) -> None:
        super().__init__(len(relevance.queries), batch_size, seed)
        self._groups, self._texts = (np.unique(numbers, return_inverse=True)[1] for numbers in relevance.groups)
        self._full = self.rows // self.batch_size
        """Batches that are full; the rows that are left over make one more."""

    def plan(self) -> list[list[int]]:
        """Return the batches of this epoch, as row numbers: all of them full but for the last."""
        order, batches = self._order(), len(self)
        tail = self.rows - self._full * self.batch_size
        # the last batch is dealt to until it has its rows, the others to the end
        everywhere, elsewhere = order[: tail * batches], order[tail * batches :]
        dealt = everywhere.reshape(tail, batches).T.tolist() if tail else [[] for _ in range(batches)]
        if self._full:
            rest = elsewhere.reshape(self.batch_size - tail, self._full).T.tolist()
            dealt[: self._full] = [first + more for first, more in zip(dealt, rest, strict=False)]
        turns = np.random.default_rng([self.seed, self.epoch, 1]).permutation(self._full).tolist()
        return [dealt[turn] for turn in turns] + dealt[self._full :]

    def count_crowded(self) -> int:
        """Count the rows in groups with more rows than there are full batches: some of these meet."""
        sizes = np.bincount(self._groups)
        return int(sizes[sizes > max(self._full, 1)].sum())

    def _order(self) -> np.ndarray:
        """Order the rows group by group; groups, texts within a group, and rows of one text come in random order."""
        random = np.random.default_rng([self.seed, self.epoch])
        shuffled = (random.permutation(int(numbers.max()) + 1)[numbers] for numbers in (self._texts, self._groups))
        return np.lexsort((random.random(self.rows), *shuffled))


class RankShare(BatchSampler):
    """One process's part of each global batch: as many rows as every other process gets, in the same number of batches.

    Accelerate's own sharding is not used: it skips batches that are smaller than the largest, of which group-aware
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
        """Set the epoch; the trainer calls this at the start of each, on resume too."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        """Return the number of batches an epoch, the same on every process."""
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        plan = self.batches.plan()
        whole = next((batch for batch in plan if self._of(batch)), None)
        if whole is None:
            raise DataError(
                f"{self.batches.size_in_words} are too few for {self.world_size} processes", hint="start fewer processes"
            )
        for batch in plan:
            # a batch with fewer rows than processes is replaced, not left out: the number of steps has been announced
            yield self._of(batch) or self._of(whole)

    def count_dropped(self) -> int:
        """Count the rows of this epoch that no process gets, because they do not divide among all."""
        if self.world_size == 1:
            return 0
        return sum(
            len(batch) - sum(len(self.batches.share(batch, rank, self.world_size)) for rank in range(self.world_size))
            for batch in self.batches.plan()
        )

    def _of(self, batch: list[int]) -> list[int]:
        return self.batches.share(batch, self.rank, self.world_size)
