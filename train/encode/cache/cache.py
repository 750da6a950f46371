"""A cache of vectors over any store: what cannot be read is computed, and a store that goes away only costs time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Literal, TypeVar

import numpy as np

from train.encode.cache.codec import keys_of, pack, unpack
from train.encode.cache.protocol import StoreError, VectorStore

T = TypeVar("T")

RETRY_SECONDS = 30.0
"""Seconds for which a store that failed is left alone before it is tried again."""


def finite_rows(vectors: np.ndarray) -> np.ndarray:
    """Return the mask [N] of the vectors [N, D] that hold neither NaN nor infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        mask: np.ndarray = np.isfinite(vectors.sum(axis=1))  # finite only if all of it is
    if not mask.all():
        mask[~mask] = np.isfinite(vectors[~mask]).all(axis=1)
    return mask


@dataclass
class Counters:
    """What a cache has done so far, in vectors (`failures`: calls of the store that failed)."""

    hits: int = 0
    misses: int = 0
    written: int = 0
    damaged: int = 0
    failures: int = 0

    def sentence(self) -> str:
        """Return one line for the terminal."""
        return f"{self.hits:,} of {self.hits + self.misses:,} vectors came from the cache"

    def since(self, before: Counters) -> Counters:
        """Return what was done after these were copied."""
        return Counters(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


class VectorCache:
    """Vectors by space and text.

    Args:
        store: where they are kept.
        warn: gets one sentence when the store fails for the first time, and one when values in it are damaged.
    """

    def __init__(self, store: VectorStore, warn: Callable[[str], None]) -> None:
        self._store, self._warn = store, warn
        self._warned = self._warned_of_damage = False
        self._again = {"read": 0.0, "write": 0.0}
        self.counters = Counters()

    @property
    def name(self) -> str:
        """Where the vectors are, for people."""
        return self._store.name

    def read(self, space: str, texts: Sequence[str], dimensions: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors that are there.

        Args:
            space: see `train.encode.fingerprint`.
            texts: N texts.
            dimensions: D of the space.

        Returns:
            [N, D] float32, with rows of any content where nothing was found, and a mask [N] of what was.
        """
        vectors, found, damaged = self._look(space, texts, dimensions)
        hits = int(found.sum())
        self.counters.hits += hits
        self.counters.misses += len(texts) - hits
        self.counters.damaged += damaged
        if damaged and not self._warned_of_damage:
            self._warned_of_damage = True
            vectors_are = "vector is" if damaged == 1 else "vectors are"
            self._warn(
                f"warning: {damaged:,} {vectors_are} damaged in the cache {self.name}; such are computed again and replaced"
            )
        return vectors, found

    def has(self, space: str, texts: Sequence[str], dimensions: int) -> np.ndarray:
        """Return the mask that `read` would give; nothing is counted, as nobody gets a vector."""
        return self._look(space, texts, dimensions)[1]

    def _look(self, space: str, texts: Sequence[str], dimensions: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return vectors and mask as `read` does, and how many values were damaged."""
        values = self._try("read", lambda: self._store.get_many(keys_of(space, texts))) or [None] * len(texts)
        vectors, found = np.zeros((len(texts), dimensions), dtype=np.float32), np.zeros(len(texts), dtype=bool)
        damaged = 0
        for row, value in enumerate(values):
            if value is None:
                continue
            vector = unpack(value, dimensions)
            if vector is None:
                damaged += 1
            else:
                vectors[row], found[row] = vector, True
        sound = finite_rows(vectors)  # earlier versions kept NaN, too
        return vectors, found & sound, damaged + int((found & ~sound).sum())

    def write(self, space: str, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep the vectors [N, D] of N texts, as far as the store takes them and they are finite."""
        sound = finite_rows(vectors)
        if not sound.all():
            texts, vectors = [text for text, good in zip(texts, sound, strict=True) if good], vectors[sound]

        def put() -> int:
            self._store.put_many(keys_of(space, texts), pack(vectors))
            return len(texts)

        self.counters.written += self._try("write", put) or 0

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _try(self, what: Literal["read", "write"], work: Callable[[], T]) -> T | None:
        """Return what the store gives, None where it fails or is left alone for a while.

        One that can only be read (it is full, or its user may not write) is still read.
        """
        if time.monotonic() < self._again[what]:
            return None
        try:
            return work()
        except StoreError as error:
            self.counters.failures += 1
            self._again["write"] = time.monotonic() + RETRY_SECONDS
            if what == "read":
                self._again["read"] = self._again["write"]
            if not self._warned:
                self._warned = True
                self._warn(f"warning: the vector cache cannot be used ({error}); vectors are computed, which takes longer")
            return None
