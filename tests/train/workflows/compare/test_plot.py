"""The drawings: who is on the front, and that nothing is drawn outside or on top of something else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_up_comparison import judged, seven, speed, task
from train.workflows.compare import units
from train.workflows.compare.plot import BOX, RADIUS, Axis, Plot, Point, draw, pareto
from train.workflows.compare.results import Comparison, compare_all


def point(cost: float, quality: float) -> Point:
    return Point("A", "a", cost, quality, quality - 0.01, quality + 0.01, "worse")


def test_the_front_by_hand() -> None:
    points = [point(1, 0.5), point(2, 0.7), point(2, 0.6), point(3, 0.7), point(4, 0.9), point(5, 0.8), point(1, 0.4)]
    assert [(one.cost, one.quality) for one in pareto(points)] == [(1, 0.5), (2, 0.7), (4, 0.9)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_front_is_what_nothing_dominates(values: list[tuple[int, int]]) -> None:
    front = {(one.cost, one.quality) for one in pareto([point(*value) for value in values])}

    def dominated(cost: float, quality: float) -> bool:
        return any(c <= cost and q >= quality and (c, q) != (cost, quality) for c, q in values)

    assert front == {value for value in values if not dominated(*value)}


def drawn(comparison: Comparison, **options: Any) -> Plot:
    states = dict.fromkeys((one.letter for one in comparison.contenders), "worse") | {"A": "taken"}
    given_ = {"cost": lambda c: c.timed("latency_p95_ms"), "write": units.millis, **options}
    found = draw(comparison.contenders, states, title="Quality against latency", axis="p95", metric="nDCG@10", **given_)
    assert found is not None
    return found


def test_marks_stand_inside_and_never_on_each_other() -> None:
    tasks = {"faq": task()}
    models = [judged(tasks, f"model number {i}", 0.7, seed=i, timed=speed(10.0 + i % 2)) for i in range(8)]
    plot = drawn(compare_all(tasks, models, {}, seed=0, resamples=100))
    places = [(mark.at_x, mark.at_y) for mark in plot.marks]
    for number, (x, y) in enumerate(places):
        assert BOX["left"] <= x <= BOX["width"] and BOX["top"] <= y <= BOX["bottom"]
        assert all(math.dist((x, y), other) >= 2 * RADIUS for other in places[:number])
    assert any(mark.moved for mark in plot.marks)


def test_the_one_to_take_is_on_top_and_named_and_a_long_name_is_cut() -> None:
    _, comparison = seven()
    plot = drawn(comparison)
    assert plot.marks[-1].point.letter == "A" and plot.marks[-1].text == "checkpoints/tuned"
    assert all(len(mark.text) <= 24 for mark in plot.marks)
    assert {mark.point.letter for mark in plot.marks if mark.front} == {"A", "F"}


def test_a_hopeless_model_is_told_of_instead_of_pressing_the_others_together() -> None:
    _, comparison = seven()
    plot = drawn(comparison)
    quality = comparison.contenders[-1].quality.value
    assert plot.below == [("G", f"{quality:.3f}")] and len(plot.marks) == 6
    heights = [mark.y for mark in plot.marks]
    assert max(heights) - min(heights) > 100, "the others have room"


def test_models_without_the_figure_are_told_of() -> None:
    _, comparison = seven()
    plot = drawn(comparison, cost=lambda c: c.timed("memory_mb"))
    assert plot.missing == [one.letter for one in comparison.contenders if one.is_api] and len(plot.missing) == 3
    assert draw(comparison.contenders, {}, title="", axis="", metric="", cost=lambda c: None, write=str) is None


def test_a_limit_is_drawn_where_it_is_in_sight() -> None:
    _, comparison = seven()
    near, far = drawn(comparison, limit=50.0), drawn(comparison, limit=1e6)
    marks = {mark.point.letter: mark.x for mark in near.marks}
    assert near.limit is not None and marks["A"] < near.limit < marks["C"] and far.limit is None


@given(st.lists(st.floats(0.001, 1e9), min_size=2, max_size=8))
def test_every_scale_has_ticks_in_order_within_the_drawing(costs: list[float]) -> None:
    scale = Axis.of(costs, None)
    ticks = scale.ticks()
    places = [scale.place(tick) for tick in ticks]
    assert 1 <= len(ticks) <= 7 and places == sorted(places)
    assert all(BOX["left"] - 0.1 <= x <= BOX["right"] + 0.1 for x in [*places, *map(scale.place, costs)])


def test_costs_that_hardly_differ_are_drawn_close_to_each_other() -> None:
    scale = Axis.of([680.0, 700.0], None)
    assert scale.place(700.0) - scale.place(680.0) < 0.15 * (BOX["right"] - BOX["left"])


def test_costs_of_zero_are_drawn() -> None:
    scale = Axis.of([0.0, 0.02, 0.1], None)
    assert not scale.log and scale.place(0.0) >= BOX["left"] and scale.ticks()[0] == 0
    same = Axis.of([0.0, 0.0], None)
    assert BOX["left"] <= same.place(0.0) <= BOX["right"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (units.millis(0.4), "0.40 ms"), (units.millis(12.34), "12.3 ms"), (units.millis(2100), "2.1 s"),
        (units.size(1536), "1.54 kB"),
        (units.size(1.536e9), "1.54 GB"), (units.usd(0.0004), "$0.0004"), (units.usd(0), "$0"), (units.usd(12.5), "$12.50"),
        (units.number(1234.4), "1,234"), (units.percent(0.0), "0%"), (units.percent(0.004), "0.4%"), (units.percent(0.5), "50%"),
        (units.megabytes(2048), "2.0 GB"), (units.parameters(22_713_216), "22.7 M"), (units.short("50.0 ms"), "50 ms"),
        (units.short("50.5 ms"), "50.5 ms"), (units.listed(["a", "b", "c"]), "a, b and c"), (units.listed([]), ""),
    ],
)  # fmt: skip
def test_figures_as_people_read_them(written: str, expected: str) -> None:
    assert written == expected
