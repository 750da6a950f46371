from __future__ import annotations

import numpy as np
import pytest
import torch

from train.evaluate.pair_metrics import cosine_similarities, pearson, spearman


def test_cosine_by_hand() -> None:
    left = torch.tensor([[3.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    right = torch.tensor([[2.0, 0.0], [1.0, 0.0], [-5.0, 0.0], [1.0, 1.0]])
    assert cosine_similarities(left, right) == pytest.approx([1.0, 0.707107, -1.0, 0.0], abs=1e-9)


def test_equal_pairs_tie_exactly() -> None:
    vectors = torch.randn(500, 77, generator=torch.Generator().manual_seed(0))
    assert set(cosine_similarities(vectors, vectors.clone())) == {1.0}


def test_pairs_are_independent_of_the_chunk_they_are_in() -> None:
    left, right = (torch.randn(9000, 3, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    whole = cosine_similarities(left, right)
    assert np.array_equal(whole[8500:], cosine_similarities(left[8500:], right[8500:]))


def test_vectors_that_are_not_finite_are_refused_with_their_pair() -> None:
    left = torch.ones(4, 2)
    right = left.clone()
    right[2, 0] = float("nan")
    with pytest.raises(ValueError, match="pair 2: a vector holds NaN or infinity"):
        cosine_similarities(left, right)
    with pytest.raises(ValueError, match=r"one shape"):
        cosine_similarities(left, right[:3])


def test_spearman_by_hand_with_average_ranks() -> None:
    gold, similarity = np.array([0.0, 0.5, 0.5, 1.0]), np.array([0.1, 0.2, 0.9, 0.3])
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 4, 3: covariance 3, variances 4.5 and 5
    assert spearman(gold, similarity) == pytest.approx(3 / np.sqrt(4.5 * 5))


def test_spearman_sees_order_only_and_pearson_sees_distance() -> None:
    gold = np.array([0.0, 0.2, 0.6, 1.0])
    assert spearman(gold, gold**3) == pytest.approx(1.0)
    assert pearson(gold, gold**3) < 0.99
    assert pearson(gold, 0.3 - 0.1 * gold) == pytest.approx(-1.0)


@pytest.mark.parametrize("correlation", [spearman, pearson])
def test_constant_input(correlation) -> None:
    gold = np.array([0.0, 0.5, 1.0])
    assert correlation(gold, np.full(3, 0.7)) == 0.0, "a collapsed model orders nothing"
    with pytest.raises(ValueError, match="all gold scores are equal"):
        correlation(np.full(3, 0.5), gold)
    with pytest.raises(ValueError, match="at least two pairs"):
        correlation(gold[:1], gold[:1])
    with pytest.raises(ValueError, match="3 gold scores do not fit 2"):
        correlation(gold, gold[:2])
