"""The loss of one batch as training computes it, without a trainer: for trying out and for measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from data.schema import text_columns
from train.config.choices import Batches
from train.config.schema import TrainingConfig
from train.encode.forward.columns import embed_columns
from train.encode.local import Encoder
from train.encode.token_limit import limited_tokens
from train.fit.batches.training_set import TrainingSet
from train.fit.collate import TokenTable
from train.fit.loop import column_prompts, column_tasks, training_columns
from train.fit.losses.build import build_loss, kept_bytes


def batch_loss(
    encoder: Encoder, one: TrainingSet, rows: Sequence[int], max_tokens: int, config: TrainingConfig, bf16: bool
) -> Tensor:
    """Return the loss of some rows, with its graph.

    Args:
        encoder: the model.
        one: the data set.
        rows: numbers of its rows.
        max_tokens: where texts are cut.
        config: the training section.
        bf16: as in training.
    """
    model, device = encoder.model, encoder.model.device
    joint, by_trainer = one.batches == Batches.JOINT, encoder.store is not None
    loss: Any = build_loss(one.loss, model, config, 1, one.relevance, by_trainer=by_trainer, joint=joint)
    part, prompts = training_columns(one.table).select(rows), column_prompts(encoder, one)
    keys = None if one.keys is None else one.keys[list(rows)]
    tokens = TokenTable.of(part, prompts, encoder, max_tokens, keys, joint)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        if tokens is not None:
            texts, labels = tokens.batch(range(len(rows)))
            columns = [column.float() for column in embed_columns(model, texts, kept_bytes(one.loss))]
            found: Tensor = loss.compute_loss_from_embeddings(columns, None if labels is None else labels.to(device))
            return found
        labels = torch.tensor(part["score"][:]) if keys is None and "score" in part.column_names else None
        labels = labels if keys is None else torch.from_numpy(keys)
        features = _padded_features(encoder, part, prompts, column_tasks(encoder, one), max_tokens)
        value: Tensor = loss(features, torch.zeros(len(rows), device=device) if labels is None else labels.to(device))
    return value


def _padded_features(
    encoder: Encoder, part: Dataset, prompts: Mapping[str, str], tasks: Mapping[str, str | None], max_tokens: int
) -> list[dict[str, Any]]:
    """Return what the stock collator makes of the text columns of some rows."""
    tokenise: Any = encoder.model.preprocess
    with limited_tokens(encoder.model, max_tokens):
        columns = [
            {**tokenise(part[name][:], prompt=prompts[name] or None, task=tasks[name]), "task": tasks[name]}
            for name in text_columns(part.column_names)
        ]
    device = encoder.model.device
    return [
        {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in column.items()}
        for column in columns
    ]
