"""Which models differ beyond chance: Holm's correction, means over data sets, and who beats whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_up_comparison import judged, scored_task, scores_of, task
from train.evaluate.holm import holm
from train.evaluate.tasks import Task
from train.workflows.compare.results import Comparison, compare_all


def test_holm_by_hand() -> None:
    # sorted: 0.01 · 4 = 0.04, 0.013 · 3 = 0.039 (no smaller than before: 0.04), 0.03 · 2 = 0.06, 0.04 · 1 (0.06)
    assert holm([0.04, 0.01, 0.03, 0.013]) == pytest.approx([0.06, 0.04, 0.06, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_the_order_and_lies_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    found = holm(p_values)
    for (p, q), (r, s) in zip(zip(p_values, found, strict=True), list(zip(p_values, found, strict=True))[1:], strict=False):
        assert (p <= r) <= (q <= s)
    assert all(p <= q <= min(1.0, p * len(p_values)) + 1e-12 for p, q in zip(p_values, found, strict=True))


def compared(*qualities: float, tasks: dict[str, Task] | None = None) -> Comparison:
    tasks = tasks or {"faq": task()}
    models = [judged(tasks, f"m{i}", quality, seed=i) for i, quality in enumerate(qualities)]
    return compare_all(tasks, models, {}, seed=0, resamples=400)


def test_letters_follow_quality() -> None:
    found = compared(0.5, 0.8, 0.7)
    assert [(one.letter, one.label) for one in found.contenders] == [("A", "m1"), ("B", "m2"), ("C", "m0")]


def test_a_large_difference_is_one_and_a_small_one_is_none() -> None:
    found = compared(0.800, 0.799, 0.6)
    assert not found.beaten("B", "A") and not found.beaten("A", "B")
    assert found.beaten("C", "A") and found.beaten("C", "B") and not found.beaten("A", "C")
    assert {pair.p_holm >= pair.result.p_value for pair in found.pairs} == {True}


def test_a_difference_has_the_sign_of_the_one_that_is_asked_for() -> None:
    found = compared(0.8, 0.6)
    a, b = (one.quality.value for one in found.contenders)
    delta, (low, high) = found.difference("B", "A")
    assert delta == pytest.approx(b - a) and low < delta < high < 0
    back, (back_low, back_high) = found.difference("A", "B")
    assert (back, back_low, back_high) == pytest.approx((-delta, -high, -low))


def test_quality_over_two_data_sets_is_their_mean_and_its_interval_narrower_than_either() -> None:
    tasks: dict[str, Task] = {"one": task("one"), "two": task("two")}
    (only,) = compared(0.7, tasks=tasks).contenders
    values = [only.results[name].metrics["ndcg@10"] for name in tasks]
    assert only.quality.value == pytest.approx(np.mean([one.value for one in values]))
    arms = [one.value - one.ci95[0] for one in values]
    assert only.quality.value - only.quality.ci95[0] == pytest.approx(np.hypot(*arms) / 2) and max(arms) > np.hypot(*arms) / 2


def test_who_wins_here_and_loses_there_is_not_beaten() -> None:
    tasks: dict[str, Task] = {"one": task("one"), "two": task("two")}
    models = [judged(tasks, "x", 0.8, seed=1), judged(tasks, "y", 0.8, seed=2)]
    for place, (good, bad) in enumerate([("one", "two"), ("two", "one")]):
        scores = models[place][1].scores
        scores[good], scores[bad] = scores_of(tasks[good], 0.9, place), scores_of(tasks[bad], 0.6, place)  # type: ignore[index]
    found = compare_all(tasks, models, {}, seed=0, resamples=400)
    assert {pair.better for pair in found.pairs} == {"A", "B"}
    assert not found.beaten("A", "B") and not found.beaten("B", "A")


def test_scored_pairs_are_compared_by_spearman() -> None:
    found = compared(0.9, 0.2, tasks={"sts": scored_task()})
    assert found.pairs[0].result.metric == "spearman" and found.beaten("B", "A")


def test_sizes_of_an_index_by_hand() -> None:
    one = judged({"faq": task()}, "m", 0.5, dimensions=1000)
    (found,) = compare_all({"faq": task()}, [one], {}, seed=0, resamples=100).contenders
    assert [found.index_bytes(10, name) for name in ("float32", "int8", "ubinary")] == [40_000, 10_000, 1_250]
