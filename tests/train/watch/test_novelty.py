"""Novelty: neighbours as brute force finds them, and the share of foreign texts."""

from __future__ import annotations

import numpy as np
import pytest

from train.watch.mmd import squared_distances
from train.watch.novelty import Neighbours, far_counts, far_shares, foreign_share


@pytest.mark.parametrize(("n", "m"), [(50, 20), (5, 90), (2, 3)])
def test_the_nearest_text_of_the_reference_is_found(n: int, m: int) -> None:
    generator = np.random.default_rng(0)
    squared = squared_distances(generator.normal(size=(n + m, 4)))
    neighbours = Neighbours(squared, n / (n + m))
    for _ in range(20):
        window = generator.permutation(n + m) < m
        expected = [min(squared[i, j] for j in np.flatnonzero(~window) if j != i) for i in range(n + m)]
        assert neighbours.nearest(window) == pytest.approx(np.array(expected))


def test_what_is_as_far_as_the_reference_is_not_far() -> None:
    novelty = np.array([*np.arange(100.0), 94, 94.5, 200])
    assert far_counts(novelty, np.arange(103) >= 100) == (2, 5)
    assert far_counts(np.ones(10), np.arange(10) < 5) == (0, 0)


def test_a_planted_share_is_estimated_and_none_is_seen_where_there_is_none() -> None:
    """4 of 80 known texts are far, so 5% of the other 75 new ones are, too: 25 + 3.75 of 100."""
    share, (low, high) = foreign_share(29, 100, 4, 80)
    assert share == pytest.approx((0.29 - 0.05) / 0.95) and low < 0.25 < high
    assert foreign_share(0, 100, 5, 100)[0] == 0 and foreign_share(3, 3, 5, 5) == (0, (0, 1))
    points = np.random.default_rng(1).normal(size=(400, 6))
    points[370:] += 20
    window = np.arange(400) >= 250
    neighbours = Neighbours(squared_distances(points), 250 / 400)
    k, j = far_counts(neighbours.nearest(window), window)
    found, (low, high) = foreign_share(k, 150, j, 250)
    assert low < 0.2 < high and found == pytest.approx(0.2, abs=0.06)
    assert far_shares(neighbours, window[None])[0] == pytest.approx(k / 150 - j / 250)
