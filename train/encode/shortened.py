"""A model whose vectors are cut to their first dimensions (Matryoshka)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from train.encode.contract import Role

if TYPE_CHECKING:
    from torch import Tensor


class Encodes(Protocol):
    """What is asked of the model."""

    def encode(self, texts: Sequence[str], role: Role) -> Tensor:
        """[N, D] float32, row i for text i."""
        ...


class ShortenedEncoder:
    """Encodes as another encoder does and keeps the first dimensions, at unit length.

    Args:
        encoder: should remember vectors, where several lengths are wanted.
        dimensions: how many are kept.
    """

    similarity: Literal["cosine"] = "cosine"

    def __init__(self, encoder: Encodes, dimensions: int) -> None:
        self._encoder, self.dimensions = encoder, dimensions

    def encode(self, texts: Sequence[str], role: Role) -> Tensor:
        """Float32 tensor [N, dimensions]; see `Encoder.encode`."""
        from torch.nn.functional import normalize

        return normalize(self._encoder.encode(texts, role)[:, : self.dimensions], dim=1)
