"""Scores: recognising their range and bringing them to 0..1."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.sources.columns.score_range import ScoreRange, parse_score, recognise_range, scan_scores

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


def range_of(*values: float) -> tuple[float, float]:
    found, _ = recognise_range(scan_scores(values), "pairs.csv")
    return found.low, found.high


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 0.5, 1), (0, 1)),
        ((0.2, 0.3), (0, 1)),
        ((0, 1), (0, 1)),
        ((0, 1.0001), (0, 5)),
        ((0, 2.5, 5), (0, 5)),
        ((-0.1, 0.9), (-1, 1)),
        ((-1, 1), (-1, 1)),
    ],
)
def test_known_ranges(values, expected):
    assert range_of(*values) == expected


@pytest.mark.parametrize("values", [(0, 5.01), (-0.5, 3), (-1.01, 0), (0, 100)])
def test_other_ranges_ask_for_the_config(values):
    with pytest.raises(DataError) as error:
        range_of(*values)
    assert "score_range: [LOW, HIGH]" in str(error.value)
    assert "data.score_range=" in str(error.value)
    assert f"{min(values):g}..{max(values):g}" in str(error.value)


@pytest.mark.parametrize(
    ("values", "scale"),
    [((1, 7), "[1,7]"), ((0, 7), "[0,7]"), ((1, 10), "[1,10]"), ((0, 10), "[0,10]"), ((3, 97), "[0,100]"), ((-3, 3), "[-3,3]")],
)
def test_the_likely_scale_is_named(values, scale):
    with pytest.raises(DataError, match=f"data.score_range={scale}".replace("[", r"\[")):
        range_of(*values)


def test_a_scale_that_may_not_end_at_five_is_said():
    assert recognise_range(scan_scores([0, 3.0]), "x")[1][0].startswith("the highest score is 3")
    assert recognise_range(scan_scores([0, 4.8]), "x")[1] == []


def test_no_score_at_all():
    with pytest.raises(DataError, match=r"pairs\.csv: no row has a score"):
        recognise_range(scan_scores([]), "pairs.csv")


@given(st.lists(st.floats(0, 5), min_size=1) | st.lists(st.floats(-1, 1), min_size=1))
def test_scaled_scores_lie_in_0_1_and_keep_their_order(values):
    found, _ = recognise_range(scan_scores(values), "x")
    scaled = [found.scale(value) for value in values]
    assert all(0 <= value <= 1 for value in scaled)
    order = sorted(range(len(values)), key=values.__getitem__)
    assert all(scaled[a] <= scaled[b] for a, b in itertools.pairwise(order))


def test_scaling_by_hand():
    assert ScoreRange(0, 5).scale(3.8) == pytest.approx(0.76)
    assert ScoreRange(-1, 1).scale(-0.5) == pytest.approx(0.25)
    assert ScoreRange(1, 4).scale(4) == 1


@given(FINITE)
def test_a_score_is_inside_of_the_range_or_an_error(value):
    allowed = ScoreRange(-2, 3)
    if -2 <= value <= 3:
        assert allowed.check(value, "x") == value
    else:
        with pytest.raises(DataError, match=r"outside the range -2\.\.3"):
            allowed.check(value, "x")


@pytest.mark.parametrize(("cell", "value"), [("0.5", 0.5), (" 3 ", 3.0), ("-1e-1", -0.1), (2, 2.0), (True, 1.0)])
def test_cells_that_are_scores(cell, value):
    assert parse_score(cell, "x") == value


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "missing"),
        ("  ", "missing"),
        (None, "missing"),
        ("high", "'high' is not a number"),
        ("0,75", "'0,75' is not a number"),
        ([1], r"\[1\] is not a number"),
        ("1_0", "finite"),
        ("nan", "finite"),
        ("inf", "finite"),
        (math.inf, "finite"),
    ],
)
def test_cells_that_are_not_scores_are_named_with_their_place(cell, reason):
    with pytest.raises(DataError, match=reason) as error:
        parse_score(cell, 'pairs.csv, line 7, column "score"')
    assert str(error.value).startswith('pairs.csv, line 7, column "score": ')
    assert "bad_rows" in str(error.value)


@pytest.mark.parametrize(
    "values", [(0, 1, 2, 2), (0, 1, 2, -1), (0, 2), (1, 2), (1, 2, 3), (0, 5), (1, 3, 5), (0, 1, 2, 4), (3, 7), (0, 50, 100)]
)
def test_whole_numbers_that_may_be_classes(values):
    assert scan_scores(values).looks_like_classes(two=False)


@pytest.mark.parametrize(
    "values",
    [
        (0, 1),
        (-1, 1),
        (-1, 0, 1),
        (0, 1, 2, 3),
        (1, 2, 3, 4),
        (1, 2, 3, 4, 5),
        range(6),
        range(1, 8),
        (0, 1, 2, 1.5),
        (0, 0.5, 1),
    ],
)
def test_whole_numbers_of_a_scale_are_no_classes(values):
    assert not scan_scores(values).looks_like_classes(two=False)


def test_of_inference_two_numbers_are_classes_already():
    assert scan_scores([0, 1]).looks_like_classes(two=True)
    assert not scan_scores([0, 0.5, 1]).looks_like_classes(two=True)


def test_one_score_beyond_all_others_is_a_typing_error_until_it_is_said_otherwise():
    values = [i / 100 for i in range(99)]
    with pytest.raises(DataError, match=r"of 100 scores all but 1 lie in 0..1; the highest is 5(?s:.*)score_range=\[0,5\]"):
        range_of(*values, 5)
    assert range_of(*values, 2, 3, 5) == (0, 5)


def test_a_scale_that_may_begin_at_one_is_said():
    _, notes = recognise_range(scan_scores([1, 2, 3, 4, 5]), "pairs.csv")
    assert notes == ["the lowest score is 1; if the scale begins there, data.score_range=[1,5] brings it to 0"]


def test_distances_are_turned_round_where_the_range_says_so() -> None:
    """[10, 0]: ten is nothing in common, and zero the same meaning."""
    found = ScoreRange(10, 0)
    assert [found.scale(found.check(value, "x")) for value in (10.0, 7.5, 0.0)] == [0.0, 0.25, 1.0]
    with pytest.raises(DataError, match="outside the range"):
        found.check(10.5, "x")
