"""A part of a data set: so many of its rows, chosen by hash, and of a corpus what belongs to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from data.schema import Document, RowId, Source, text_id

if TYPE_CHECKING:
    from sentence_transformers import InputExample


class SampledSource:
    """The rows of so many queries that they are about `rows`, each query with all of its rows, so that nothing relevant is lost.

    Splits that the source has keep their shares. Of a corpus that it brings there remain the documents of these rows, and of the
    others the same share: fewer documents are easier to search, so figures are those of the sample.

    Args:
        source: the whole.
        rows: how many of its rows; all of them where it has no more.
        seed: of the hash.
    """

    def __init__(self, source: Source, rows: int, seed: int) -> None:
        self.source, self.rows, self.seed = source, rows, seed
        self.name, self.location, self.recognised = source.name, source.location, source.recognised
        self.dropped: dict[str, int] = getattr(source, "dropped", {})
        self.dropped_examples: dict[str, list[str]] = getattr(source, "dropped_examples", {})

    def splits(self) -> tuple[str, ...]:
        """See `Source`."""
        return self.source.splits()

    @cached_property
    def whole(self) -> dict[str, int]:
        """Rows of each split of the whole."""
        return {split: len(keys) for split, keys in self._keys.items()}

    @property
    def _share(self) -> float:
        return min(1.0, self.rows / max(1, sum(self.whole.values())))

    @cached_property
    def _keys(self) -> dict[str, np.ndarray]:
        """[N] uint64 by split: a number for the first text of each row, by which rows are chosen."""
        return {split: np.fromiter(map(self._of_row, self.source.examples(split)), dtype=np.uint64) for split in self.splits()}

    @cached_property
    def _last(self) -> dict[str, int]:
        """The highest number that is still taken, by split."""
        found = {}
        for split, keys in self._keys.items():
            numbers, counts = np.unique(keys, return_counts=True)
            taken = np.searchsorted(np.cumsum(counts), self._share * len(keys))
            found[split] = int(numbers[min(int(taken), len(numbers) - 1)]) if len(numbers) else 0
        return found

    def _number(self, text: str) -> int:
        return int(hashlib.sha256(f"{self.seed} {text_id(text)}".encode()).hexdigest()[:16], 16)

    def _of_row(self, row: InputExample) -> int:
        return self._number((row.texts or [""])[0])

    def examples(self, split: str) -> Iterator[InputExample]:
        """See `Source`."""
        last = self._last[split]
        for row in self.source.examples(split):
            if self._of_row(row) <= last:
                yield row

    def documents(self) -> Iterator[Document] | None:
        """See `Source`."""
        found = self.source.documents()
        return None if found is None else self._some(found)

    def _some(self, documents: Iterator[Document]) -> Iterator[Document]:
        rows = {split: [RowId.parse(str(row.guid)).document_id for row in self.source.examples(split)] for split in self.splits()}
        kept = {
            one
            for split, ids in rows.items()
            for one, key in zip(ids, self._keys[split], strict=True)
            if key <= self._last[split]
        }
        judged = {one for ids in rows.values() for one in ids}
        most = self._share * 2**64
        for one in documents:
            if one.id in kept or (one.id not in judged and self._number(one.id) < most):
                yield one

    def fingerprint(self) -> str:
        """See `Source`."""
        return hashlib.sha256(f"{self.source.fingerprint()} sample {self.rows} {self.seed}".encode()).hexdigest()
