"""An encoder whose work the processes of a run share: each encodes its part of the texts, all get all vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from train import distributed
from train.encode.contract import Role
from train.encode.wrapped import WrappedEncoder

if TYPE_CHECKING:
    from torch import Tensor


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
