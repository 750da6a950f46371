"""Losses that compare the pairs of a batch with one another, over the batches of all processes."""

from __future__ import annotations

from typing import Any

from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor, nn


class GatheredLoss(nn.Module):
    """Computes a loss on the rows of all processes together, on each of them.

    The gathering adds up the gradients that the W processes send back, and data-parallel training divides by W, so the gradients
    are those of one process with the whole batch.

    Args:
        loss: has `compute_loss_from_embeddings`, such as CoSENT and AnglE.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return the loss of the whole batch; `embeddings` are the columns [B / W, D] of this process, `labels` is [B / W]."""
        inner: Any = self.loss
        return inner.compute_loss_from_embeddings([all_gather_with_grad(column) for column in embeddings], all_gather(labels))

    def forward(self, features: Any, labels: Tensor) -> Tensor:
        """Compute it as `compute_loss_from_embeddings` does, from tokenised columns."""
        inner: Any = self.loss
        return self.compute_loss_from_embeddings([inner.model(column)["sentence_embedding"] for column in features], labels)
