"""Tokenised texts without padding: what the collator packs, the forward reads and the token cache hands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """N tokenised texts, one behind the other.

    Attributes:
        ids: [T] int64, the token ids of all texts, special tokens included; on any device.
        lengths: [N] int64, tokens of each text, at least 1, adding up to T; always on the CPU, where batches are laid out, so
            that a GPU is never waited for.
    """

    ids: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        """Return N, the number of texts."""
        return len(self.lengths)

    @property
    def total(self) -> int:
        """T, the number of tokens."""
        return len(self.ids)

    @classmethod
    def from_padded(cls, input_ids: Tensor, attention_mask: Tensor) -> Tokens:
        """Take the tokens from a tokenizer's [N, W] ids and mask (1 for a token), padded on either side."""
        real = attention_mask.bool()
        return cls(input_ids[real].long(), real.sum(dim=1).cpu())

    @classmethod
    def join(cls, parts: Sequence[Tokens]) -> Tokens:
        """Return the texts of all parts, in order; at least one part."""
        return cls(torch.cat([part.ids for part in parts]), torch.cat([part.lengths for part in parts]))

    def select(self, rows: Tensor) -> Tokens:
        """Select some texts, or all in another order; `rows` is [M] int64 on the CPU."""
        starts = torch.cumsum(self.lengths, 0) - self.lengths
        lengths = self.lengths[rows]
        ends = torch.cumsum(lengths, 0)
        # token t of the result belongs to the text whose range holds t, as far from its start as t is from the range's
        places = torch.repeat_interleave(starts[rows] - (ends - lengths), lengths) + torch.arange(int(lengths.sum()))
        return Tokens(self.ids[places.to(self.ids.device)], lengths)

    def split(self) -> list[Tensor]:
        """Return N tensors [L_i] of token ids (views)."""
        return list(self.ids.split(self.lengths.tolist()))

    def padded(self, pad: int) -> tuple[Tensor, Tensor]:
        """Return ids [N, W] padded on the right with `pad` to the longest text, and the mask [N, W] (int64, 1 for a token)."""
        width = int(self.lengths.max())
        mask = torch.arange(width)[None, :] < self.lengths[:, None]
        mask = mask.to(self.ids.device)
        ids = torch.full(mask.shape, pad, dtype=self.ids.dtype, device=self.ids.device)
        ids[mask] = self.ids
        return ids, mask.long()

    def to(self, device: torch.device | str, non_blocking: bool = True) -> Tokens:
        """Move the ids to a device; lengths stay on the CPU."""
        return Tokens(self.ids.to(device, non_blocking=non_blocking), self.lengths)
