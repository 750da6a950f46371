"""Which model is recommended, and whether the reasons are the right ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.made_up_comparison import judged, seven, speed, task
from train.config.compare import LimitsConfig
from train.evaluate.tasks import Task
from train.workflows.compare.files import status
from train.workflows.compare.recommendation import Advice, advise
from train.workflows.compare.results import Comparison, compare_all


def compared(*models: tuple[str, float, dict[str, Any]], queries: int = 1000) -> Comparison:
    tasks: dict[str, Task] = {"faq": task(queries=queries)}
    found = [judged(tasks, label, quality, **{"seed": i, **more}) for i, (label, quality, more) in enumerate(models)]
    return compare_all(tasks, found, {}, seed=0, resamples=400)


def advice(comparison: Comparison, **limits: Any) -> Advice:
    return advise(comparison, LimitsConfig.model_validate(limits), 1_000_000)


def label(found: Advice) -> str | None:
    return None if found.taken is None else found.taken.label


def test_the_best_is_taken_where_it_is_better_beyond_chance() -> None:
    found = advice(compared(("good", 0.8, {"timed": speed(rate=10)}), ("fast", 0.6, {"timed": speed(rate=900)})))
    assert label(found) == "good" and found.peers == {"A"}
    assert "best on your data" in found.reasons[0] and "worse beyond chance" in found.reasons[0]


@pytest.mark.parametrize(
    ("first", "second", "saving"),
    [
        ({"price": 0.1, "api": "openai"}, {"price": 0.02, "api": "voyage"}, "costs $0.02 a million tokens rather than $0.10"),
        ({"timed": speed(rate=100)}, {"timed": speed(rate=420)}, "encodes 4.2 times as many texts a second"),
        (
            {"timed": speed(rate=100), "dimensions": 1024},
            {"timed": speed(rate=95), "dimensions": 256},
            "vectors are 4.0 times smaller",
        ),
    ],
    ids=["price", "speed", "size"],
)  # fmt: skip
def test_of_models_that_are_shown_to_be_as_good_the_cheaper_is_taken_and_that_is_said(
    first: dict[str, Any], second: dict[str, Any], saving: str
) -> None:
    models = compared(("dear", 0.504, first), ("cheap", 0.500, second))
    found = advice(models)
    assert found.best is not None and found.best.label == "dear" and label(found) == "cheap"
    assert "is not worse by 0.02 than the best, dear" in found.reasons[0] and saving in found.reasons[1]
    assert {status(one, models, found) for one in models.contenders} == {"taken", "as good"}


def test_a_cheaper_model_that_is_worse_is_not_taken_but_within_a_tolerance_it_is() -> None:
    models = compared(("dear", 0.80, {"timed": speed(rate=10)}), ("cheap", 0.77, {"timed": speed(rate=500)}))
    assert label(advice(models)) == "dear"
    found = advice(models, tolerance=0.05)
    assert label(found) == "cheap" and "within your tolerance of the best, dear" in found.reasons[0]
    assert label(advice(models, tolerance=0.01)) == "dear"


def test_the_best_is_kept_where_the_others_are_no_cheaper() -> None:
    found = advice(compared(("good", 0.504, {"timed": speed(rate=500)}), ("slow", 0.500, {"timed": speed(rate=50)})))
    assert label(found) == "good" and "slow is not worse by 0.02, and is no cheaper" in found.reasons[0]


@pytest.mark.parametrize(
    ("limits", "excluded"),
    [
        ({"max_latency_ms": 50}, "At most 50 ms for 95 of 100 single texts: this excludes big (310 ms)."),
        ({"min_throughput": 20}, "At least 20 texts/s: this excludes big (11 texts/s)."),
        ({"max_memory_mb": 1024}, "At most 1.0 GB of memory: this excludes big (2.8 GB)."),
        ({"max_dims": 512}, "At most 512 dimensions: this excludes big (1,024)."),
        ({"max_price": 0}, "At most $0 a million tokens: this excludes big ($0.10)."),
        ({"local_only": True}, "No model behind an API: this excludes big."),
        ({"licences": "Apache-2.0"}, "Licence Apache-2.0: this excludes big (mit)."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_limit_excludes_and_is_named(limits: dict[str, Any], excluded: str) -> None:
    big = {"timed": speed(310, 11, 2900), "dimensions": 1024, "price": 0.1, "licence": "mit"}
    api = {"api": "openai", "timed": speed(310, 11, None)} if limits.get("local_only") else {}
    models = compared(("big", 0.9, {**big, **api}), ("small", 0.6, {"timed": speed(12, 420, 610)}))
    assert label(advice(models)) == "big"
    found = advice(models, **limits)
    assert label(found) == "small" and found.out == [excluded] and [b.key for b in found.broken["A"]] == list(limits)
    cost = models.contenders[0].quality.value - models.contenders[1].quality.value
    assert f"Your limits cost {cost:.3f}: without {next(iter(limits))}, big would reach" in " ".join(found.reasons)


def test_a_limit_is_kept_at_its_very_value() -> None:
    models = compared(("one", 0.9, {"timed": speed(50.0, 20.0, 1024.0), "dimensions": 512, "price": 0.05}))
    kept = {"max_latency_ms": 50, "min_throughput": 20, "max_memory_mb": 1024, "max_dims": 512, "max_price": 0.05}
    assert label(advice(models, **kept)) == "one"


def test_what_is_not_known_keeps_no_limit() -> None:
    models = compared(("one", 0.9, {"timed": None, "price": None, "licence": None}))
    found = advice(models, max_latency_ms=50, max_price=1, licences=["mit"])
    assert found.taken is None and [breach.value for breach in found.broken["A"]] == ["not known"] * 3


def test_a_model_behind_an_api_takes_no_memory_here() -> None:
    models = compared(("api", 0.9, {"timed": speed(memory=None), "api": "openai"}))
    assert label(advice(models, max_memory_mb=1)) == "api"


def test_nothing_fits() -> None:
    _, models = seven()
    found = advice(models, max_latency_ms=1, max_dims=400)
    assert found.taken is None and found.headline == "No model meets all of your limits." and found.wishes == []
    assert found.reasons == [
        "checkpoints/tuned comes nearest and breaks 1 limit (max_latency_ms). Loosen a limit, or add models."
    ]
    assert {status(one, models, found) for one in models.contenders} == {"out"}


def test_one_model_alone() -> None:
    found = advice(compared(("one", 0.9, {})))
    assert label(found) == "one" and "only model that could be judged" in found.reasons[0]


def test_wishes_name_the_first_in_each_respect() -> None:
    _, models = seven()
    wishes = advice(models).wishes
    found = {wish.what: wish.model.label for wish in wishes}
    assert found == {
        "quality": "checkpoints/tuned",
        "a quick answer to a single text": "checkpoints/tuned",
        "many texts a second": "openai:text-embedding-3-small",
        "a small index": "checkpoints/tuned",
        "a low price": "checkpoints/tuned",
    }
    assert wishes[1].value == "12.5 ms (equally fast: all-MiniLM-L6-v2)"
    local = {wish.what: wish.model.label for wish in advice(models, local_only=True).wishes}
    assert local["many texts a second"] == "checkpoints/tuned", "wishes stay within the limits"


def test_every_model_has_a_status() -> None:
    _, models = seven()
    found = advice(models, local_only=True)
    states = {one.label: status(one, models, found) for one in models.contenders}
    assert states["checkpoints/tuned"] == "taken" and states["intfloat/multilingual-e5-large"] == "as good"
    assert states["voyage-3.5-lite"] == "out" and states["all-MiniLM-L6-v2"] == "worse"
