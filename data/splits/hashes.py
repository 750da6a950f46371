"""Seeded hashes of texts and rows, from which splits and near duplicates follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import batches_of
from data.schema import text_columns, text_id

if TYPE_CHECKING:
    from datasets import Dataset


Hashes = np.ndarray
"""One unsigned 64-bit hash a row."""


CACHED_TEXTS = 20_000
"""Texts whose hash is remembered: judged documents recur, and the longest ones cost most."""


@dataclass(frozen=True)
class RowHashes:
    """The texts of a table as hashes. `first` are queries, or first sentences; `group` is 0 where a row has none."""

    first: Hashes
    second: Hashes
    negatives: list[Hashes]
    group: Hashes

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: np.ndarray) -> RowHashes:
        """Return the hashes of some rows."""
        return RowHashes(self.first[rows], self.second[rows], [n[rows] for n in self.negatives], self.group[rows])

    def without(self, rows: np.ndarray) -> RowHashes:
        """Return the hashes of all other rows."""
        return self.take(np.setdiff1d(np.arange(len(self)), rows))

    def pairs(self) -> Hashes:
        """Return one hash a pair of texts."""
        pairs: Hashes = mix(self.first) ^ mix(self.second + np.uint64(1))
        return pairs

    def text_pairs(self) -> np.ndarray:
        """Return [N, 2] query and document of each row."""
        return np.stack([self.first, self.second], axis=1)

    def unordered_pairs(self) -> Hashes:
        """Return one hash a pair of texts, whichever comes first."""
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        pairs: Hashes = mix(low) ^ mix(high + np.uint64(1))
        return pairs


def mix(values: Hashes) -> Hashes:
    """Spread hashes by the finaliser of SplitMix64, so that a sum with a seed gives another order."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def seeded(values: Hashes, seed: int) -> Hashes:
    """Return another hash for each seed."""
    return mix(values ^ mix(np.array([seed], dtype=np.uint64)))


def hash_rows(table: Dataset) -> RowHashes:
    """Stream over the texts of `table` and keep 8 bytes a text."""
    columns = text_columns(table.column_names)
    hash_of = lru_cache(maxsize=CACHED_TEXTS)(lambda text: int(text_id(text), 16))
    hashed = [np.empty(len(table), dtype=np.uint64) for _ in (*columns, "group")]
    begin = 0
    for batch in batches_of(table, [*columns, "group"]):
        end = begin + len(batch[0])
        for target, values in zip(hashed[:-1], batch[:-1], strict=True):
            target[begin:end] = [hash_of(text) for text in values]
        hashed[-1][begin:end] = [hash_of(f"group {value}") if value else 0 for value in batch[-1]]
        begin = end
    return RowHashes(hashed[0], hashed[1], hashed[2:-1], hashed[-1])
