"""A forward without padding: all texts of a batch in one row of tokens, attention inside each text.

Everything in a transformer encoder but attention works on tokens, not on texts, so the texts may lie one behind the other
without padding. Attention is computed text by text (`attention`). The embeddings are those of the padded forward
up to rounding.

It works through transformers' own hooks (`AttentionInterface`, `AttentionMaskInterface`); no model is copied or patched for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from train.encode.forward.attention import NAME, Setting, choose_route
from train.encode.forward.layout import Layout, Route, lay_out
from train.encode.tokens.ragged import Tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKED = "embed_tune_packed"
"""Key under which a wrapped model is given a function that embeds packed rows with the model inside."""


@dataclass(frozen=True)
class Family:
    """What the packed forward must know of a model type.

    Attributes:
        token_types: whether the encoder takes `token_type_ids`.
        after_pad: positions count from the pad token's id plus one (RoBERTa's way), else from 0.
        causal: tokens see only those before them.
    """

    token_types: bool = True
    after_pad: bool = False
    causal: bool = False


FAMILIES = {
    "albert": Family(),
    "bert": Family(),
    "camembert": Family(after_pad=True),
    "distilbert": Family(token_types=False),
    "electra": Family(),
    "eurobert": Family(token_types=False),
    "gte": Family(),
    "jina_embeddings_v3": Family(),
    "modernbert": Family(token_types=False),
    "nomic_bert": Family(),
    "qwen3": Family(token_types=False, causal=True),
    "roberta": Family(after_pad=True),
    "xlm-roberta": Family(after_pad=True),
}
"""Model types of transformers whose encoders have the attention hook and take `position_ids`; each was compared with its padded
forward."""

POOLINGS = ("mean", "cls", "lasttoken")
"""Poolings that are written for packed rows."""


def why_not_packed(model: nn.Module) -> str | None:
    """Return why a model cannot take the packed forward, in words; None when it can."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    model = unwrapped(model)
    if not isinstance(model, SentenceTransformer):
        return "it is not a Sentence Transformers model"
    modules = list(model)
    if len(modules) < 2 or not isinstance(modules[0], Transformer) or not isinstance(modules[1], Pooling):
        return "it is not a transformer followed by pooling"
    pooling, device = _pooling_mode(modules[1]), model.device.type
    if obstacle := _why_not_encoder(modules[0].auto_model):
        return obstacle
    obstacles = {
        f"no packed attention is written for {device} devices": device not in ("cpu", "cuda"),
        f"{pooling} pooling is not written for it": pooling not in POOLINGS,
        "its pooling leaves the prompt out": not getattr(modules[1], "include_prompt", True),
        "it has modules after pooling that look at tokens": not all(isinstance(m, Dense | Normalize) for m in modules[2:]),
    }
    return next((reason for reason, holds in obstacles.items() if holds), None)


def _why_not_encoder(encoder: Any) -> str | None:
    """Return why an encoder cannot be packed, whatever comes after it; None when it can."""
    config = encoder.config
    kind = config.model_type
    if not type(encoder).__module__.startswith("transformers.models."):
        return f"{type(encoder).__name__} is not transformers' own code"
    if kind not in FAMILIES:
        hook = getattr(encoder, "_supports_attention_backend", False)
        return f"{kind} encoders have not been checked with it" if hook else f"{kind} encoders have no hook for it"
    if getattr(config, "is_decoder", False) or getattr(config, "is_causal", FAMILIES[kind].causal) != FAMILIES[kind].causal:
        return f"this {kind} model differs from other {kind} models in whether tokens see those after them"
    return None


def attention_path(model: nn.Module, dtype: torch.dtype | None = None, training: bool | None = None) -> str:
    """Return one line for the log: whether texts are packed, by which attention, and why not by a better one.

    Args:
        model: a Sentence Transformers model.
        dtype: in which attention will be computed; what autocast or the weights have now, if None.
        training: whether dropout will be on; as the model is now, if None.
    """
    if obstacle := why_not_packed(model):
        return f"sorted by length, in chunks ({obstacle})"
    route, reason = choose_route(setting_of(transformer_of(unwrapped(model)), dtype, training))
    return f"packed without padding, {route.value}" + (f" ({reason})" if reason else "")


