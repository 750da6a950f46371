"""An encoder that looks for vectors in a cache before it computes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.progress import progress as bar_of
from train.encode.cache.cache import VectorCache
from train.encode.contract import Role
from train.encode.protocol import TextEncoder, WrappedEncoder

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 8192
"""Texts that are encoded before their vectors are written, for models that name no number of their own."""


class CachedEncoder(WrappedEncoder):
    """An encoder that takes what the cache has of a text in the same space from there, bit for bit, and encodes the rest.

    Args:
        encoder: the model. If it has an attribute `window`, so many texts are encoded before their vectors are written.
        cache: where vectors are looked for and kept.
    """

    def __init__(self, encoder: TextEncoder, cache: VectorCache) -> None:
        super().__init__(encoder)
        self.cache = cache

    def missing(self, texts: Sequence[str], role: Role) -> list[str]:
        """Return the distinct texts whose vectors the cache does not have; nothing is encoded."""
        distinct = list(dict.fromkeys(texts))
        found = self.cache.has(self.space(role), distinct, self.contract.dimensions)
        return [text for text, there in zip(distinct, found, strict=True) if not there]

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Return a float32 tensor [N, D]; each distinct text that is not in the cache is encoded once and written."""
        import torch

        rows: dict[str, int] = {}
        index = [rows.setdefault(text, len(rows)) for text in texts]
        if not rows:
            return torch.empty(0, self.contract.dimensions)
        distinct, space = list(rows), self.space(role)
        vectors, found = self.cache.read(space, distinct, self.contract.dimensions)
        missing = np.flatnonzero(~found)
        windows = list(_windows(missing, getattr(self.encoder, "window", WINDOW)))
        # above the encoder's own bar, which starts again in each window
        several = progress is not False and len(windows) > 1
        with bar_of("vectors not in the cache", len(missing), "text", wanted=several) as tick:
            for window in windows:
                part = [distinct[row] for row in window]
                fresh = self.encoder.encode(part, role, progress).numpy()
                vectors[window] = fresh
                self.cache.write(space, part, fresh)
                tick(len(window))
        together = torch.from_numpy(vectors)
        return together if len(rows) == len(index) else together[torch.tensor(index)]


def not_cached(encoder: TextEncoder, texts: Sequence[str], role: Role) -> list[str]:
    """Return the texts that the model itself would be asked for, were they encoded now: without a cache, all of them."""
    return encoder.missing(texts, role) if isinstance(encoder, CachedEncoder) else list(texts)


def _windows(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
