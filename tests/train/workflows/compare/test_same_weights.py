"""A model that is another one under another name is called so, and never ranked against it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.made_up_comparison import judged, report_of, speed, task
from train.config.compare import LimitsConfig
from train.evaluate.tasks import Task
from train.workflows.compare.files import as_json, status
from train.workflows.compare.recommendation import Advice, advise
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.terminal import story


def found_of(*models: tuple[str, dict[str, Any]], **limits: Any) -> tuple[Comparison, Advice]:
    tasks: dict[str, Task] = {"faq": task(queries=1000)}
    found = [judged(tasks, label, **{"quality": 0.7, "seed": 1, **more}) for label, more in models]
    comparison = compare_all(tasks, found, {}, seed=0, resamples=200)
    return comparison, advise(comparison, LimitsConfig.model_validate(limits), 1_000_000)


@pytest.mark.parametrize("rates", [(100.0, 900.0), (900.0, 100.0)])
def test_a_copy_is_never_taken_for_its_speed(rates: tuple[float, float]) -> None:
    models = [("minilm", {"timed": speed(rate=rates[0])}), ("copy", {"timed": speed(rate=rates[1]), "same_as": "minilm"})]
    comparison, advice = found_of(*models, ("other", {"quality": 0.4, "seed": 2, "timed": speed(rate=50)}))
    assert advice.taken is not None and advice.taken.label == "minilm"
    assert {one.label: status(one, comparison, advice) for one in comparison.contenders} == {
        "minilm": "taken",
        "copy": "same",
        "other": "worse",
    }
    assert advice.reasons[0].endswith("Every other model is worse beyond chance.")
    assert advice.reasons[-1] == "copy: the same weights as minilm, not ranked."
    assert all("copy" not in wish.value and wish.model.label != "copy" for wish in advice.wishes)
    assert "same as A" in story(comparison, advice, 1_000_000)
    content = as_json(comparison, advice, 1_000_000, report_of(comparison))
    assert [one["same_weights_as"] for one in content["models"]] == [None, "minilm", None]


def test_a_model_beside_its_copy_is_the_only_one() -> None:
    _, advice = found_of(("minilm", {"timed": speed()}), ("copy", {"timed": speed(), "same_as": "minilm"}))
    assert advice.reasons[0].startswith("It is the only model that could be judged")


def test_the_same_file_of_weights_under_other_prompts_is_another_model() -> None:
    comparison, _ = found_of(("minilm", {"timed": speed()}), ("prompted", {"timed": speed(), "same_as": "minilm"}))
    first, second = comparison.contenders
    assert comparison.twins and first.is_twin_of(second)
    second.outcome.spaces["query"] = "other"  # type: ignore[index]
    assert not second.is_twin_of(first)


def test_models_behind_an_api_have_no_weights_to_compare() -> None:
    comparison, _ = found_of(
        ("a", {"api": "openai", "timed": speed()}), ("b", {"api": "openai", "same_as": "a", "timed": speed()})
    )
    assert not comparison.twins
