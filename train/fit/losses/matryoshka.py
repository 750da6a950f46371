"""Matryoshka training: the first dimensions of a vector are a good vector too (arXiv:2205.13147)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def cut(vectors: Tensor, dimensions: int) -> Tensor:
    """Cut vectors [..., D] to their first `dimensions`, at unit length."""
    return nn.functional.normalize(vectors[..., :dimensions], dim=-1)


class NestedLoss(nn.Module):
    """The weighted sum of a loss over cut vectors, as MatryoshkaLoss of Sentence Transformers has it, from one forward pass.

    Args:
        loss: has `compute_loss_from_embeddings`.
        model: what is trained.
        dimensions: lengths to which vectors are cut.
        weights: one a length.
    """

    def __init__(self, loss: nn.Module, model: Any, dimensions: Sequence[int], weights: Sequence[float]) -> None:
        super().__init__()
        self.loss, self.model = loss, model
        self.dimensions, self.weights = tuple(dimensions), tuple(weights)

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return the sum over all lengths; `embeddings` are the columns [B, D], `labels` what the loss takes."""
        inner: Any = self.loss
        values = [
            weight * inner.compute_loss_from_embeddings([cut(column, dimensions) for column in embeddings], labels)
            for dimensions, weight in zip(self.dimensions, self.weights, strict=True)
        ]
        return torch.stack(values).sum()

    def forward(self, features: Any, labels: Tensor) -> Tensor:
        """Compute it as `compute_loss_from_embeddings` does, from tokenised columns."""
        return self.compute_loss_from_embeddings([self.model(column)["sentence_embedding"] for column in features], labels)
