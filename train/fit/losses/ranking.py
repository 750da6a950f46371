"""Ranking losses that leave out what is no negative: documents that a query finds relevant, though another row brought them.

Shapes: B rows of this process, W processes, n negatives a row, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss, MultipleNegativesRankingLoss
from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor

from train import distributed
from train.fit.batches.relevance import Relevance


class MaskedRankingLoss(MultipleNegativesRankingLoss):
    """MultipleNegativesRanking in which no query's relevant documents, and no document's relevant queries, are negatives.

    A text that a row has twice, since it has fewer negatives than the others, counts once. Without such rows in the batch it is
    the stock loss. Labels are the rows' `Relevance.keys`, [B, 2 + n].

    Args:
        model: what is trained.
        relevance: which texts belong together.
        options: of the stock loss; directions are `query_to_doc`, alone or with `doc_to_query`.
    """

    def __init__(self, model: Any, relevance: Relevance, **options: Any) -> None:
        super().__init__(model, **options)
        self._size = relevance.size
        self._pairs: Tensor
        self.register_buffer("_pairs", torch.from_numpy(self.pairs_of(relevance)), persistent=False)

    @staticmethod
    def pairs_of(relevance: Relevance) -> np.ndarray:
        """Return the codes of the pairs that are looked up."""
        return relevance.pairs

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return the mean over this process's rows; documents and queries of all processes are ranked.

        Args:
            embeddings: query, positive and negatives, [B, D] each.
            labels: [B, 2 + n] int64.
        """
        queries, *columns = embeddings
        first, rows = 0, len(queries)
        if self.gather_across_devices:
            queries, *columns = (all_gather_with_grad(column) for column in embeddings)
            labels, first = all_gather(labels), distributed.rank() * rows
        own = torch.arange(rows, device=queries.device)
        mine = slice(first, first + rows)
        documents, asked = torch.cat(columns), labels[:, 0]
        found = labels[:, 1:].T.flatten()  # the documents' keys, in the order of `documents`

        similar = self.similarity_fct(queries[mine], documents) * self.scale  # [B, W · B · (1 + n)]
        positives = similar[own, first + own]
        hidden = self._hidden(asked[mine, None], found, own, first)
        # masked_fill stops the gradient as well; a product with zero would leave exp(0) in the sum, and NaN for infinite values
        spread = [torch.logsumexp(similar.masked_fill(hidden, -torch.inf), dim=1)]
        if "doc_to_query" in self.directions:
            similar = self.similarity_fct(queries, columns[0][mine]).T * self.scale  # [B, W · B]
            # one process has looked up all of them already
            gathered = self.gather_across_devices
            hidden = self._hidden(asked, labels[mine, 1, None], own, first) if gathered else hidden[:, :rows].T
            spread.append(torch.logsumexp(similar.masked_fill(hidden, -torch.inf), dim=1))
        return (torch.stack(spread).mean(dim=0) - positives).mean()

    def relevant(self, queries: Tensor, documents: Tensor) -> Tensor:
        """Return bools: whether documents are relevant to queries; their keys are broadcast against each other."""
        codes = queries * self._size + documents
        self._pairs = self._pairs.to(codes.device)
        return _among(codes, self._pairs)

    def _hidden(self, queries: Tensor, documents: Tensor, own: Tensor, first: int) -> Tensor:
        """Return the same as `relevant`, but for each row's own positive, which is never hidden, and for what a row has twice."""
        hidden = self.relevant(queries, documents) | (documents < 0)
        hidden[own, first + own] = False
        return hidden


