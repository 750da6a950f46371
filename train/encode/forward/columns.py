"""The forward over all columns of a batch together, without padding where the model allows it.

A batch padded to its longest text spends most of its tokens on padding (60% on STS-B). Rows do not see each other in an
encoder, so the order in which they pass is free: sorted by length they are either packed into one row without any padding
(`train.encode.forward.packed`) or forwarded in chunks that hardly pad. The embeddings are the same.

Batches of any size fit into memory: where the activations of all chunks would not, those of some chunks are not kept, and these
chunks are forwarded once more when their gradient is needed (gradient caching, arXiv:2101.06983).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from train.encode.forward.cpu_dropout import draw_seed
from train.encode.forward.cpu_halves import Part, embed_in_halves
from train.encode.forward.packed import PACKED, embed_packed, grouped, transformer_of, unwrapped, why_not_packed
from train.encode.tokens.ragged import Tokens

TRAIN_TOKENS = {"cpu": 2048, "cuda": 65536}
"""Tokens in a chunk at most, by device type: a GPU wants large ones, and the chunk is what has to be in memory at once."""

ENCODE_TOKENS = {"cpu": 2048, "cuda": 65536}
"""The same without gradients: on a CPU small chunks stay in its cache."""

KEEP_BYTES = 3 << 30
"""Activations that are kept for the backward pass on a CPU; on a GPU half of its memory."""

BF16_SHARE = 0.65
"""What is kept under bf16 autocast, as a share of what fp32 keeps: 0.52 (short texts) to 0.63 (256 tokens) with MiniLM."""

FEWEST_TOKENS = 256
"""A half of a batch on a CPU has at least so many tokens; smaller batches are not divided."""

ATTENTION_COST = 400
"""A token of a text of so many tokens costs twice as much as one of a very short text, on a CPU."""


def embed_columns(
    model: Any, columns: Sequence[Tokens], keep_bytes: int | None = None, chunk_tokens: int | None = None, one_pass: bool = False
) -> list[Tensor]:
    """Return the embeddings of every column of a batch.

    Args:
        model: a SentenceTransformer, or a wrapper that is called like one.
        columns: the tokenised texts of each column.
        keep_bytes: activations kept for the backward pass at most; by default what suits the device.
        chunk_tokens: tokens in a forward pass at most (a longer single text is its own pass); by default what suits the device.
        one_pass: a single padded forward; sharded models need the same number of passes on every process.

    Returns:
        One tensor [N, D] a column, rows in the order in which they came.
    """
    inner = unwrapped(model)
    together = Tokens.join(columns)
    order = torch.sort(together.lengths, stable=True).indices
    texts = together.select(order)
    if one_pass:
        found = _padded(model, texts)
    elif why_not_packed(inner) is None and inner is model and inner.device.type == "cpu":
        found = embed_in_halves(model, _halves(model, texts, keep_bytes, chunk_tokens))
    else:
        found = _through(model, lambda: _chunk_by_chunk(inner, texts, keep_bytes, chunk_tokens))
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order))
    return list(found.index_select(0, inverse.to(found.device)).split([len(column) for column in columns]))


def _halves(model: Any, texts: Tokens, keep_bytes: int | None, chunk_tokens: int | None) -> list[list[Part]]:
    """Divide texts of ascending length into two lists of parts that cost about the same; into one where that does not pay."""
    graph = torch.is_grad_enabled()
    budget = chunk_tokens or (TRAIN_TOKENS if graph else ENCODE_TOKENS)["cpu"]
    cost = torch.cumsum(texts.lengths * (1 + texts.lengths / ATTENTION_COST), 0)
    middle = int(torch.searchsorted(cost, cost[-1] / 2, right=True))  # 0 only where there is one text
    divides = middle > 0 and texts.total >= 2 * FEWEST_TOKENS and torch.get_num_threads() > 1
    cuts = [middle, len(texts) - middle] if divides else [len(texts)]
    left = (KEEP_BYTES if keep_bytes is None else keep_bytes) / len(cuts)
    halves = []
    for lengths in texts.lengths.split(cuts):
        keeps = _keeps(model, _chunks(lengths.tolist(), budget), lengths, left)
        halves.append([(count, graph and keep) for count, keep in keeps])
    pieces = iter(_pieces(texts, [count for half in halves for count, _ in half]))
    drops = graph or model.training  # plain encoding draws no seeds: how often a run is judged must not change its training
    return [[Part(next(pieces), keep, draw_seed() if drops else 0) for _, keep in half] for half in halves]


def _chunk_by_chunk(model: Any, texts: Tokens, keep_bytes: int | None, chunk_tokens: int | None) -> Tensor:
    """Embed texts of ascending length one chunk after the other: packed where the model allows it, otherwise padded."""
    device = model.device.type
    packs = why_not_packed(model) is None
    graph = torch.is_grad_enabled()
    budgets = TRAIN_TOKENS if graph else ENCODE_TOKENS
    chunks = _chunks(texts.lengths.tolist(), chunk_tokens or budgets.get(device, budgets["cpu"]), padded=not packs)
    if keep_bytes is None:
        keep_bytes = torch.cuda.get_device_properties(model.device).total_memory // 2 if device == "cuda" else KEEP_BYTES
    keeps = [keep or not graph for _, keep in _keeps(model, chunks, texts.lengths, keep_bytes)]
    embed = _packed if packs else _padded
    return torch.cat(
        [
            embed(model, piece) if keep else _embed_twice(embed, model, piece)
            for piece, keep in zip(_pieces(texts, chunks), keeps, strict=True)
        ]
    )


def _embed_twice(embed: Callable[[Any, Tokens], Tensor], model: Any, texts: Tokens) -> Tensor:
    """Return what `embed` gives, and compute it again for the backward pass with the same dropout."""
    # a tensor among the arguments tells `checkpoint` the device whose generator it must put back; it looks into no dataclass
    return checkpoint(
        lambda ids: embed(model, Tokens(ids, texts.lengths)), texts.to(model.device, non_blocking=False).ids, use_reentrant=False
    )


def _through(model: Any, embed: Callable[[], Tensor]) -> Tensor:
    """Call a function, inside the forward pass of the wrapper where there is one, so that this sees the gradients."""
    return embed() if unwrapped(model) is model else model({PACKED: embed})["sentence_embedding"]


def _packed(model: Any, texts: Tokens) -> Tensor:
    with grouped(model):
        return embed_packed(model, texts)


def _padded(model: Any, texts: Tokens) -> Tensor:
    pad = getattr(unwrapped(model).tokenizer, "pad_token_id", None)
    ids, mask = texts.to(unwrapped(model).device).padded(pad or 0)
    return model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]


def _pieces(texts: Tokens, counts: list[int]) -> list[Tokens]:
    """Yield consecutive texts, so many in each piece."""
    lengths = texts.lengths.split(counts)
    return [Tokens(ids, part) for ids, part in zip(texts.ids.split([int(part.sum()) for part in lengths]), lengths, strict=True)]


def _chunks(lengths: Sequence[int], budget: int, padded: bool = False) -> list[int]:
    """Return how many consecutive texts of ascending length fit the budget each time; padded ones count like the longest."""
    counts = [0]
    used = 0
    for length in lengths:
        used = (counts[-1] + 1) * length if padded else used + length
        if counts[-1] and used > budget:
            counts.append(0)
            used = length
        counts[-1] += 1
    return counts


def _keeps(model: Any, chunks: Sequence[int], lengths: Tensor, budget: float) -> list[tuple[int, bool]]:
    """Return for each chunk its number of texts and whether its activations are kept, as many as fit from the first one on."""
    used = 0.0
    out = []
    for count, part in zip(chunks, lengths.split(list(chunks)), strict=True):
        used += activation_bytes(model, part)
        out.append((count, used <= budget))
    return out


def activation_bytes(model: Any, lengths: Tensor) -> float:
    """Estimate what the forward pass of texts keeps for the backward pass; 0 for a model of another kind.

    That is per layer and token 16 hidden vectors, two vectors of the feed-forward layer, and a row of attention weights per head
    with its dropout; in fp32, or under autocast if it is on.

    Args:
        model: a SentenceTransformer.
        lengths: [N] tokens of each text.
    """
    try:
        config = transformer_of(model).config
        hidden, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    except (AttributeError, TypeError, IndexError):
        return 0.0
    inner = getattr(config, "intermediate_size", None) or 4 * hidden
    tokens = float(lengths.sum())
    share = BF16_SHARE if torch.is_autocast_enabled(model.device.type) else 1.0
    return share * layers * (tokens * 4 * (16 * hidden + 2 * inner) + 5 * heads * float((lengths * lengths).sum()))
