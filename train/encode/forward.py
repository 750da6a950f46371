"""The training forward: all columns of a batch together, sorted by length, in chunks that hardly pad.

A batch padded to its longest text spends most of its tokens on padding (60% on STS-B). Rows do not see each other in an
encoder, so the order in which they pass is free: sorting them by length and forwarding them in chunks gives the same
embeddings with far fewer tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

CHUNK_TOKENS = {"cpu": 2048, "cuda": 65536}
"""Padded tokens a chunk by device type: on a CPU small chunks stay in the cache, on a GPU large ones keep it busy."""

SEQUENCE_KEYS = ("input_ids", "attention_mask", "token_type_ids")


def can_sort(features: Sequence[dict[str, Tensor]]) -> bool:
    """Whether these features are plain token sequences padded on the right, which may be trimmed and regrouped."""
    for column in features:
        tensors = {key: value for key, value in column.items() if isinstance(value, Tensor)}
        if not {"input_ids", "attention_mask"} <= set(tensors) or not set(tensors) <= set(SEQUENCE_KEYS):
            return False
        mask = column["attention_mask"]
        if not bool((mask[:, 0] == 1).all()):
            return False
    return len({frozenset(column) for column in features}) == 1


def embed_columns(
    forward: Callable[[dict[str, Tensor]], dict[str, Tensor]], features: Sequence[dict[str, Tensor]], chunk_tokens: int | None = None
) -> list[Tensor]:
    """Embeddings of every column of a batch.

    Args:
        forward: the model; takes features, returns them with `sentence_embedding` [rows, D].
        features: one dict a column, each with `input_ids` and `attention_mask` [B, T] padded on the right.
        chunk_tokens: padded tokens a chunk at most (a longer single row is its own chunk).

    Returns:
        One tensor [B, D] a column, rows in the order in which they came.
    """
    device = features[0]["input_ids"].device
    budget = chunk_tokens or CHUNK_TOKENS.get(device.type, CHUNK_TOKENS["cpu"])
    lengths = torch.cat([column["attention_mask"].sum(dim=1) for column in features]).cpu()
    order = torch.sort(lengths, stable=True).indices
    merged = _merge_columns(features, int(lengths.max()))
    outputs = []
    for rows in _chunks(order.tolist(), lengths.tolist(), budget):
        longest = int(lengths[rows[-1]])
        index = torch.tensor(rows, device=device)
        chunk = {key: value.index_select(0, index)[:, :longest] for key, value in merged.items()}
        outputs.append(forward(chunk)["sentence_embedding"])
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order))
    together = torch.cat(outputs).index_select(0, inverse.to(device))
    return list(together.split([len(column["input_ids"]) for column in features]))


def _merge_columns(features: Sequence[dict[str, Tensor]], width: int) -> dict[str, Tensor]:
    """All columns one below the other, padded with zeros to one width (masked positions carry no meaning)."""
    keys = [key for key in SEQUENCE_KEYS if key in features[0]]
    pad = torch.nn.functional.pad
    return {
        key: torch.cat([pad(column[key][:, :width], (0, width - min(width, column[key].shape[1]))) for column in features])
        for key in keys
    }


def _chunks(order: list[int], lengths: list[int], budget: int) -> list[list[int]]:
    """Consecutive rows of ascending length, as many as fit the budget when padded to the longest."""
    chunks: list[list[int]] = [[]]
    for row in order:
        if chunks[-1] and (len(chunks[-1]) + 1) * lengths[row] > budget:
            chunks.append([])
        chunks[-1].append(row)
    return chunks
