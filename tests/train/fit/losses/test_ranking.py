"""Masked ranking losses: computed by hand, equal to the stock loss where nothing is to be masked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch import Tensor, nn

from train.config.schema import TrainingConfig
from train.fit.batches.relevance import Relevance
from train.fit.losses.build import build_loss
from train.fit.losses.ranking import CachedRankingLoss, MaskedRankingLoss

SYMMETRIC = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
MODEL: Any = nn.Identity()


def loss_of(relevance: Relevance, **options: Any) -> MaskedRankingLoss:
    return MaskedRankingLoss(MODEL, relevance, **options)


def keys_of(relevance: Relevance) -> Tensor:
    return torch.from_numpy(relevance.keys())


def random_columns(rows: int, columns: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, 8, generator=generator, requires_grad=True) for _ in range(columns)]


@pytest.fixture
def shared_positive() -> tuple[Relevance, list[Tensor]]:
    """Three rows; the first two have one positive. Unit vectors in the plane, so that similarities are known."""

    def at(*degrees: float) -> Tensor:
        angles = torch.tensor(degrees) * math.pi / 180
        return torch.stack([angles.cos(), angles.sin()], dim=1)

    return Relevance(np.array([0, 1, 2]), np.array([[3], [3], [4]])), [at(0, 60, 90), at(30, 30, 120)]


def test_a_shared_positive_is_no_negative(shared_positive: tuple[Relevance, list[Tensor]]) -> None:
    relevance, columns = shared_positive
    value = loss_of(relevance, scale=2.0).compute_loss_from_embeddings(columns, keys_of(relevance))
    c30, c60, c120 = math.cos(math.pi / 6), 0.5, -0.5
    rows = [
        math.log(math.exp(2 * c30) + math.exp(2 * c120)) - 2 * c30,  # the second row's positive is left out
        math.log(math.exp(2 * c30) + math.exp(2 * c60)) - 2 * c30,
        math.log(math.exp(2 * c30) + 2 * math.exp(2 * c60)) - 2 * c30,  # to the third query both copies are negatives
    ]
    assert float(value) == pytest.approx(sum(rows) / 3, abs=1e-6)


@pytest.mark.parametrize("options", [{}, SYMMETRIC])
def test_a_negative_that_its_row_repeats_counts_once(options: dict[str, Any]) -> None:
    """Rows with fewer negatives than the others repeat theirs: the loss is that of the columns without the copies."""
    query, positive, first, second = (column.detach() for column in random_columns(3, 4))
    once = Relevance(np.array([0, 1, 2]), np.array([[3, 6], [4, 7], [5, 8]]))
    repeats = np.array([[False, False, True]] * 3)
    twice = Relevance(np.array([0, 1, 2]), np.array([[3, 6, 6], [4, 7, 7], [5, 8, 8]]), repeats=repeats)
    expected = loss_of(once, **options).compute_loss_from_embeddings([query, positive, first], keys_of(once))
    value = loss_of(twice, **options).compute_loss_from_embeddings([query, positive, first, first], keys_of(twice))
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    other = loss_of(twice, **options).compute_loss_from_embeddings([query, positive, first, second], keys_of(twice))
    assert float(other) == pytest.approx(float(expected), rel=1e-5)  # what is masked does not matter


def test_in_the_other_direction_a_query_with_the_same_positive_is_no_negative(
    shared_positive: tuple[Relevance, list[Tensor]],
) -> None:
    relevance, columns = shared_positive
    value = loss_of(relevance, scale=2.0, **SYMMETRIC).compute_loss_from_embeddings(columns, keys_of(relevance))
    e = [math.exp(2 * math.cos(angle * math.pi / 180)) for angle in (30, 60, 120)]
    to_documents = [math.log(e[0] + e[2]), math.log(e[0] + e[1]), math.log(e[0] + 2 * e[1])]
    to_queries = [math.log(e[0] + e[1])] * 2 + [math.log(e[0] + e[1] + e[2])]
    expected = (sum(to_documents) + sum(to_queries)) / 6 - 2 * math.cos(math.pi / 6)
    assert float(value) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("options", [{}, SYMMETRIC])
@pytest.mark.parametrize("negatives", [0, 2])
def test_equals_the_stock_loss_where_rows_have_nothing_in_common(options: dict[str, Any], negatives: int) -> None:
    relevance = Relevance(np.arange(6), np.arange(6, 6 + 6 * (1 + negatives)).reshape(6, -1))
    found, stock = ([*random_columns(6, 2 + negatives)] for _ in range(2))
    value = loss_of(relevance, **options).compute_loss_from_embeddings(found, keys_of(relevance))
    expected = MultipleNegativesRankingLoss(MODEL, **options).compute_loss_from_embeddings(stock, torch.zeros(6))
    assert float(value.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    value.backward()
    expected.backward()
    for one, other in zip(found, stock, strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, SYMMETRIC])
def test_masked_documents_get_no_gradient_and_equal_a_sum_over_the_others(options: dict[str, Any]) -> None:
    """Against loops over single similarities: other positives of a query, its own text, and negatives that are positives."""
    queries = np.array([0, 0, 1, 2, 3])
    documents = np.array([[10, 20], [11, 21], [11, 10], [0, 22], [12, 11]])
    relevance = Relevance(queries, documents)
    relevant = {0: {0, 10, 11}, 1: {1, 11}, 2: {2, 0}, 3: {3, 12}}
    columns = random_columns(5, 3)
    value = loss_of(relevance, **options).compute_loss_from_embeddings(columns, keys_of(relevance))

    q, *d = (nn.functional.normalize(column, dim=1) for column in columns)
    terms = []
    for i in range(5):
        own = 20 * q[i] @ d[0][i]
        kept = [own] + [
            20 * q[i] @ d[c][j]
            for c in range(2)
            for j in range(5)
            if (c, j) != (0, i) and int(documents[j, c]) not in relevant[int(queries[i])]
        ]
        spread = [torch.logsumexp(torch.stack(kept), 0)]
        if options:
            asked = [own] + [
                20 * q[j] @ d[0][i] for j in range(5) if j != i and int(documents[i, 0]) not in relevant[int(queries[j])]
            ]
            spread.append(torch.logsumexp(torch.stack(asked), 0))
        terms.append(torch.stack(spread).mean() - own)
    expected = torch.stack(terms).mean()
    assert float(value.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    grads = [torch.autograd.grad(one, columns, retain_graph=True) for one in (value, expected)]
    for one, other in zip(*grads, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_batch_of_one_positive_teaches_nothing_and_breaks_nothing() -> None:
    relevance = Relevance(np.arange(4), np.full((4, 1), 9))
    columns = random_columns(4, 2)
    value = loss_of(relevance, **SYMMETRIC).compute_loss_from_embeddings(columns, keys_of(relevance))
    value.backward()
    assert float(value) == pytest.approx(0, abs=1e-6)
    assert all(torch.isfinite(column.grad).all() for column in columns)  # type: ignore[arg-type]


class Twice(nn.Module):
    """A model of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(8) * 2)

    def __getitem__(self, place: int) -> nn.Module:
        return self

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["input_ids"] @ self.weight}


