"""Which texts of a data set belong together: what no ranking loss may take for a negative.

In-batch negatives take every other row's positive for a negative. That is wrong for rows that share a query or a positive, for a
row whose positive is also relevant to another row's query, and for a row that has another row's query as its positive, since
paraphrases come either way round.

Shapes: N rows, n negatives a row, B queries, C documents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from data.schema import text_columns, text_id
from data.splits.near_duplicates import NearTexts

if TYPE_CHECKING:
    from datasets import Dataset

LOT = 10_000
"""Rows that are read at a time."""
CACHED_TEXTS = 20_000
"""Texts whose hash is remembered: positives recur."""


@dataclass(frozen=True)
class Relevance:
    """The texts of a pair or tuple table as numbers, equal ones as one.

    Attributes:
        queries: [N] int64, at least 0.
        documents: [N, 1 + n] int64, positive and negatives, from the same numbering: a text that is a query in one row and a
            document in another is recognised.
        further: [K, 2] int64, queries and documents of these that belong together although no row says so.
        repeats: [N, 1 + n] bool, documents that their row has in an earlier column, letter for letter; None where there are none.
    """

    queries: np.ndarray
    documents: np.ndarray
    further: np.ndarray = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    repeats: np.ndarray | None = None

    @classmethod
    def of(cls, table: Dataset, related: np.ndarray | None = None, near: NearTexts | None = None) -> Relevance:
        """Build it from the texts. Texts that are equal after normalisation are one, whatever their ids: two copies of a document
        are one document to the loss.

        Args:
            table: pairs or tuples.
            related: [K, 2] uint64 hashes (as in `data.split.hash_rows`) of further queries and documents that belong together,
                such as those of rows that are not trained on; texts that the table lacks do not matter.
            near: near duplicates are one text, too.
        """
        columns = text_columns(table.column_names)
        hash_of = lru_cache(maxsize=CACHED_TEXTS)(lambda text: int(text_id(text), 16))
        hashes = np.empty((len(table), len(columns)), dtype=np.uint64)
        for start in range(0, len(table), LOT):
            part = table[start : start + LOT]
            for place, column in enumerate(columns):
                hashes[start : start + LOT, place] = [hash_of(text) for text in part[column]]
        repeats = _repeats(hashes[:, 1:])
        if near is not None:
            hashes = near.of(hashes)
            related = None if related is None else near.of(related)
        known, inverse = np.unique(hashes, return_inverse=True)
        numbers = inverse.reshape(hashes.shape)
        return cls(numbers[:, 0], numbers[:, 1:], _further(related, hashes[:, :2], known), repeats)

    @cached_property
    def size(self) -> int:
        """All numbers are below this."""
        return int(max(self.queries.max(initial=-1), self.documents.max(initial=-1))) + 1

    @cached_property
    def tied(self) -> np.ndarray:
        """[N] bool: rows that have a text which another row's query finds relevant, or whose relevant texts another row has."""
        positives, negatives = self.documents[:, 0], self.documents[:, 1:]
        # a query is relevant to itself: paraphrases come as (a, b) and (c, a), and `a` must not push itself away
        relevant = self._count(self.queries) + self._count(positives) + self._count(self.further.ravel())
        present = self._count(self.documents.ravel())
        alone = (relevant[self.queries] == 1) & (present[self.queries] == 0)
        alone &= (relevant[positives] == 1) & (present[positives] == 1)
        return ~(alone & (relevant[negatives] == 0).all(axis=1))

    @cached_property
    def pairs(self) -> np.ndarray:
        """Sorted int64 codes `query * size + document` of what is no negative of what, rows that are not tied left out."""
        return self._codes(self.queries[self.tied], self.documents[self.tied, 0])

    @cached_property
    def all_pairs(self) -> np.ndarray:
        """As `pairs`, of all rows."""
        return self._codes(self.queries, self.documents[:, 0])

    @cached_property
    def taught(self) -> np.ndarray:
        """Sorted int64 codes of the queries and positives of rows: what is only known to belong together is not to be learnt."""
        positives = self.documents[:, 0]
        unlike = self.queries != positives
        return np.unique(self.queries[unlike] * self.size + positives[unlike])

    def _codes(self, queries: np.ndarray, positives: np.ndarray) -> np.ndarray:
        themselves, (asked, found) = np.unique(queries), self.further.T
        ends = [(queries, positives), (positives, queries), (themselves, themselves), (asked, found), (found, asked)]
        return np.unique(np.concatenate([one * self.size + other for one, other in ends]))

    def keys(self) -> np.ndarray:
        """Return [N, 2 + n] int64: query, positive and negatives of each row, as the masked losses take them for labels; -1 for a
        text that the row has in an earlier column."""
        documents = self.documents if self.repeats is None else np.where(self.repeats, -1, self.documents)
        return np.column_stack([self.queries, documents])

    @cached_property
    def groups(self) -> tuple[np.ndarray, np.ndarray]:
        """Two numbers a row, [N] each: of its group, and of the most frequent of its query and its positive.

        A group is what hangs together through queries and positives. Negatives do not join groups: where they are mined, that
        would make one group of all rows.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        positives = self.documents[:, 0]
        ends = np.concatenate([np.column_stack([self.queries, positives]), self.further])
        links = coo_array((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(self.size, self.size))
        group = connected_components(links, directed=False)[1][self.queries]
        often = self._count(self.queries)[self.queries] > self._count(positives)[positives]
        return group.astype(np.int64), np.where(often, self.queries, positives)

    def _count(self, numbers: np.ndarray) -> np.ndarray:
        return np.bincount(numbers, minlength=self.size)


def _repeats(documents: np.ndarray) -> np.ndarray | None:
    """Return [N, 1 + n] bool: which documents [N, 1 + n] their row has in an earlier column; None where there are none."""
    found = np.zeros(documents.shape, dtype=bool)
    for place in range(1, documents.shape[1]):
        found[:, place] = (documents[:, :place] == documents[:, place : place + 1]).any(axis=1)
    return found if found.any() else None


def _further(related: np.ndarray | None, pairs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return [K, 2] numbers, as places in `known` (ascending), of the related hashes that are known and not in `pairs` [N, 2]."""
    if related is None or not len(related):
        return np.empty((0, 2), dtype=np.int64)
    present = np.unique(related[np.isin(related, known).all(axis=1)], axis=0)
    numbers, taken = (np.searchsorted(known, hashes).astype(np.int64) for hashes in (present, pairs))
    return numbers[~np.isin(numbers @ [len(known), 1], taken @ [len(known), 1])]