def setting_of(encoder: Any, dtype: torch.dtype | None = None, training: bool | None = None) -> Setting:
    """Return what the choice of attention depends on, for a transformers model in its present state."""
    config, device = encoder.config, encoder.device
    if dtype is None:
        autocast = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if autocast else encoder.dtype
    rate = getattr(config, "attention_probs_dropout_prob", None) or getattr(config, "attention_dropout", None) or 0.0
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Setting(device, dtype, float(rate) if (encoder.training if training is None else training) else 0.0, width)


def unwrapped(model: Any) -> Any:
    """Return the model inside the wrapper that data-parallel training puts around it, or itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


@contextmanager
def packed_through_wrapper(model: SentenceTransformer) -> Iterator[None]:
    """Let the model's own forward take a function: `model({PACKED: embed})` gives what `embed()` gives.

    Data-parallel training sees the forward passes that go through its wrapper, and only sums the gradients of those.
    """
    stock = model.forward

    def forward(features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        if PACKED in features:
            return {"sentence_embedding": features[PACKED]()}
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
    """Return the transformers model inside a Sentence Transformers model."""
    return model[0].auto_model


@contextmanager
def grouped(model: SentenceTransformer) -> Iterator[None]:
    """Switch a model's attention to `packed_attention` for the length of a `with` block."""
    config = transformer_of(model).config
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def embed_packed(model: SentenceTransformer, texts: Tokens, words: Tensor | None = None) -> Tensor:
    """Return the embeddings of tokenised texts; the model must be inside `grouped`.

    Args:
        model: passes `why_not_packed`.
        texts: N texts, special tokens included, ascending in length (any order is right, that one is fast).
        words: [T, E], what the model's table of word embeddings has for their tokens, if that was looked up already.

    Returns:
        [N, D], in the order of `texts`.
    """
    encoder = transformer_of(model)
    family = FAMILIES[encoder.config.model_type]
    route, _ = choose_route(setting_of(encoder))
    layout = lay_out(texts.lengths, encoder.device, route, family.causal)
    features = {"sentence_embedding": _pool(_encode(encoder, family, texts, layout, words), layout, _pooling_mode(model[1]))}
    for module in list(model)[2:]:
        features = module(features)
    return features["sentence_embedding"]


def _encode(encoder: Any, family: Family, texts: Tokens, layout: Layout, words: Tensor | None) -> Tensor:
    """Return the hidden states [T, D] of a packed row."""
    positions = layout.positions.unsqueeze(0)
    inputs: dict[str, Any] = {
        "position_ids": positions + encoder.config.pad_token_id + 1 if family.after_pad else positions,
        **({"input_ids": texts.to(layout.device).ids[None]} if words is None else {"inputs_embeds": words[None]}),
    }
    if family.token_types:
        inputs["token_type_ids"] = torch.zeros_like(positions)
    if family.causal:
        # given as ready-made masks, they are not made: that would look for packed texts in the positions, and wait for the GPU
        inputs["attention_mask"] = {"full_attention": None, "sliding_attention": None}
        inputs["use_cache"] = False
    return encoder(**inputs, layout=layout)[0][0]


def _pool(hidden: Tensor, layout: Layout, pooling: str) -> Tensor:
    """Return [N, D] from hidden states [T, D]."""
    if pooling == "cls":
        return hidden.index_select(0, layout.ends[:-1])
    if pooling == "lasttoken":
        return hidden.index_select(0, layout.ends[1:] - 1)
    if layout.route is Route.GROUPS:
        parts = hidden.split([count * length for count, length in layout.groups])
        blocks = (part.view(*group, -1) for group, part in zip(layout.groups, parts, strict=True))
        return torch.cat([block.mean(dim=1) for block in blocks])
    # unsafe: do not check that the lengths add up, which would wait for the GPU; they do
    means = torch.segment_reduce(hidden.float(), "mean", lengths=layout.lengths, unsafe=True)
    return means.to(hidden.dtype)