def test_small_batches_give_the_gradients_of_the_whole() -> None:
    relevance = Relevance(np.array([0, 1, 2, 3, 4]), np.array([[9], [9], [8], [8], [7]]))
    features = [{"input_ids": column.detach()} for column in random_columns(5, 2)]
    gradients = []
    for cached in (False, True):
        model: Any = Twice()
        loss: Any = MaskedRankingLoss(model, relevance)
        if cached:
            loss = CachedRankingLoss(model, loss, mini_batch_size=2)
            value = loss([dict(column) for column in features], keys_of(relevance))
        else:
            vectors = [model(column)["sentence_embedding"] for column in features]
            value = loss.compute_loss_from_embeddings(vectors, keys_of(relevance))
        value.backward()
        gradients.append(model.weight.grad)
    assert torch.allclose(*gradients, atol=1e-6)
    assert gradients[0].norm() > 1e-3


def test_the_temperature_that_the_person_sets_counts_for_products_of_raw_vectors_too(tiny_model: Path) -> None:
    plain, raw = SentenceTransformer(str(tiny_model), device="cpu"), SentenceTransformer(str(tiny_model), device="cpu")
    raw = SentenceTransformer(modules=list(raw)[:-1], device="cpu", similarity_fn_name="dot")
    for model, left_out in ((plain, 20.0), (raw, 1.0)):
        assert build_loss("mnrl", model, TrainingConfig(), 1).scale == pytest.approx(left_out)
        assert build_loss("mnrl", model, TrainingConfig(temperature=0.1), 1).scale == pytest.approx(10)
