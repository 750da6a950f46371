"""What encoders that stand before another encoder have in common: everything but `encode` is the other's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from train import distributed
from train.encode.contract import EncodingContract, Role
from train.encode.protocol import TextEncoder

if TYPE_CHECKING:
    from torch import Tensor


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


class RememberingEncoder(WrappedEncoder):
    """Encodes each text of a space once, for as long as the weights stay as they are. Holds 4 · D bytes a text."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__(encoder)
        self._spaces: dict[Role, str] = {}
        self._rows: dict[tuple[str, str], int] = {}
        self._blocks: list[Tensor] = []

    def encode(self, texts: Sequence[str], role: Role) -> Tensor:
        """Float32 tensor [N, D]; see `Encoder.encode`."""
        import torch

        space = self._space(role)
        new = [text for text in dict.fromkeys(texts) if (space, text) not in self._rows]
        if new:
            start = len(self._rows)
            self._blocks.append(self.encoder.encode(new, role))
            self._rows.update({(space, text): start + i for i, text in enumerate(new)})
        if len(self._blocks) > 1:
            self._blocks = [torch.cat(self._blocks)]
        if not texts:
            return torch.empty(0, self.encoder.contract.dimensions)
        index = torch.tensor([self._rows[(space, text)] for text in texts])
        return self._blocks[0].index_select(0, index)

    def _space(self, role: Role) -> str:
        """Of texts in this role. Equal prompts are not enough: an API may be told the role itself."""
        if role not in self._spaces:
            self._spaces[role] = self.encoder.space(role)
        return self._spaces[role]


class SharedEncoder(WrappedEncoder):
    """Encodes as `Encoder` does; every process must ask for the same texts at the same time. Holds 4 · D bytes a text."""

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Float32 tensor [N, D]; see `Encoder.encode`."""
        if distributed.world_size() == 1:
            return self.encoder.encode(texts, role, progress)
        import torch

        # dealt out by length, so that every process gets as many tokens as the others
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        shares = [order[start :: distributed.world_size()] for start in range(distributed.world_size())]
        mine = self.encoder.encode([texts[i] for i in shares[distributed.rank()]], role, progress)
        together = distributed.gather_rows(mine, [len(share) for share in shares])
        vectors = torch.empty_like(together)
        vectors[torch.tensor([i for share in shares for i in share], dtype=torch.long)] = together
        return vectors


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
