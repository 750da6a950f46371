"""What a store of vectors does for us: it says what it holds, takes vectors, and searches in them.

Shapes: N vectors of a part, Q queries, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from train.vectors.files import VectorInfo, stored_in
from train.vectors.quantization import dequantise
from train.vectors.stores.record import StoreRecord, UploadState

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Upload:
    """What is to be in a store.

    Attributes:
        info: what the vectors are.
        key: a digest of everything: ids, texts, model, settings.
        count: of the parts.
        tables: gives the parts from a number on, one at a time; columns `id`, `text` if it is to be kept, `vector`.
        overwrite: make the collection anew, so that nothing else is in it; else these are added, or replaced by their ids.
    """

    info: VectorInfo
    key: str
    count: int
    tables: Callable[[int], Iterator[pa.Table]]
    overwrite: bool = False

    def record(self, done: int, **own: object) -> StoreRecord:
        """Return the record of a store in which so many parts have arrived."""
        return StoreRecord(self.info, UploadState(self.key, done, self.count), own=own)


@dataclass(frozen=True)
class StoreHit:
    """A stored vector near a query: its id, the similarity (or the share of equal bits), and the text where it is kept."""

    id: str
    score: float
    text: str | None = None


class Store(Protocol):
    """A collection, or an index in a file."""

    def record(self) -> StoreRecord | None:
        """Return what it holds; None where there is nothing.

        Raises:
            RunError: something is there that is not ours, or it cannot be reached.
        """
        ...

    def upload(self, upload: Upload) -> int:
        """Put vectors in, and return how many it then holds.

        Whatever interrupts it, the same call again ends with everything in place. With `overwrite`, and where there was nothing,
        all of it becomes visible at once.

        Raises:
            RunError: the store refuses, or cannot be reached or written.
        """
        ...

    def search(self, queries: np.ndarray, top: int) -> list[list[StoreHit]]:
        """Return the nearest vectors of each of [Q, D] float32 queries, best first."""
        ...

    def count(self) -> int:
        """Return how many vectors it holds."""
        ...

    def close(self) -> None:
        """Let others use it."""
        ...


def floats_in(table: pa.Table, info: VectorInfo) -> np.ndarray:
    """Return the vectors of a part, float32 [N, D]."""
    return dequantise(stored_in(table), info.precision, info.dimensions, info.ranges)


def texts_in(table: pa.Table) -> list[str] | None:
    """Return the texts of a part; None where they are not kept."""
    texts: list[str] | None = table.column("text").to_pylist() if "text" in table.column_names else None
    return texts


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return [N, D] float32 vectors with length 1; one of zeros stays as it is."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(norms == 0, 1, norms), dtype=np.float32)
