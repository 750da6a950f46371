"""A forward without padding: all texts of a batch in one row of tokens, attention inside groups of equal length.

Everything in a transformer encoder but attention works on tokens, not on texts, so the texts may lie one behind the other
without padding. Attention is computed group by group: texts of one length form a plain [n, L] block that needs no mask. The
embeddings are those of the padded forward up to rounding.

It works through transformers' own hooks (`AttentionInterface`, `AttentionMaskInterface`); no model is copied or patched for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface

from train.encode.dropout import dropout as drop

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

NAME = "embed_tune_groups"
"""Name under which the attention is registered. It must not contain "flash": transformers reads meaning into that word."""

PACKED = "embed_tune_packed"
"""Key under which a wrapped model is given packed rows."""

POSITION_OFFSET = {"bert": 0, "roberta": 2, "xlm-roberta": 2, "camembert": 2, "electra": 0}
"""Model types whose encoders have the attention hook and take `position_ids`, with the position of the first token."""

Group = tuple[int, int]
"""Number of texts and their common length in tokens."""


def grouped_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    groups: Sequence[Group] = (),
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention inside each text of a packed row.

    Args:
        module: the attention layer (unused; part of the interface).
        query, key, value: [1, H, T, d], the T tokens of all texts one behind the other.
        attention_mask: None; there is nothing to mask.
        scaling: factor on the scores.
        dropout: probability on the attention weights.
        groups: how the T tokens divide into texts, in their order.

    Returns:
        [1, T, H, d] and None (no weights).
    """
    sizes = [count * length for count, length in groups]
    heads, width = query.shape[1], query.shape[3]
    scale = scaling if scaling is not None else width**-0.5
    parts = (tensor[0].transpose(0, 1).split(sizes) for tensor in (query, key, value))
    outputs = []
    for (count, length), *group in zip(groups, *parts, strict=True):
        q, k, v = (part.view(count, length, heads, width).transpose(1, 2) for part in group)
        if torch.is_grad_enabled():
            # plain products: the backward pass of the fused kernel is the slower one on a CPU
            weights = torch.softmax(torch.matmul(q * scale, k.transpose(-1, -2)), dim=-1)
            found = torch.matmul(drop(weights, dropout), v)
        else:
            found = nn.functional.scaled_dot_product_attention(q, k, v, scale=scale)
        outputs.append(found.transpose(1, 2).reshape(count * length, heads, width))
    return torch.cat(outputs).unsqueeze(0), None


def no_mask(*args: Any, **kwargs: Any) -> None:
    """The mask of a packed row: none. Registered because transformers gives unknown names no mask without a word."""


AttentionInterface.register(NAME, grouped_attention)
AttentionMaskInterface.register(NAME, no_mask)


def why_not_packed(model: nn.Module) -> str | None:
    """Why a model cannot take the packed forward, in words; None when it can."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    model = unwrapped(model)
    if not isinstance(model, SentenceTransformer):
        return "it is not a Sentence Transformers model"
    modules = list(model)
    if len(modules) < 2 or not isinstance(modules[0], Transformer) or not isinstance(modules[1], Pooling):
        return "it is not a transformer followed by pooling"
    kind, pooling = modules[0].auto_model.config.model_type, _pooling_mode(modules[1])
    obstacles = {
        "many small products do not fill a GPU": model.device.type != "cpu",
        f"{kind} encoders have no hook for it": kind not in POSITION_OFFSET,
        f"{pooling} pooling is not written for it": pooling not in ("mean", "cls"),
        "its pooling leaves the prompt out": not getattr(modules[1], "include_prompt", True),
        "it has modules after pooling that look at tokens": not all(isinstance(m, Dense | Normalize) for m in modules[2:]),
    }
    return next((reason for reason, holds in obstacles.items() if holds), None)


def unwrapped(model: Any) -> Any:
    """The model inside the wrapper that data-parallel training puts around it, or itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


@contextmanager
def packed_through_wrapper(model: SentenceTransformer) -> Iterator[None]:
    """Let the model's own forward take packed rows: `model({PACKED: texts})` is `embed_packed(model, texts)`.

    Data-parallel training sees the forward passes that go through its wrapper, and only sums the gradients of those.
    """
    stock = model.forward

    def forward(features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        if PACKED in features:
            return {"sentence_embedding": embed_packed(model, features[PACKED])}
        return stock(features, **kwargs)

    model.forward = forward  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del model.forward


def _pooling_mode(pooling: Any) -> str:
    mode = getattr(pooling, "pooling_mode", None) or pooling.get_pooling_mode_str()
    return "+".join(mode) if isinstance(mode, list | tuple) else str(mode)


def transformer_of(model: SentenceTransformer) -> Any:
    """The transformers model inside a Sentence Transformers model."""
    return model[0].auto_model


@contextmanager
def grouped(model: SentenceTransformer) -> Iterator[None]:
    """Switch a model's attention to `grouped_attention` for the length of a `with` block."""
    encoder = transformer_of(model)
    before = encoder.config._attn_implementation
    encoder.config._attn_implementation = NAME
    try:
        yield
    finally:
        encoder.config._attn_implementation = before


def embed_packed(model: SentenceTransformer, texts: Sequence[Tensor]) -> Tensor:
    """Embeddings of tokenised texts; the model must be inside `grouped`.

    Args:
        model: passes `why_not_packed`.
        texts: N tensors [L_i] of token ids, special tokens included, ascending in length.

    Returns:
        [N, D], in the order of `texts`.
    """
    encoder = transformer_of(model)
    groups = group_lengths([len(text) for text in texts])
    offset = POSITION_OFFSET[encoder.config.model_type]
    positions = torch.cat([torch.arange(offset, offset + length).repeat(count) for count, length in groups])
    device = encoder.device
    ids = torch.cat(list(texts)).unsqueeze(0).to(device)
    hidden = encoder(
        input_ids=ids, position_ids=positions.unsqueeze(0).to(device), token_type_ids=torch.zeros_like(ids), groups=groups
    )[0][0]
    first_only = _pooling_mode(model[1]) == "cls"
    pooled = []
    for (count, length), part in zip(groups, hidden.split([count * length for count, length in groups]), strict=True):
        block = part.view(count, length, -1)
        pooled.append(block[:, 0] if first_only else block.mean(dim=1))
    features = {"sentence_embedding": torch.cat(pooled)}
    for module in list(model)[2:]:
        features = module(features)
    return features["sentence_embedding"]


def group_lengths(lengths: Sequence[int]) -> list[Group]:
    """Runs of equal lengths: `[3, 3, 5]` → `[(2, 3), (1, 5)]`."""
    groups: list[Group] = []
    for length in lengths:
        if groups and groups[-1][1] == length:
            groups[-1] = (groups[-1][0] + 1, length)
        else:
            groups.append((1, length))
    return groups
