"""A text encoder without weights, for tests of what is done with vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from train.encode.contract import EncodingContract, Role


class ToyEncoder:
    """A `TextEncoder` of vectors that a test makes up: derive from it and give `vectors`."""

    similarity: Literal["cosine", "dot"] = "cosine"
    contract = EncodingContract("", "", "", "nowhere", "mean", False, 256, 16, "cosine")

    def space(self, role: Role) -> str:
        """Return the class's name: its vectors follow from it."""
        return f"{type(self).__name__}-{role}"

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Return [N, D] of N texts."""
        return self.vectors(texts, role)

    def vectors(self, texts: Sequence[str], role: Role) -> Tensor:
        """Return [N, D] of N texts."""
        raise NotImplementedError
