"""Search in stored vectors by several methods, so that what quantising costs is seen.

Shapes: Q queries, N stored vectors, D dimensions, W 64-bit words of a vector's bits, k hits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from train.vectors.quantization import (
    BITS,
    CALIBRATED,
    Precision,
    Ranges,
    as_ubinary,
    bytes_per_vector,
    calibrate,
    dequantise,
    quantise,
    width,
)

Method = Literal["exact", "int8", "ubinary", "ubinary+int8", "ubinary+float"]
METHODS: tuple[Method, ...] = get_args(Method)

FEASIBLE: dict[Precision, tuple[Method, ...]] = {
    "float32": METHODS,
    "float16": METHODS,
    "int8": ("int8", "ubinary", "ubinary+int8"),
    "uint8": ("int8", "ubinary", "ubinary+int8"),
    "binary": ("ubinary",),
    "ubinary": ("ubinary",),
}
"""Methods that the stored numbers allow."""

RESCORE = 10
"""Candidates by bits for each hit that is wanted, scored again."""
BLOCK_BYTES = 64 << 20
"""Memory of the scores, or of the floats, of one block of stored vectors."""


@dataclass(frozen=True)
class Hits:
    """The best stored vectors of each query, best first; equal scores in the order of the rows.

    Attributes:
        rows: [Q, k] int64.
        scores: [Q, k] float32; for `ubinary` the share of equal bits, otherwise the similarity.
    """

    rows: np.ndarray
    scores: np.ndarray


class Index:
    """Stored vectors, ready to be searched by every method that they allow.

    What a method needs and is not stored (bytes and bits of floats) is made when it is first asked for, and kept.

    Args:
        codes: [N, width] as stored, in memory or mapped.
        precision: of the stored numbers.
        dimensions: D.
        ranges: of int8 and uint8; for floats they are taken from the vectors where a method needs them.
        unit: whether vectors are compared by cosine, so that they are brought to unit length first.
        finer: the same vectors with more bits, to score candidates again where these have too few.

    Raises:
        ValueError: `finer` holds other vectors.
    """

    def __init__(
        self,
        codes: np.ndarray,
        precision: Precision,
        dimensions: int,
        ranges: Ranges | None = None,
        *,
        unit: bool = True,
        finer: Index | None = None,
    ) -> None:
        self._codes, self.precision, self.dimensions, self._ranges, self._unit = codes, precision, dimensions, ranges, unit
        if finer is not None and (len(finer) != len(codes) or finer.dimensions != dimensions):
            raise ValueError(f"{len(finer)} vectors of {finer.dimensions} dimensions are not {len(codes)} of {dimensions}")
        self._finer = finer
        self._bytes: np.ndarray | None = None
        self._words: np.ndarray | None = None

    def __len__(self) -> int:
        """N."""
        return len(self._codes)

    @property
    def methods(self) -> tuple[Method, ...]:
        """Those that the stored numbers allow."""
        again = () if self._finer is None else (one for one in self._finer.methods if one.startswith("ubinary+"))
        allowed = {*FEASIBLE[self.precision], *again}
        return tuple(one for one in METHODS if one in allowed)

    def total_bytes(self, method: Method) -> int:
        """Return the bytes of everything that a method reads: the vectors in its precisions, and the ranges of int8."""
        half = "float16" in (self.precision, self._finer and self._finer.precision)
        size = {
            "exact": bytes_per_vector("float16" if half else "float32", self.dimensions),
            "int8": bytes_per_vector("int8", self.dimensions),
            "ubinary": bytes_per_vector("ubinary", self.dimensions),
        }
        size["ubinary+int8"] = size["ubinary"] + size["int8"]
        size["ubinary+float"] = size["ubinary"] + size["exact"]
        return len(self) * size[method] + (8 * self.dimensions if "int8" in method else 0)

    def search(self, queries: np.ndarray, k: int, method: Method = "exact", rescore: int = RESCORE) -> Hits:
        """Return the k best stored vectors for each of [Q, D] float32 queries.

        Args:
            queries: vectors of the model that made the stored ones.
            k: how many, at least 1; fewer come back where fewer are stored.
            method: `exact` compares floats; `int8` floats with a byte a dimension; `ubinary` counts equal bits; the others take
                `rescore` · k candidates by bits and order them by their int8 or float vectors.
            rescore: at least 1.

        Raises:
            ValueError: the stored numbers do not allow the method, or a size does not fit.
        """
        if method not in self.methods:
            raise ValueError(f"{method} cannot be computed from {self.precision}")
        if queries.ndim != 2 or queries.shape[1] != self.dimensions or k < 1 or rescore < 1:
            raise ValueError(f"queries {queries.shape}, k {k} and rescore {rescore} do not fit {self.dimensions} dimensions")
        queries = _unit(queries) if self._unit else np.asarray(queries, dtype=np.float32)
        self.prepare(method)
        if method in ("exact", "int8"):
            return self._best(len(queries), k, lambda part: queries @ self._floats(part, method).T)
        if method == "ubinary":
            return self._by_bits(queries, k)
        candidates = self._by_bits(queries, k * rescore)
        finer = self if method in FEASIBLE[self.precision] or self._finer is None else self._finer
        return finer._scored_again(queries, candidates.rows, k, "int8" if method == "ubinary+int8" else "exact")

    def prepare(self, method: Method) -> None:
        """Make what a method needs and is not stored, so that the next search does not wait for it."""
        if self._finer is not None and method not in FEASIBLE[self.precision]:
            self._finer.prepare("int8" if "int8" in method else "exact")
        elif "int8" in method and self.precision not in CALIBRATED and self._bytes is None:
            self._ranges = calibrate(self._extremes())
            self._bytes = np.empty((len(self), self.dimensions), dtype=np.int8)
            for part in self._blocks():
                self._bytes[part] = quantise(self._floats(part, "exact"), "int8", self._ranges)
        if "ubinary" in method and self._words is None:
            bits = np.empty((len(self), width("ubinary", self.dimensions)), dtype=np.uint8)
            for part in self._blocks():
                bits[part] = self._bits(part)
            self._words = _words(bits)

    def _bits(self, part: slice) -> np.ndarray:
        if self.precision in BITS:
            return as_ubinary(np.asarray(self._codes[part]), self.precision)
        return np.packbits(dequantise(self._codes[part], self.precision, self.dimensions, self._ranges) > 0, axis=1)

    def _extremes(self) -> np.ndarray:
        """Return [2 · blocks, D], the lowest and the highest values of each block."""
        blocks = (self._floats(part, "exact") for part in self._blocks())
        return np.concatenate([np.stack([one.min(axis=0), one.max(axis=0)]) for one in blocks])

    def _blocks(self, row_bytes: int = 0) -> Iterator[slice]:
        """Yield all rows, as many at a time as have `BLOCK_BYTES`, as floats or with so many bytes a row."""
        size = max(1, BLOCK_BYTES // max(4 * self.dimensions, row_bytes))
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))

    def _by_bits(self, queries: np.ndarray, k: int) -> Hits:
        wanted, stored = _words(np.packbits(queries > 0, axis=1)), self._words
        assert stored is not None  # `prepare` made them
        return self._best(len(queries), k, lambda part: 1 - _differing(wanted, stored[part]) / np.float32(self.dimensions))

    def _best(self, count: int, k: int, scores: Callable[[slice], np.ndarray]) -> Hits:
        """Return the k highest of all scores, found block by block."""
        rows, best = np.empty((count, 0), dtype=np.int64), np.empty((count, 0), dtype=np.float32)
        for part in self._blocks(4 * count):
            fresh = scores(part).astype(np.float32, copy=False)
            best = np.concatenate([best, fresh], axis=1)
            rows = np.concatenate([rows, np.broadcast_to(np.arange(part.start, part.stop), fresh.shape)], axis=1)
            best, rows = _highest(best, rows, k)
        return Hits(rows, best)

    def _scored_again(self, queries: np.ndarray, candidates: np.ndarray, k: int, method: Method) -> Hits:
        rows = np.sort(candidates, axis=1)  # so that equal scores stand in the order of the rows
        scores = np.empty(rows.shape, dtype=np.float32)
        for number, query in enumerate(queries):
            scores[number] = self._floats(rows[number], method) @ query
        best, rows = _highest(scores, rows, k)
        return Hits(rows, best)

    def _floats(self, rows: slice | np.ndarray, method: Method) -> np.ndarray:
        """Return stored vectors as floats, through int8 where the method says so."""
        if method == "int8" and self.precision not in CALIBRATED:
            assert self._bytes is not None  # `prepare` made them
            vectors = dequantise(self._bytes[rows], "int8", self.dimensions, self._ranges)
        else:
            vectors = dequantise(self._codes[rows], self.precision, self.dimensions, self._ranges)
        return _unit(vectors) if self._unit else vectors


def _highest(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k highest scores of each line and their rows, best first; equal ones in the order in which they stand.

    Args:
        scores: [Q, n] float32.
        rows: [Q, n] int64.
        k: at least 1.
    """
    count = scores.shape[1]
    if count > 4 * k:  # to sort them all would take most of the time of a search
        chosen = np.empty((len(scores), k), dtype=np.int64)
        least = np.partition(scores, count - k, axis=1)[:, count - k]
        for line, (values, bound) in enumerate(zip(scores, least, strict=True)):
            above = np.flatnonzero(values > bound)
            equal = np.flatnonzero(values == bound)[: k - len(above)]
            chosen[line] = np.sort(np.concatenate([above, equal]))
        scores, rows = np.take_along_axis(scores, chosen, axis=1), np.take_along_axis(rows, chosen, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _words(bits: np.ndarray) -> np.ndarray:
    """Return [N, bytes] uint8 as [N, W] uint64, filled up with zeros."""
    missing = -bits.shape[1] % 8
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, missing)))).view(np.uint64)


def _differing(queries: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Count the bits [Q, n] that differ between [Q, W] and [n, W]."""
    total = np.zeros((len(queries), len(stored)), dtype=np.uint16)
    for word in range(queries.shape[1]):
        total += np.bitwise_count(queries[:, word, None] ^ stored[None, :, word])
    return total


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)
