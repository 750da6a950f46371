"""The forward over all columns of a batch together, without padding where the model allows it.

A batch padded to its longest text spends most of its tokens on padding (60% on STS-B). Rows do not see each other in an
encoder, so the order in which they pass is free: sorted by length they are either packed into one row without any padding
(`train.encode.packed`) or forwarded in chunks that hardly pad. The embeddings are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from train.encode.packed import PACKED, embed_packed, grouped, unwrapped, why_not_packed

PACKED_TOKENS = 8192
"""Tokens in one packed row at most; more would only need more memory."""

CHUNK_TOKENS = {"cpu": 2048, "cuda": 65536}
"""Padded tokens a chunk by device type: on a CPU small chunks stay in the cache, on a GPU large ones keep it busy."""

SEQUENCE_KEYS = ("input_ids", "attention_mask", "token_type_ids")


def can_sort(features: Sequence[dict[str, Tensor]]) -> bool:
    """Whether these features are plain token sequences padded on the right, which may be trimmed and regrouped.

    `prompt_length`, which only columns with a prompt have, is no obstacle: only pooling that leaves the prompt out reads it
    (see `leaves_prompt_out`).
    """
    kinds = set()
    for column in features:
        tensors = {key for key, value in column.items() if isinstance(value, Tensor)} - {"prompt_length"}
        if not {"input_ids", "attention_mask"} <= tensors or not tensors <= set(SEQUENCE_KEYS):
            return False
        mask = column["attention_mask"]
        if not bool((mask[:, 0] == 1).all()):
            return False
        kinds.add(frozenset(tensors))
    return len(kinds) == 1


def leaves_prompt_out(model: torch.nn.Module) -> bool:
    """Whether pooling skips the tokens of the prompt (Instructor models); rows of several columns cannot be mixed then."""
    return any(not getattr(module, "include_prompt", True) for module in model.modules())


def embed_columns(
    model: Any, features: Sequence[dict[str, Tensor]], chunk_tokens: int | None = None, one_pass: bool = False
) -> list[Tensor]:
    """Embeddings of every column of a batch.

    Args:
        model: a SentenceTransformer, or a wrapper that is called like one.
        features: one dict a column, each with `input_ids` and `attention_mask` [B, T] padded on the right.
        chunk_tokens: tokens a forward pass at most (a longer single row is its own pass).
        one_pass: a single padded forward; sharded models need the same number of passes on every process.

    Returns:
        One tensor [B, D] a column, rows in the order in which they came.
    """
    lengths = torch.cat([column["attention_mask"].sum(dim=1) for column in features]).cpu()
    order = torch.sort(lengths, stable=True).indices
    embed = _in_chunks if one_pass or why_not_packed(model) is not None else _packed
    chunk_tokens = len(lengths) * int(lengths.max()) if one_pass else chunk_tokens
    together = torch.cat(embed(model, features, order.tolist(), lengths.tolist(), chunk_tokens))
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order))
    together = together.index_select(0, inverse.to(together.device))
    return list(together.split([len(column["input_ids"]) for column in features]))


def _packed(
    model: Any, features: Sequence[dict[str, Tensor]], order: list[int], lengths: list[int], budget: int | None
) -> list[Tensor]:
    """Rows in ascending length, packed."""
    rows = [
        ids[:length] for ids, length in zip((row for column in features for row in column["input_ids"]), lengths, strict=True)
    ]
    inner = unwrapped(model)
    with grouped(inner):
        return [
            embed_packed(inner, [rows[i] for i in part])
            if inner is model
            else model({PACKED: [rows[i] for i in part]})["sentence_embedding"]
            for part in _chunks(order, lengths, budget or PACKED_TOKENS, padded=False)
        ]


def _in_chunks(
    model: Any, features: Sequence[dict[str, Tensor]], order: list[int], lengths: list[int], budget: int | None
) -> list[Tensor]:
    """Rows in ascending length, in chunks trimmed to their longest."""
    device = features[0]["input_ids"].device
    merged = _merge_columns(features, max(lengths))
    outputs = []
    for rows in _chunks(order, lengths, budget or CHUNK_TOKENS.get(device.type, CHUNK_TOKENS["cpu"])):
        index = torch.tensor(rows, device=device)
        chunk = {key: value.index_select(0, index)[:, : lengths[rows[-1]]] for key, value in merged.items()}
        outputs.append(model(chunk)["sentence_embedding"])
    return outputs


def _merge_columns(features: Sequence[dict[str, Tensor]], width: int) -> dict[str, Tensor]:
    """All columns one below the other, padded with zeros to one width (masked positions carry no meaning)."""
    keys = [key for key in SEQUENCE_KEYS if key in features[0]]
    pad = torch.nn.functional.pad
    return {
        key: torch.cat([pad(column[key][:, :width], (0, width - min(width, column[key].shape[1]))) for column in features])
        for key in keys
    }


def _chunks(order: list[int], lengths: list[int], budget: int, padded: bool = True) -> list[list[int]]:
    """Consecutive rows of ascending length, as many as fit the budget; padded ones all count as long as the longest."""
    chunks: list[list[int]] = [[]]
    used = 0
    for row in order:
        used = (len(chunks[-1]) + 1) * lengths[row] if padded else used + lengths[row]
        if chunks[-1] and used > budget:
            chunks.append([])
            used = lengths[row]
        chunks[-1].append(row)
    return chunks
