"""When a model counts as good as the best: only where that is shown, by simulation and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.made_up_comparison import judged, speed, task
from train.config.compare import LimitsConfig
from train.evaluate.score import Scores
from train.evaluate.tasks import Task
from train.workflows.compare.as_good import times_as_many
from train.workflows.compare.files import status
from train.workflows.compare.recommendation import Advice, advise
from train.workflows.compare.results import Comparison, compare_all

LEVELS, SHARES = np.array([0, 0.39, 0.5, 0.63, 1.0]), np.array([0.2, 0.1, 0.1, 0.15, 0.45])
"""Values of nDCG with one relevant document, and how often each comes."""


def compared(values: dict[str, list[np.ndarray]], resamples: int = 100) -> Comparison:
    """Models A, B, … with the values of each query; the second and later ones are cheaper, the last the cheapest."""
    tasks: dict[str, Task] = {name: task(name, len(found[0])) for name, found in values.items()}
    models = []
    for number in range(len(next(iter(values.values())))):
        found = judged(tasks, f"m{number}", 0.5, timed=speed(rate=100 * 2.0**number))
        for name, columns in values.items():
            one = columns[number]
            found[1].scores[name] = Scores("ndcg@10", {"ndcg@10": float(one.mean())}, {"ndcg@10": one})  # type: ignore[index]
        models.append(found)
    return compare_all(tasks, models, {}, seed=0, resamples=resamples)


def drawn(rng: np.random.Generator, n: int, losses: list[float]) -> list[np.ndarray]:
    """Values like nDCG of models that agree on half of the queries and truly lose so much (paired SD .4)."""
    shared, same = rng.choice(LEVELS, n, p=SHARES), rng.random(n) < 0.5
    own = [np.where(same, shared, rng.choice(LEVELS, n, p=SHARES)) for _ in losses]
    mean = float(LEVELS @ SHARES)
    return [np.where(rng.random(n) < loss / mean, 0.0, values) for loss, values in zip(losses, own, strict=True)]


def called_as_good(comparison: Comparison, found: Advice) -> dict[str, bool]:
    return {one.label: one is not found.best and one.letter in found.peers for one in comparison.contenders}


@pytest.mark.parametrize(("n", "loss"), [(50, 0.05), (100, 0.05), (300, 0.02)])
def test_a_model_that_is_worse_by_the_margin_or_more_hardly_ever_passes_as_good(n: int, loss: float) -> None:
    """It passed in 88, 62 and 85% where what no test found worse counted as good."""
    rng, trials = np.random.default_rng(n), 40
    wrong = 0
    for _ in range(trials):
        comparison = compared({"faq": drawn(rng, n, [0.0, loss])})
        wrong += called_as_good(comparison, advise(comparison, LimitsConfig(), 1000))["m1"]
    assert wrong <= 0.05 * trials


def test_of_several_models_none_that_is_worse_by_the_margin_passes_more_often() -> None:
    rng, trials = np.random.default_rng(1), 12
    wrong = np.zeros(3)
    for _ in range(trials):
        comparison = compared({"faq": drawn(rng, 400, [0.0, 0.02, 0.02, 0.02])})
        good = called_as_good(comparison, advise(comparison, LimitsConfig(), 1000))
        wrong += [good[f"m{i}"] for i in (1, 2, 3)]
    assert wrong.sum() <= 0.05 * 3 * trials


def test_a_model_that_is_truly_equal_passes_where_there_are_enough_queries() -> None:
    rng = np.random.default_rng(2)
    passed = 0
    for _ in range(6):
        first = rng.choice(LEVELS, 2000, p=SHARES)
        second = np.where(rng.random(2000) < 0.15, rng.choice(LEVELS, 2000, p=SHARES), first)
        comparison = compared({"faq": [first, second]})
        passed += len(advise(comparison, LimitsConfig(), 1000).peers) == 2
    assert passed >= 5


def test_of_ten_models_on_twelve_sets_a_huge_difference_is_found_and_the_cheapest_is_not_taken() -> None:
    """540 pairs: a p-value that is drawn could not be below 0.05 / 540, so nothing was worse and the cheapest was taken."""
    rng = np.random.default_rng(3)
    values = {}
    for number in range(12):
        good = np.clip(0.8 + 0.1 * rng.standard_normal(40), 0, 1)
        values[f"set{number}"] = [np.clip(good + 0.02 * rng.standard_normal(40), 0, 1) for _ in range(9)] + [good - 0.5]
    comparison = compared(values)
    assert len(comparison.pairs) > 500
    found = advise(comparison, LimitsConfig(), 1000)
    worst = next(one for one in comparison.contenders if one.label == "m9")
    assert found.taken is not worst and status(worst, comparison, found) == "worse"
    assert comparison.beaten(worst.letter, "A")


def of_two(rest: dict[str, Any] | None = None, **limits: Any) -> tuple[Comparison, Advice]:
    """100 queries on which the second, cheaper model loses 0.1 on one half and gains 0.09 on the other."""
    first = np.full(100, 0.5)
    second = first + np.where(np.arange(100) % 2, 0.09, -0.1)
    comparison = compared({"faq": [first, second], **(rest or {})}, resamples=500)
    return comparison, advise(comparison, LimitsConfig.model_validate(limits), 1000)


def test_where_nothing_is_shown_the_highest_is_taken_and_it_is_said_how_many_queries_would_show_it() -> None:
    comparison, found = of_two()
    assert found.taken is not None and found.taken.label == "m0" and found.peers == {"A"} and not found.beaten
    assert status(comparison.contenders[1], comparison, found) == "unclear"
    assert found.reasons[0].startswith("It scores highest on your data: nDCG@10 0.500")
    needed = "about 240 would show an equal model to be not worse by 0.02"
    assert f"There are too few queries to tell m1 from it: {needed}." in found.reasons[0]


def test_the_number_of_queries_is_about_right() -> None:
    rng = np.random.default_rng(4)
    first = rng.choice(LEVELS, 200, p=SHARES)
    second = np.where(rng.random(200) < 0.2, rng.choice(LEVELS, 200, p=SHARES), first)
    second = np.clip(second + (first - second).mean(), 0, 1)
    _, found = (comparison := compared({"faq": [first, second]}, resamples=2000)), advise(comparison, LimitsConfig(), 1000)
    needed = int(found.reasons[0].split("about ")[1].split(" would")[0].replace(",", ""))
    sd = float((first - second).std())
    assert ((1.645 + 0.842) * sd / 0.02) ** 2 < needed < 1.6 * ((1.645 + 0.842) * sd / 0.02) ** 2


@pytest.mark.parametrize("margin", [0.01, 0.02, 0.05])
def test_the_number_is_that_of_a_single_comparison(margin: float) -> None:
    rng = np.random.default_rng(6)
    comparison = compared({"faq": [rng.random(300), rng.random(300)]})
    (pair,) = comparison.pairs
    (expected,) = (one for one in pair.result.needed if one.difference == margin)
    a, b = comparison.contenders
    assert 300 * times_as_many(comparison, b, a, margin) == pytest.approx(expected.to_show_not_worse, rel=0.001, abs=1)


def test_equal_models_need_three_times_the_inverse_of_the_margin() -> None:
    comparison = compared({"faq": [np.full(50, 0.5), np.full(50, 0.5)]})
    a, b = comparison.contenders
    assert 50 * times_as_many(comparison, b, a, 0.02) == pytest.approx(150)
    assert "about 150 would show" in advise(comparison, LimitsConfig(), 1000).reasons[0]


def test_over_two_equal_data_sets_half_of_the_queries_of_each_are_enough_where_spread_decides() -> None:
    rng = np.random.default_rng(7)
    columns = [rng.random(5000), rng.random(5000)]
    one, two = compared({"one": columns}), compared({"one": columns, "two": columns})
    found = [times_as_many(each, each.contenders[1], each.contenders[0], 0.02) for each in (one, two)]
    assert found[1] == pytest.approx(found[0] / 2, rel=0.05)


def test_a_tolerance_above_the_margin_takes_precedence_and_must_be_shown_too() -> None:
    _, found = of_two(tolerance=0.1)
    assert found.taken is not None and found.taken.label == "m1" and "within your tolerance of the best, m0" in found.reasons[0]
    assert of_two(tolerance=0.01)[1].peers == {"A"}, "below the margin it changes nothing"


def test_a_loss_beyond_the_margin_on_one_data_set_is_not_made_up_for_on_another() -> None:
    lost, gained = [np.full(300, 0.5), np.full(300, 0.4)], [np.full(300, 0.5), np.full(300, 0.59)]
    comparison = compared({"lost": lost, "gained": gained})
    assert comparison.low95("B", "A") > -0.03 and comparison.contenders[1].label == "m1"
    assert advise(comparison, LimitsConfig(tolerance=0.05), 1000).peers == {"A"}


def test_the_bound_over_data_sets_by_hand() -> None:
    rng = np.random.default_rng(5)
    values = {name: [rng.random(80), rng.random(80)] for name in ("one", "two")}
    comparison = compared(values)
    found = [(pair.result.delta, pair.result.low95, pair.result.high95) for pair in comparison.between("A", "B")]
    arms = [delta - low for delta, low, _ in found]
    assert comparison.low95("B", "A") == pytest.approx(np.mean([one[0] for one in found]) - np.hypot(*arms) / 2)
    arms = [high - delta for delta, _, high in found]
    assert comparison.low95("A", "B") == pytest.approx(-np.mean([one[0] for one in found]) - np.hypot(*arms) / 2)
