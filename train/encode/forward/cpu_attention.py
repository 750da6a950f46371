"""Attention on a CPU in groups of texts of equal length, with a backward pass of its own.

Texts of one length form plain [n, L] blocks that need neither mask nor padding. A batch has some dozens of lengths, and every
layer goes through them all, so what each group costs besides its matrix products decides the speed: here a group takes two
products forward and four backward, and no node of autograd's.

Letters: T tokens of all texts, H heads, d width of a head; a group has n texts of L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from train.encode.forward.cpu_dropout import keep_mask
from train.encode.forward.layout import Group

CACHE_BYTES = 4 << 20
"""Scores that are worked on at a time; about what a core has of the last cache."""


def attend_in_groups(
    q: Tensor, k: Tensor, v: Tensor, groups: Sequence[Group], scale: float, dropout: float, masks: Sequence[Tensor | None]
) -> Tensor:
    """Return softmax(q kᵀ · scale) v within each text, with dropout on the softmax (arXiv:1706.03762, equation 1).

    Args:
        q, k, v: [T, H, d] on the CPU, the T tokens of all texts one behind the other.
        groups: how they divide into texts: (n, L) of each run of n texts with L tokens.
        scale: factor on the products of queries and keys.
        dropout: probability with which a weight becomes 0.
        masks: for each group [L, L] bool, True where a key is seen, or None for all keys.

    Returns:
        [T, H, d].
    """
    parts = [_cut(n, length, q.shape[1]) for n, length in groups]
    cut = [(n, length) for (_, length), part in zip(groups, parts, strict=True) for n in part]
    masks = [mask for mask, part in zip(masks, parts, strict=True) for _ in part]
    return _GroupedAttention.apply(q, k, v, cut, scale, dropout, masks)


def _cut(n: int, length: int, heads: int) -> list[int]:
    """Return the numbers of texts that go together, so that what is computed of them stays in the CPU's cache."""
    most = max(1, CACHE_BYTES // (4 * heads * length * length))
    return [min(most, n - start) for start in range(0, n, most)]


class _GroupedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        groups: Sequence[Group],
        scale: float,
        dropout: float,
        masks: Sequence[Tensor | None],
    ) -> Tensor:
        kept, factor = (
            keep_mask(sum(n * q.shape[1] * length * length for n, length in groups), dropout) if dropout else (None, 1.0)
        )
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        saved: list[Tensor] = []
        drops = _drops(kept, groups, q.shape[1])
        for (part, n, length), mask, drop in zip(_parts(groups), masks, drops, strict=True):
            a, b, c = (_to_heads(x[part], n, length) for x in (q, k, v))
            weights = _softmax(_product(a, b.transpose(1, 2), scale), mask)
            used = weights if drop is None else weights * drop.to(weights.dtype)
            _from_heads(_product(used, c, factor), n, length, out[part])
            saved += [a, b, c, weights] if drop is None else [a, b, c, weights, drop]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.scale, ctx.factor, ctx.drops = groups, scale, factor, kept is not None
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (gradient,) = gradients
        gq, gk, gv = (torch.empty_like(gradient, memory_format=torch.contiguous_format) for _ in range(3))
        tensors = iter(ctx.saved_tensors)
        for part, n, length in _parts(ctx.groups):
            a, b, c, weights = (next(tensors) for _ in range(4))
            g = _to_heads(gradient[part], n, length)
            inner = _product(g, c.transpose(1, 2), ctx.factor)
            used = weights
            if ctx.drops:
                drop = next(tensors).to(weights.dtype)
                used = weights * drop
                inner.mul_(drop)
            _from_heads(_product(used.transpose(1, 2), g, ctx.factor), n, length, gv[part])
            scores = torch._softmax_backward_data(inner, weights, -1, weights.dtype)
            _from_heads(_product(scores, b, ctx.scale), n, length, gq[part])
            _from_heads(_product(scores.transpose(1, 2), a, ctx.scale), n, length, gk[part])
        return gq, gk, gv, None, None, None, None


def _parts(groups: Sequence[Group]) -> Iterator[tuple[slice, int, int]]:
    """Yield each group's tokens among all, n and L."""
    start = 0
    for n, length in groups:
        yield slice(start, start + n * length), n, length
        start += n * length


def _drops(kept: Tensor | None, groups: Sequence[Group], heads: int) -> list[Tensor | None]:
    """Return the part of the dropout mask that each group gets, [nH, L, L]."""
    if kept is None:
        return [None] * len(groups)
    parts = kept.split([n * heads * length * length for n, length in groups])
    return [part.view(n * heads, length, length) for part, (n, length) in zip(parts, groups, strict=True)]


def _to_heads(x: Tensor, n: int, length: int) -> Tensor:
    """Bring [n · L, H, d] into the form [n · H, L, d]."""
    heads, width = x.shape[1:]
    return x.reshape(n, length, heads, width).transpose(1, 2).reshape(n * heads, length, width)


def _from_heads(x: Tensor, n: int, length: int, out: Tensor) -> None:
    """Write [n · H, L, d] into `out` [n · L, H, d]."""
    heads, width = out.shape[1:]
    out.view(n, length, heads, width).copy_(x.view(n, heads, length, width).transpose(1, 2))


def _product(a: Tensor, b: Tensor, scale: float) -> Tensor:
    """Return a b · scale, scaled inside the product."""
    out = a.new_empty(a.shape[0], a.shape[1], b.shape[2])
    return torch.baddbmm(out, a, b, beta=0, alpha=scale)


def _softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    if mask is not None:
        scores.masked_fill_(~mask, float("-inf"))
    # the sum over the keys needs fp32 even where the products are bf16
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
