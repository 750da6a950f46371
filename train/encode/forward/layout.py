"""How the texts of a packed row lie: made once a batch from their lengths, on the host, and read by every attention layer.

Letters: N texts, T tokens of all texts, W width of a block, P slots of all blocks (tokens and padding).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

NARROW = 32
"""Up to this many tokens all texts share a block: below it, padding costs less than one more kernel."""

SHORTEST = 0.7
"""A block takes texts of at least this share of its width, so that at most half of its scores are padding."""

Group = tuple[int, int]
"""Number of texts and their common length in tokens."""


class Route(Enum):
    """How attention is computed over a packed row."""

    GROUPS = "attention in groups of equal length"
    FLASH = "attention by flash-attn"
    VARLEN = "attention by torch's varlen attention"
    BLOCKS = "attention by SDPA on padded blocks"


@dataclass(frozen=True)
class Blocks:
    """Blocks of texts of similar length, padded on the right inside attention only.

    Attributes:
        shapes: (n, W, full) of each block, in the order of the texts: n texts, W slots each; full where no slot is padding.
        source: [P] int64 on the device, the token that each slot copies; padding copies the last token of its text.
        target: [T] int64 on the device, the slot of each token.
        lengths: one [n] int64 a block, on the device, tokens of each text.
    """

    shapes: list[tuple[int, int, bool]]
    source: Tensor
    target: Tensor
    lengths: list[Tensor]


@dataclass
class Layout:
    """Where each text of a packed row begins and ends, in the forms that the attention functions need.

    Attributes:
        route: the attention that reads it; decides which of the fields below are there.
        causal: whether a token sees only itself and those before it.
        groups: runs of texts of equal length.
        longest: tokens of the longest text.
        positions: [T] int64 on the device, place of each token in its text, from 0.
        lengths: [N] int64 on the device, tokens of each text.
        ends: [N + 1] int32 on the device, 0 and the running total of the lengths (`cu_seqlens`).
        blocks: for `Route.BLOCKS`.
        masks: masks made by the first layer that needs them, kept for the other layers.
    """

    route: Route
    causal: bool
    groups: list[Group]
    longest: int
    positions: Tensor
    lengths: Tensor
    ends: Tensor
    blocks: Blocks | None
    masks: dict[tuple[int, int | None], Tensor | None] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self.positions.device

    def band(self, width: int, window: int | None) -> Tensor | None:
        """Return which keys each query of a text of `width` tokens sees: [width, width] bool, or None for all of them.

        Args:
            width: tokens.
            window: keys at a distance below it are seen (transformers' `sliding_window`); None for no limit.
        """
        if window is not None and window >= width:
            window = None
        if window is None and not self.causal:
            return None
        places = torch.arange(width, device=self.device)
        distance = places[:, None] - places[None, :]
        seen = distance >= 0 if self.causal else torch.ones_like(distance, dtype=torch.bool)
        return seen if window is None else seen & (distance.abs() < window)

    def group_mask(self, length: int, window: int | None) -> Tensor | None:
        """Return the mask of texts of `length` tokens, [length, length] bool, True where a key is seen; None for no mask."""
        key = (length, window)
        if key not in self.masks:
            self.masks[key] = self.band(length, window)
        return self.masks[key]

    def block_mask(self, blocks: Blocks, number: int, window: int | None) -> Tensor | None:
        """Return the mask of a block, broadcastable to [n, H, W, W], True where a key is seen; None for no mask.

        Queries that are padding see every key of a banded block: a query that sees none has no softmax, and its NaN would
        reach the gradients.
        """
        key = (number, window)
        if key not in self.masks:
            _, width, full = blocks.shapes[number]
            band = self.band(width, window)
            if full:
                self.masks[key] = band
            else:
                real = torch.arange(width, device=self.device) < blocks.lengths[number][:, None]
                alone = real[:, None, None, :]
                self.masks[key] = alone if band is None else (alone & band) | ~real[:, None, :, None]
        return self.masks[key]


def lay_out(lengths: Tensor, device: torch.device, route: Route, causal: bool = False) -> Layout:
    """Return the layout of a packed row.

    Everything is computed on the host and sent along; the device is never waited for.

    Args:
        lengths: [N] int64 on the CPU, at least 1 each; ascending, or groups and blocks are more than they need to be.
        device: where attention is computed.
        route: by which function.
        causal: whether tokens see only those before them.
    """
    groups = group_lengths(lengths.tolist())
    ends = torch.nn.functional.pad(torch.cumsum(lengths, 0), (1, 0))
    positions = torch.arange(int(ends[-1])) - torch.repeat_interleave(ends[:-1], lengths)
    return Layout(
        route=route,
        causal=causal,
        groups=groups,
        longest=max(length for _, length in groups),
        positions=_send(positions, device),
        lengths=_send(lengths, device),
        ends=_send(ends.to(torch.int32), device),
        blocks=_blocks(lengths, ends, positions, block_shapes(groups), device) if route is Route.BLOCKS else None,
    )


def group_lengths(lengths: Sequence[int]) -> list[Group]:
    """Return runs of equal lengths: `[3, 3, 5]` → `[(2, 3), (1, 5)]`."""
    groups: list[Group] = []
    for length in lengths:
        if groups and groups[-1][1] == length:
            groups[-1] = (groups[-1][0] + 1, length)
        else:
            groups.append((1, length))
    return groups


def block_shapes(groups: Sequence[Group]) -> list[tuple[int, int, bool]]:
    """Cut texts into few blocks that pad little: (texts, width, whether none of them is shorter), in the texts' order.

    Built from the longest down. A block of 100 takes texts of 70 to 100 tokens: `[(4, 20), (1, 70), (1, 100)]` →
    `[(4, 20, True), (2, 100, False)]`. Lengths from 20 to 512 make nine blocks at most.
    """
    blocks: list[tuple[int, int, bool]] = []
    for count, length in reversed(groups):
        texts, width, full = blocks[-1] if blocks else (0, 0, True)
        if length <= width and (width <= NARROW or length >= SHORTEST * width):
            blocks[-1] = (texts + count, width, full and length == width)
        else:
            blocks.append((count, length, True))
    return blocks[::-1]


def _blocks(
    lengths: Tensor, ends: Tensor, positions: Tensor, shapes: list[tuple[int, int, bool]], device: torch.device
) -> Blocks:
    """Return the indices of the blocks; `ends` is [N + 1] and `positions` [T], both on the CPU."""
    counts = [texts for texts, _, _ in shapes]
    parts, starts = lengths.split(counts), ends[:-1].split(counts)
    source = [
        (start[:, None] + torch.minimum(torch.arange(width), part[:, None] - 1)).flatten()
        for (_, width, _), part, start in zip(shapes, parts, starts, strict=True)
    ]
    widths = torch.repeat_interleave(torch.tensor([width for _, width, _ in shapes]), torch.tensor(counts))
    target = torch.repeat_interleave(torch.cumsum(widths, 0) - widths, lengths) + positions
    on_device = _send(lengths, device).split(counts)
    return Blocks(shapes, _send(torch.cat(source), device), _send(target, device), list(on_device))


def _send(tensor: Tensor, device: torch.device) -> Tensor:
    """Send a host tensor to a device; from pinned memory the copy does not wait for the GPU."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
