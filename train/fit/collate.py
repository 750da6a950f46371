"""Batches from token ids that were made once: the collator picks rows and packs them, and no text is read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from data.schema import text_columns
from train.encode.local import Encoder
from train.encode.tokens.ragged import Tokens
from train.encode.tokens.store import TokenRows

COLUMNS = "columns"
"""Key of a batch under which its columns lie, `Tokens` each."""

ROWS = "rows"
"""Key of the number of its rows."""

LABEL = "label"
"""Key of what the loss compares the columns with."""

ROW, SCORE = "row", "score"
"""Columns of what the trainer reads instead of texts: the number of a row, and the score of scored pairs."""


@dataclass(frozen=True)
class TokenTable:
    """Training rows as token ids.

    Attributes:
        columns: tokens of each text column, in the order in which the loss reads them; [N] rows each.
        scores: [N] float64, or None for rows without a score.
        keys: [N, 2 + negatives] int64, see `Relevance.keys`; None where the loss wants none.
        joint: whether a batch holds each text of its rows once, see `train.fit.batches.joint`.
    """

    columns: tuple[TokenRows, ...]
    scores: Sequence[float] | None
    keys: np.ndarray | None = None
    joint: bool = False

    @classmethod
    def of(
        cls,
        table: Dataset,
        prompts: Mapping[str, str],
        encoder: Encoder,
        max_tokens: int,
        keys: np.ndarray | None = None,
        joint: bool = False,
    ) -> TokenTable | None:
        """Tokenise all rows; None where token ids cannot stand for the model's texts.

        Args:
            table: rows with text columns, and perhaps `score`.
            prompts: of each text column.
            encoder: the model that is trained.
            max_tokens: where texts are cut.
            keys, joint: see `TokenTable`.
        """
        store = encoder.store
        if store is None:
            return None
        columns = tuple(store.rows(table[name], prompts[name], max_tokens) for name in text_columns(table.column_names))
        return cls(columns, table[SCORE][:] if SCORE in table.column_names else None, keys, joint)

    def rows(self) -> Dataset:
        """Return what the trainer reads instead of texts."""
        columns: dict[str, Any] = {ROW: range(len(self.columns[0]))}
        return Dataset.from_dict(columns if self.scores is None else columns | {SCORE: self.scores})

    def batch(self, rows: Sequence[int]) -> tuple[list[Tokens], Tensor | None]:
        """Return the tokens of some rows, one item a column, and what the loss compares them with.

        That is [B] float32 for scored pairs, [B, 2 + negatives] int64 for rows with keys, and [Q + C] int64 for `joint` ones.
        """
        if self.joint and self.keys is not None:
            numbers = np.asarray(rows, dtype=np.int64)
            texts = [np.unique(self.keys[numbers, place], return_index=True) for place in range(len(self.columns))]
            tokens = [column.take(numbers[first]) for column, (_, first) in zip(self.columns, texts, strict=True)]
            return tokens, torch.from_numpy(np.concatenate([keys for keys, _ in texts]))
        tokens = [column.take(rows) for column in self.columns]
        if self.scores is not None:
            return tokens, torch.tensor([self.scores[row] for row in rows], dtype=torch.float32)
        return tokens, None if self.keys is None else torch.from_numpy(self.keys[rows])


class PackingCollator:
    """Makes a batch of rows of one table.

    Args:
        tables: token tables by data set name.
    """

    valid_label_columns = (SCORE,)

    def __init__(self, tables: Mapping[str, TokenTable]) -> None:
        self.tables = dict(tables)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return `dataset_name`, `rows` (their number), `columns` and, where the loss wants one, `label`: see
        `TokenTable.batch`."""
        name = rows[0]["dataset_name"]
        columns, labels = self.tables[name].batch([row[ROW] for row in rows])
        batch: dict[str, Any] = {"dataset_name": name, ROWS: len(rows), COLUMNS: columns}
        return batch if labels is None else batch | {LABEL: labels}


def count(inputs: Mapping[str, Any]) -> tuple[int, int | Tensor]:
    """Count rows and real tokens of a batch; the tokens of a padded one are counted where they lie, so that a GPU need not
    wait."""
    if COLUMNS in inputs:
        columns = inputs[COLUMNS]
        return inputs[ROWS], sum(column.total for column in columns)
    masks = [value for key, value in inputs.items() if key.endswith("attention_mask")]
    if masks:
        return len(masks[0]), sum(mask.sum() for mask in masks)
    bags = [value for key, value in inputs.items() if key.endswith("offsets")]  # of static embeddings: where each text begins
    tokens = sum(len(value) for key, value in inputs.items() if key.endswith("input_ids"))
    vectors = [value for key, value in inputs.items() if key.endswith("sentence_embedding")]  # of word counts, made in advance
    return (len(bags[0]), tokens) if bags else (len(vectors[0]) if vectors else 0, 0)
