"""The maximum mean discrepancy: by hand, by a second implementation, and what it says of samples that are alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from train.watch.mmd import gaussian_kernel, mmd2, spread, squared_distances


def test_four_points_by_hand() -> None:
    """Reference 0 and 1, window 2 and 4: distances 1, 2, 4, 1, 3, 2 have the median 2, so the kernel is exp(-d² / 8)."""
    points = np.array([[0.0], [1.0], [2.0], [4.0]])
    kernel = gaussian_kernel(squared_distances(points))
    e = {d: math.exp(-(d**2) / 8) for d in (1, 2, 3, 4)}
    by_hand = e[1] + e[2] - 2 / 4 * (e[2] + e[4] + e[1] + e[3])
    assert mmd2(kernel, np.array([[False, False, True, True]]))[0] == pytest.approx(by_hand, abs=1e-6)
    assert spread(kernel, np.array([False, False, True, True])) == pytest.approx(math.sqrt(1 - e[1]), abs=1e-6)


def test_a_second_implementation_with_loops_agrees() -> None:
    generator = np.random.default_rng(0)
    points, labels = generator.normal(size=(15, 6)), np.zeros((3, 15), dtype=bool)
    for row in labels:
        row[generator.permutation(15)[:6]] = True
    distances = np.array([[np.linalg.norm(a - b) for b in points] for a in points])
    width = np.median([distances[i, j] ** 2 for i in range(15) for j in range(i)])

    def k(i: int, j: int) -> float:
        return math.exp(-(distances[i, j] ** 2) / (2 * width))

    found = mmd2(gaussian_kernel(squared_distances(points)), labels)
    for row, value in zip(labels, found, strict=True):
        x, y = np.flatnonzero(row), np.flatnonzero(~row)
        own = np.mean([k(i, j) for i in x for j in x if i != j]) + np.mean([k(i, j) for i in y for j in y if i != j])
        assert value == pytest.approx(own - 2 * np.mean([k(i, j) for i in x for j in y]), abs=1e-5)


def test_it_is_unbiased_where_nothing_differs_and_zero_for_equal_vectors() -> None:
    generator = np.random.default_rng(1)
    kernel = gaussian_kernel(squared_distances(generator.normal(size=(60, 5))))
    labels = generator.permuted(np.tile(np.arange(60) < 20, (4000, 1)), axis=1)
    values = mmd2(kernel, labels)
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(4000) and values.min() < 0
    same = gaussian_kernel(squared_distances(np.ones((10, 3))))
    assert mmd2(same, labels[:1, :10] | (np.arange(10) < 3)) == pytest.approx(0, abs=1e-6)
