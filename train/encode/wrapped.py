"""What encoders that stand before another encoder have in common: everything but `encode` is the other's."""

from __future__ import annotations

from typing import Literal

from train.encode.contract import EncodingContract, Role
from train.encode.opened import TextEncoder


class WrappedEncoder:
    """Passes questions about the model on to it.

    Args:
        encoder: the model, or another encoder that stands before it.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder

    @property
    def contract(self) -> EncodingContract:
        """How the model encodes."""
        return self.encoder.contract

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How the model compares two vectors."""
        return self.encoder.similarity

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        return self.encoder.space(role)
