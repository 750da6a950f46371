"""An encoder that remembers: the base is asked for the same corpus several times and changes never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from train.encode.contract import Role
from train.encode.opened import TextEncoder
from train.encode.wrapped import WrappedEncoder

if TYPE_CHECKING:
    from torch import Tensor


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
