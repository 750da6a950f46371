"""Matryoshka losses: computed by hand, and as Sentence Transformers computes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import CoSENTLoss, CosineSimilarityLoss, MatryoshkaLoss
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss as Ranking
from torch import Tensor, nn

from train.config.schema import TrainingConfig
from train.fit.losses.build import LOSS_NAMES, build_loss
from train.fit.losses.matryoshka import NestedLoss, cut


class Given(nn.Module):
    """A model whose vectors are the features, scaled."""

    similarity_fn_name = "cosine"

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))

    def __iter__(self) -> Any:
        return iter([self])

    def __getitem__(self, place: int) -> nn.Module:
        return self

    def get_embedding_dimension(self) -> int:
        return 8

    def forward(self, features: dict[str, Tensor], **options: Any) -> dict[str, Tensor]:
        return {"sentence_embedding": features["input_ids"] * self.scale}


def test_cut_vectors_have_unit_length() -> None:
    assert cut(torch.tensor([[3.0, 4.0, 12.0]]), 2).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]


def test_weighted_sum_by_hand() -> None:
    # whole: cos = 3/5, first dimension alone: cos = 1; the squared errors against 0.5 are 0.01 and 0.25
    vectors = [torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])]
    model: Any = nn.Identity()
    loss = NestedLoss(CosineSimilarityLoss(model), model, [2, 1], [1.0, 0.5])
    assert float(loss.compute_loss_from_embeddings(vectors, torch.tensor([0.5]))) == pytest.approx(0.01 + 0.125)


@pytest.mark.parametrize("kind", [CosineSimilarityLoss, CoSENTLoss, Ranking])
def test_equals_the_stock_loss(kind: Any) -> None:
    torch.manual_seed(0)
    features = [{"input_ids": torch.randn(5, 8)} for _ in range(2)]
    labels = torch.rand(5)
    gradients = []
    for stock in (True, False):
        model: Any = Given()
        dims, weights = [8, 4, 2], [1.0, 0.5, 2.0]
        loss: Any = MatryoshkaLoss(model, kind(model), dims, weights) if stock else NestedLoss(kind(model), model, dims, weights)
        value = loss([dict(column) for column in features], labels)
        value.backward()
        gradients.append((float(value.detach()), model.scale.grad))
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-5)
    assert torch.allclose(gradients[0][1], gradients[1][1], atol=1e-5)


@pytest.mark.parametrize("name", LOSS_NAMES)
@pytest.mark.parametrize("by_trainer", [True, False])
def test_every_loss_is_computed_at_every_length(name: str, by_trainer: bool) -> None:
    """The loss at [8, 4] is the sum of those at 8 and at 4, the stock cached loss included."""
    torch.manual_seed(0)
    features = [{"input_ids": torch.randn(6, 8)} for _ in range(2)]
    found = []
    for lengths in ([8], [4], [8, 4]):
        model: Any = Given()
        loss: Any = build_loss(name, model, TrainingConfig(matryoshka=lengths), 1, by_trainer=by_trainer)
        value = loss([dict(column) for column in features], torch.linspace(0, 1, 6))
        value.backward()
        found.append((float(value.detach()), model.scale.grad))
    assert found[2][0] == pytest.approx(found[0][0] + found[1][0], rel=1e-5)
    assert torch.allclose(found[2][1], found[0][1] + found[1][1], atol=1e-5)


@pytest.mark.parametrize("lengths", [[64, 128], [64, 64]])
def test_lengths_are_ordered(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="the longest first"):
        TrainingConfig(matryoshka=lengths)


def test_weights_fit_the_lengths() -> None:
    with pytest.raises(ValueError, match="one weight per length"):
        TrainingConfig(matryoshka=[8, 4], matryoshka_weights=[1.0])
