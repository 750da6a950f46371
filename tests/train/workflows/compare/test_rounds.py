"""Speeds with intervals: what noise alone makes of two equal models, and what is said of models that cannot be told apart."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.made_up_comparison import judged, speed, task
from tests.train.workflows.compare.test_speed import SAMPLES, Local
from train.config.compare import LimitsConfig, MeasureConfig
from train.evaluate.tasks import Task
from train.workflows.compare.figures import figures
from train.workflows.compare.reasons import costs_less
from train.workflows.compare.recommendation import Advice, advise
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.rounds import in_rounds, is_quicker, rank_interval, with_rounds
from train.workflows.compare.speed import Round, Speed, measure_round

NUMBER = MeasureConfig().rounds


def noisy(rate: float, rng: np.random.Generator, number: int = NUMBER, session: str = "one") -> Speed:
    """Return a speed over rounds, each off by some 5%, and every fifth round disturbed: up to half as fast."""
    rates = rate * np.exp(rng.normal(0, 0.05, number)) / np.where(rng.random(number) < 0.2, rng.uniform(1, 2, number), 1)
    return with_rounds(speed(), [Round(800 / one, 1000 / one, one) for one in rates.tolist()], session)


@pytest.mark.parametrize(
    ("count", "ends"),
    # the sign test: of 8 values the second and the last but one leave out 2 · 9 / 256 = 7%, of 9 values 2 · 10 / 512 = 3.9%
    [(0, None), (5, None), (6, (0, 5)), (8, (0, 7)), (9, (1, 7))],
)
def test_the_interval_of_a_median_is_that_of_the_sign_test(count: int, ends: tuple[int, int] | None) -> None:
    values = np.random.default_rng(0).permutation(count).astype(float).tolist()
    assert rank_interval(values) == ends


def test_an_interval_holds_the_median_of_a_skew_distribution_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(1)
    for number in (6, 12):
        found = [rank_interval(rng.exponential(1.0, number).tolist()) for _ in range(2000)]
        held = np.mean([low <= math.log(2) <= high for low, high in (one for one in found if one is not None)])
        assert held > 0.94, number


def test_of_two_models_of_one_speed_one_is_rarely_called_faster() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(1000):
        one, other = noisy(100, rng), noisy(100, rng)
        wrong += any(is_quicker(*pair, single=single) for pair in ((one, other), (other, one)) for single in (False, True))
    assert wrong <= 10, "1%"


def test_a_model_that_is_twice_as_fast_is_called_so() -> None:
    rng = np.random.default_rng(3)
    found = [is_quicker(noisy(200, rng), noisy(100, rng)) for _ in range(300)]
    assert np.mean(found) > 0.9


def test_what_is_within_a_tenth_or_not_measured_in_turns_is_told_with_care() -> None:
    def made(rate: float, low: float, high: float, session: str = "one") -> Speed:
        return replace(speed(rate=rate), texts_per_second_ci95=(low, high), rounds=6, session=session)

    assert is_quicker(made(100, 99, 101), made(80, 79, 81)) and not is_quicker(made(80, 79, 81), made(100, 99, 101))
    assert not is_quicker(made(100, 99, 101), made(95, 94, 96)), "a twentieth is no reason"
    assert not is_quicker(made(100, 85, 101), made(80, 79, 86)), "the intervals meet"
    assert not is_quicker(made(100, 94, 101), made(85, 84, 89, session="two")), "another day"
    assert is_quicker(speed(rate=100), speed(rate=89)) and not is_quicker(speed(rate=100), speed(rate=91))
    assert is_quicker(speed(), None) and not is_quicker(None, speed()) and not is_quicker(None, None)


def test_models_take_turns_and_a_round_that_fails_is_left_out() -> None:
    turns: list[tuple[str, int]] = []

    def time(model: str, batch: int) -> Round | None:
        turns.append((model, batch))
        return None if turns.count((model, batch)) == 2 and model == "b" else Round(1.0, 2.0, float(len(turns)))

    found = in_rounds({"a": speed(), "b": replace(speed(), best_batch=8)}, 3, time)
    assert turns == [("a", 32), ("b", 8), ("b", 8), ("a", 32), ("a", 32), ("b", 8)]
    assert (found["a"].rounds, found["a"].texts_per_second, found["b"].rounds) == (3, 4.0, 2)
    assert found["a"].session == found["b"].session != "" and found["a"].texts_per_second_ci95 is None
    assert found["a"].by_batch[32] == 4.0 and found["a"].tokens_per_second == 80.0
    assert Speed.from_json(found["a"].as_json()) == found["a"]


def test_a_round_takes_its_share_of_the_time() -> None:
    encoder = Local()
    settings = MeasureConfig(latency_texts=1000, seconds=4.0, rounds=10)
    found = measure_round(encoder, SAMPLES, settings, 32, clock=encoder.clock)  # type: ignore[arg-type]
    assert found.p50_ms == pytest.approx(11) and found.texts_per_second == pytest.approx(32 / 0.042)
    assert encoder.now < 2.0, "a tenth of half of it for latency (one text takes a second), and as much for throughput"


def advised(*models: tuple[str, float, dict[str, Any]]) -> tuple[Comparison, Advice]:
    tasks: dict[str, Task] = {"faq": task(queries=1000)}
    found = [judged(tasks, label, quality, **{"seed": i, **more}) for i, (label, quality, more) in enumerate(models)]
    comparison = compare_all(tasks, found, {}, seed=0, resamples=200)
    return comparison, advise(comparison, LimitsConfig(), 1_000_000)


def spread(rate: float, by: float) -> Speed:
    """Return a speed with intervals of that share to each side."""
    p95 = 1000 / rate
    spans = {"texts_per_second_ci95": (rate * (1 - by), rate * (1 + by)), "latency_p95_ci95": (p95 * (1 - by), p95 * (1 + by))}
    return replace(speed(p95=p95, rate=rate), **spans, rounds=6, session="one")


def test_the_advice_heeds_what_measuring_leaves_open() -> None:
    for by, taken in ((0.4, "small"), (0.01, "fast")):
        models = [("small", 0.504, {"timed": spread(100, by), "dimensions": 256}), ("fast", 0.500, {"timed": spread(140, by)})]
        comparison, advice = advised(*models)
        assert advice.taken is not None and advice.taken.label == taken
        wishes = {wish.what: wish for wish in advice.wishes}
        for what in ("a quick answer to a single text", "many texts a second"):
            assert wishes[what].model.label == taken
            assert wishes[what].value.endswith("(equally fast: fast)") is (by == 0.4)
        assert any("as many texts a second" in reason for reason in advice.reasons) is (by == 0.01)
        line = next(one for one in figures(comparison.contenders, 1000) if one.name == "texts a second")
        assert line.best == (() if by == 0.4 else (1,))
        assert any(one.name == "texts/s, 95% interval" for one in figures(comparison.contenders, 1000))


def test_a_price_that_follows_from_speed_differs_only_as_speed_does() -> None:
    comparison, _ = advised(
        ("one", 0.504, {"timed": spread(100, 0.4), "price": 0.010}), ("other", 0.5, {"timed": spread(120, 0.4), "price": 0.008})
    )
    one, other = comparison.contenders
    assert not costs_less(other, one) and not costs_less(one, other)
    assert costs_less(replace(other, outcome=replace(other.outcome, speed=spread(300, 0.1))), one)
