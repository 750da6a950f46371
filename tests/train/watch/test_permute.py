"""The joint null: labels stay exchangeable, p-values are exact, and the correction is that of Westfall and Young."""

from __future__ import annotations

import numpy as np
import pytest

from train.evaluate.holm import holm
from train.watch.permute import FOLDS, draw_labels, p_values, together


def test_whole_units_change_sides_within_their_part() -> None:
    unit = np.array([0, 0, 0, 1, 1, 2, *range(3, 40)])
    window = np.isin(unit, [0, 2, *range(3, 12)])
    labels = draw_labels(unit, window, np.random.default_rng(0), permutations=50)
    assert (labels.drawn[0] == window).all() and len(labels.drawn) == 51
    assert labels.drawn[1:].any(axis=0).all() and not labels.drawn[1:].all(axis=0).any()
    for one in range(3):
        assert np.ptp(labels.drawn[:, unit == one].mean(axis=1) % 1) == 0 and np.ptp(labels.fold[unit == one]) == 0
    first = np.unique(unit, return_index=True)[1]
    for part in range(FOLDS):
        held = labels.drawn[:, first][:, labels.fold[first] == part]
        assert np.ptp(held.sum(axis=1)) == 0
    counts = np.bincount(labels.fold[first][window[first]], minlength=FOLDS)
    assert counts.max() - counts.min() <= 1


def test_p_is_the_share_of_rows_at_least_as_large() -> None:
    statistics = np.array([2.0, 1, 2, 3, 0])
    assert p_values(statistics)[0] == pytest.approx(3 / 5)
    table = p_values(np.column_stack([statistics, np.zeros(5)]))
    assert table[:, 0] == pytest.approx([3 / 5, 4 / 5, 3 / 5, 1 / 5, 1]) and (table[:, 1] == 1).all()


def test_the_correction_by_brute_force_and_never_more_than_holms_beyond_luck() -> None:
    generator = np.random.default_rng(1)
    statistics = generator.normal(size=(400, 4)) + generator.normal(size=(400, 1))  # checks that say much the same
    statistics[0] = [4.5, 2.0, 1.0, -1.0]
    table = p_values(statistics)
    found, order, largest = together(table), np.argsort(table[0]), 0.0
    for rank, place in enumerate(order):
        left = order[rank:]
        largest = max(largest, np.mean([row[left].min() <= table[0, place] for row in table]))
        assert found[place] == pytest.approx(largest)
    assert (found >= table[0] - 1e-12).all() and (found <= np.array(holm(table[0].tolist())) + 0.02).all()
    assert together(np.ones((5, 0))).shape == (0,)


def test_any_false_finding_has_the_level_whatever_the_checks_share() -> None:
    generator, wrong = np.random.default_rng(2), 0
    for _ in range(400):
        statistics = generator.normal(size=(100, 5)) + 2 * generator.normal(size=(100, 1))
        wrong += together(p_values(statistics)).min() <= 0.05
    assert 0.02 < wrong / 400 < 0.08
