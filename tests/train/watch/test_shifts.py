"""Shifts of one figure: against scipy and published examples, and how often the intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from train.watch.shifts import (
    chance_larger,
    difference_of_means,
    difference_of_shares,
    interval_of_chance,
    placements,
    wilson,
)


def test_the_chance_is_that_of_mann_and_whitney_with_ties() -> None:
    generator = np.random.default_rng(0)
    values, window = generator.integers(0, 8, 40).astype(float), np.arange(40) < 12
    expected = stats.mannwhitneyu(values[window], values[~window]).statistic / (12 * 28)
    assert chance_larger(values, window[None])[0] == pytest.approx(expected)
    above, beneath = placements(values, window)
    assert above.mean() == pytest.approx(expected) and beneath.mean() == pytest.approx(expected)


def test_three_against_three_by_hand() -> None:
    """Window 2, 4, 5 and reference 1, 3, 4: of 9 pairs 6 are won and one is a tie."""
    above, beneath = placements(np.array([2, 4, 5, 1, 3, 4.0]), np.arange(6) < 3)
    assert above.tolist() == pytest.approx([1 / 3, 2.5 / 3, 1]) and beneath.tolist() == pytest.approx([1, 2 / 3, 1.5 / 3])


@pytest.mark.parametrize(("area", "m", "n"), [(0.5, 200, 500), (0.6, 20, 60), (0.9, 30, 200), (0.98, 25, 60)])
def test_the_interval_of_an_area_holds_the_truth_95_times_of_100(area: float, m: int, n: int) -> None:
    generator, inside, rounds = np.random.default_rng(3), 0, 600
    apart = special.ndtri(area) * np.sqrt(2)
    for _ in range(rounds):
        values = generator.normal(size=m + n)
        values[:m] += apart
        low, high = interval_of_chance(*placements(values, np.arange(m + n) < m))
        inside += low <= area <= high
    assert inside / rounds > 0.95 - 0.02


def test_complete_separation_still_leaves_room() -> None:
    low, high = interval_of_chance(*placements(np.arange(30.0), np.arange(30) >= 20))
    assert high == 1 and 0.6 < low < 0.75
    assert interval_of_chance(np.ones(1), np.ones(5)) == (0, 1)


def test_shares_are_those_of_published_examples() -> None:
    """Newcombe 1998: example (a) of the difference with method 10, and example (a) of the single share."""
    delta, interval = difference_of_shares(56, 70, 48, 80)
    assert delta == pytest.approx(0.2) and interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_means_have_welchs_interval() -> None:
    generator = np.random.default_rng(5)
    one, other = generator.normal(0, 1, 12), generator.normal(1, 3, 30)
    delta, interval = difference_of_means(one, other)
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval()
    assert delta == pytest.approx(one.mean() - other.mean()) and interval == pytest.approx(tuple(expected))
    assert difference_of_means(np.ones(3), np.ones(4)) == (0, (0, 0))