class JointRankingLoss(MaskedRankingLoss):
    """MultipleNegativesRanking over batches that hold each text once, see `train.fit.batches.joint`: Q queries, C documents.

    Each pair of a row among them is taught beside the negatives of its query alone: what else the query finds relevant does not
    count. Each query weighs the same, and so do its documents: scores are means over queries, too. Labels are the texts' numbers
    (see `Relevance.keys`), [Q + C]. Several processes embed their own texts, and each computes the loss of all of them.
    """

    def __init__(self, model: Any, relevance: Relevance, **options: Any) -> None:
        super().__init__(model, relevance, **options)
        self._taught: Tensor
        self.register_buffer("_taught", torch.from_numpy(relevance.taught), persistent=False)

    @staticmethod
    def pairs_of(relevance: Relevance) -> np.ndarray:
        """Return the codes of all rows: each document meets many queries."""
        return relevance.all_pairs

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return the mean over the queries of all processes.

        Args:
            embeddings: queries [Q, D] and documents [C, D].
            labels: [Q + C] int64.
        """
        (queries, asked), (documents, found) = (
            (vectors, numbers) if not self.gather_across_devices else gathered_once(vectors, numbers)
            for vectors, numbers in zip(embeddings, labels.split([len(column) for column in embeddings]), strict=True)
        )
        similar = self.similarity_fct(queries, documents) * self.scale  # [Q, C]
        others = similar.masked_fill(self.relevant(asked[:, None], found[None]), -torch.inf)
        spread = [torch.logaddexp(torch.logsumexp(others, dim=1, keepdim=True), similar) - similar]
        if "doc_to_query" in self.directions:
            spread.append(torch.logaddexp(torch.logsumexp(others, dim=0, keepdim=True), similar) - similar)
        self._taught = self._taught.to(asked.device)
        weights = _among(asked[:, None] * self._size + found[None], self._taught).float()
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1)
        return (weights * torch.stack(spread).mean(dim=0)).sum() / weights.sum().clamp(min=1)


def _among(codes: Tensor, known: Tensor) -> Tensor:
    """Return bools of the shape of `codes`: which of them are known ([K], ascending)."""
    if not len(known):
        return torch.zeros_like(codes, dtype=torch.bool)
    return known[torch.searchsorted(known, codes).clamp_(max=len(known) - 1)] == codes


def gathered_once(vectors: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Gather the texts of all processes, each once, in the order of their numbers. A loss of all of them, computed by every
    process, has the gradients of one process: what is gathered sums them, and the trainer takes the mean.

    Args:
        vectors: [N, D] of this process; others may have more or fewer.
        numbers: [N] int64, at least 0.
    """
    most = torch.tensor(len(numbers), device=numbers.device)
    torch.distributed.all_reduce(most, op=torch.distributed.ReduceOp.MAX)
    lacking = int(most) - len(numbers)
    vectors = all_gather_with_grad(torch.nn.functional.pad(vectors, (0, 0, 0, lacking)))
    numbers = all_gather(torch.nn.functional.pad(numbers, (0, lacking), value=-1))
    order = torch.argsort(numbers, stable=True)
    ascending = numbers[order]
    first = torch.ones_like(ascending, dtype=torch.bool)
    first[1:] = ascending[1:] != ascending[:-1]
    rows = order[first & (ascending >= 0)]
    return vectors[rows], numbers[rows]


class CachedRankingLoss(CachedMultipleNegativesRankingLoss):
    """The stock cached loss, for models whose texts are embedded a few at a time, with another loss over its embeddings.

    Args:
        model: what is trained.
        loss: over the embeddings of the whole batch.
        mini_batch_size: texts that are embedded at a time.
    """

    def __init__(self, model: Any, loss: Any, mini_batch_size: int) -> None:
        super().__init__(model, mini_batch_size=mini_batch_size)
        self.over_embeddings = loss
        self._labels: Tensor | None = None

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss, with its gradients as far as the embeddings; the rest is computed in the backward pass."""
        self._labels = labels  # older releases do not hand them on
        return super().forward(sentence_features, labels)

    def calculate_loss(self, reps: list[list[Tensor]], *args: Any, with_backward: bool = False) -> Tensor:
        """Return the loss over the embeddings of all columns, which come in small batches."""
        value = self.over_embeddings.compute_loss_from_embeddings([torch.cat(parts) for parts in reps], self._labels)
        if with_backward:
            value.backward()
            value = value.detach()
        return value
