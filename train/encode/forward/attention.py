"""Attention over a packed row, in four ways, and the choice among them.

On a CPU, groups of exactly equal length are plain [n, L] blocks that need neither mask nor padding. On a GPU that would be many
small kernels: there a kernel for texts of varying length is taken, or few padded blocks.

Letters: T tokens of all texts, H heads, K heads of keys and values (H, or a divisor of it), d width of a head.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface

from data.errors import EmbedTuneError
from train.encode.forward.cpu_attention import attend_in_groups
from train.encode.forward.layout import Blocks, Layout, Route

NAME = "embed_tune_groups"
"""Name under which the attention is registered. It must not contain "flash": transformers reads meaning into that word."""

WIDEST_HEAD = 256
"""Flash kernels take heads whose width is a multiple of 8 up to this."""


@dataclass(frozen=True)
class Setting:
    """What the choice of a route depends on.

    Attributes:
        device: where the model is.
        dtype: of queries, keys and values (autocast's where it is on).
        dropout: on the attention weights, 0 in evaluation.
        head_width: d.
    """

    device: torch.device
    dtype: torch.dtype
    dropout: float
    head_width: int


def choose_route(setting: Setting) -> tuple[Route, str]:
    """Return the fastest attention that fits, and why not a faster one (empty where it is the fastest)."""
    if setting.device.type == "cpu":
        return Route.GROUPS, ""
    if obstacle := _why_no_flash_kernel(setting):
        return Route.BLOCKS, obstacle
    if flash_function() is not None:
        return Route.FLASH, ""
    if varlen_function() is None:
        return Route.BLOCKS, "flash-attn is not installed, and this PyTorch has no varlen attention"
    if setting.dropout > 0:
        return Route.BLOCKS, "flash-attn is not installed, and torch's varlen attention has no dropout"
    return Route.VARLEN, "no attention dropout is wanted; flash-attn is not installed"


def _why_no_flash_kernel(setting: Setting) -> str:
    """Return why neither flash-attn nor torch's own flash kernel can run; empty when they can."""
    if setting.dtype not in (torch.bfloat16, torch.float16):
        return f"flash kernels do not take {str(setting.dtype).removeprefix('torch.')}"
    if setting.head_width % 8 or setting.head_width > WIDEST_HEAD:
        return f"flash kernels do not take heads of {setting.head_width}"
    if capability(setting.device) < (8, 0):
        return "flash kernels need a GPU of compute capability 8.0 or more"
    return ""


def capability(device: torch.device) -> tuple[int, int]:
    """Return the compute capability of a CUDA device."""
    return torch.cuda.get_device_capability(device)


@functools.cache
def flash_function() -> Callable[..., Tensor] | None:
    """Return `flash_attn_varlen_func` of the flash-attn package, or None where it is absent or was built for another PyTorch."""
    try:
        from flash_attn import flash_attn_varlen_func
    except ImportError:
        return None
    return flash_attn_varlen_func


@functools.cache
def varlen_function() -> Callable[..., Tensor] | None:
    """Return `varlen_attn` of PyTorch (2.11 and later have `scale` and `window_size`), or None."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return cast("Callable[..., Tensor]", varlen_attn)  # it gives more than the output only when asked to


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    layout: Layout | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute attention inside each text of a packed row; transformers calls it in every layer.

    Args:
        module: the attention layer (unused; part of the interface).
        query: [1, H, T, d], the T tokens of all texts one behind the other.
        key, value: [1, K, T, d].
        attention_mask: None; which tokens see which follows from the layout.
        scaling: factor on the scores; d^-0.5 if None.
        dropout: probability on the attention weights; 0 outside training.
        sliding_window: only keys at a distance below it are seen; None for all.
        layout: how the T tokens divide into texts.

    Returns:
        [1, T, H, d] and None (no weights).

    Raises:
        EmbedTuneError: the model was called without a layout, that is not through `embed_packed`.
    """
    if layout is None:
        raise EmbedTuneError("a model inside `grouped` was called with padded texts; only `embed_packed` may call it")
    scale = scaling if scaling is not None else query.shape[3] ** -0.5
    q, k, v = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
    q, k = q.to(v.dtype), k.to(v.dtype)  # under autocast, rotary positions leave fp32 queries and keys beside bf16 values
    if k.shape[1] != q.shape[1] and layout.route is not Route.FLASH:
        k, v = (tensor.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for tensor in (k, v))
    return ATTENTION[layout.route](layout, q, k, v, scale, dropout, sliding_window).unsqueeze(0), None


def by_groups(layout: Layout, q: Tensor, k: Tensor, v: Tensor, scale: float, dropout: float, window: int | None) -> Tensor:
    """Attend group by group; q, k, v and the result are [T, H, d]."""
    masks = [layout.group_mask(length, window) for _, length in layout.groups]
    if torch.is_grad_enabled() or dropout:
        # plain products: the backward pass of the fused kernel is the slower one on a CPU
        return attend_in_groups(q, k, v, layout.groups, scale, dropout, masks)
    heads, width = q.shape[1:]
    sizes = [count * length for count, length in layout.groups]
    parts = (tensor.split(sizes) for tensor in (q, k, v))
    outputs = []
    for (count, length), mask, *group in zip(layout.groups, masks, *parts, strict=True):
        a, b, c = (part.view(count, length, heads, width).transpose(1, 2) for part in group)
        found = nn.functional.scaled_dot_product_attention(a, b, c, attn_mask=mask, scale=scale)
        outputs.append(found.transpose(1, 2).reshape(count * length, heads, width))
    return torch.cat(outputs)


def by_flash(layout: Layout, q: Tensor, k: Tensor, v: Tensor, scale: float, dropout: float, window: int | None) -> Tensor:
    """Attend by the flash-attn package; q and the result are [T, H, d], k and v [T, K, d]."""
    attend = flash_function()
    if attend is None:
        raise EmbedTuneError("flash-attn was chosen, but it cannot be imported", hint="install flash-attn, or remove it")
    ends, longest = layout.ends, layout.longest
    return attend(
        q,
        k,
        v,
        ends,
        ends,
        longest,
        longest,
        dropout_p=dropout,
        softmax_scale=scale,
        causal=layout.causal,
        window_size=_window_size(layout, window),
    )


def by_varlen(layout: Layout, q: Tensor, k: Tensor, v: Tensor, scale: float, dropout: float, window: int | None) -> Tensor:
    """Attend by PyTorch's own kernel for texts of varying length; q, k, v and the result are [T, H, d]."""
    attend = varlen_function()
    if attend is None or dropout > 0:
        raise EmbedTuneError(
            f"an attention layer asks for dropout {dropout}, which torch's varlen attention does not have"
            if attend
            else "torch's varlen attention was chosen, but this PyTorch has none",
            hint="set the attention dropout in the model's config.json, not on its layers",
        )
    ends, longest = layout.ends, layout.longest
    return attend(q, k, v, ends, ends, longest, longest, scale=scale, window_size=_window_size(layout, window))


def _window_size(layout: Layout, window: int | None) -> tuple[int, int]:
    """Return the keys seen before and after a query, as flash kernels count them: inclusive, -1 without a limit."""
    reach = -1 if window is None else window - 1
    return reach, 0 if layout.causal else reach


def by_blocks(layout: Layout, q: Tensor, k: Tensor, v: Tensor, scale: float, dropout: float, window: int | None) -> Tensor:
    """Attend by SDPA on blocks of texts of similar length, padded for this call only; q, k, v and the result are [T, H, d]."""
    blocks = layout.blocks
    if blocks is None:
        raise EmbedTuneError("the layout of a packed row has no blocks")
    heads, width = q.shape[1:]
    sizes = [texts * slots for texts, slots, _ in blocks.shapes]
    parts = (_spread(tensor, blocks).split(sizes) for tensor in (q, k, v))
    outputs = []
    for number, ((texts, slots, _), *block) in enumerate(zip(blocks.shapes, *parts, strict=True)):
        a, b, c = (part.view(texts, slots, heads, width).transpose(1, 2) for part in block)
        mask = layout.block_mask(blocks, number, window)
        found = nn.functional.scaled_dot_product_attention(a, b, c, attn_mask=mask, dropout_p=dropout, scale=scale)
        outputs.append(found.transpose(1, 2).reshape(texts * slots, heads, width))
    return torch.cat(outputs).index_select(0, blocks.target)


def _spread(x: Tensor, blocks: Blocks) -> Tensor:
    """Copy [T, H, d] tokens to their slots [P, H, d]; padding copies a token of its text, so that it is finite."""
    return _Spread.apply(x, blocks.source, blocks.target)


class _Spread(torch.autograd.Function):
    """Gathers tokens into slots, and their gradients back.

    Padding has no gradient: nobody reads its result, and its keys have weight 0. So the gradient of a token is that of its own
    slot, another gather; the general backward pass would add up all slots with atomics, slower and in no fixed order.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, source: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(target)
        return x.index_select(0, source)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (target,) = ctx.saved_tensors
        return gradients[0].index_select(0, target), None, None


ATTENTION = {Route.GROUPS: by_groups, Route.FLASH: by_flash, Route.VARLEN: by_varlen, Route.BLOCKS: by_blocks}
"""The function of each route: (layout, q, k, v, scale, dropout, window) → [T, H, d]."""


def no_mask(*args: Any, **kwargs: Any) -> None:
    """Return the mask of a packed row: none. Registered because transformers silently gives unknown names no mask."""


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, no_mask)
