"""The page and the terminal of a comparison: what they say, and that no text breaks out."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tests.support.made_up_comparison import judged, report_of, scored_task, seven, speed, task
from tests.support.pages import HOSTILE, Reader
from train.config.compare import CompareSettings
from train.evaluate.tasks import Task
from train.workflows.compare.page import render
from train.workflows.compare.recommendation import advise
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.terminal import story


def page(comparison: Comparison, notes: dict[str, list[str]] | None = None, **limits: Any) -> str:
    config = CompareSettings.model_validate({"data": "x", "limits": limits})
    advice = advise(comparison, config.limits, config.measure.documents)
    return render(comparison, advice, config, report_of(comparison), notes or {})


def terminal(comparison: Comparison, width: int = 80, **limits: Any) -> str:
    config = CompareSettings.model_validate({"data": "x", "limits": limits})
    return story(comparison, advise(comparison, config.limits, 1000), 1000, Console(width=width, color_system=None))


def test_the_page_says_what_to_take_and_why_and_shows_every_model() -> None:
    _, comparison = seven()
    read = Reader(page(comparison, max_latency_ms=50))
    text = read.all_text()
    assert "Take checkpoints/tuned It is the best on your data: nDCG@10" in text
    assert "this excludes intfloat/multilingual-e5-large (310 ms)" in text and "nosuch/model could not be judged" in text
    for one in comparison.contenders:
        assert text.count(one.label) >= 4
    assert read.tags.count("svg") >= 4 and "<canvas" not in page(comparison)
    labels = [value for tag, name, value in read.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == 4 and all("Best trade-offs, the cheapest first: " in (label or "") for label in labels)


def test_prices_that_are_all_the_same_are_not_drawn() -> None:
    tasks: dict[str, Task] = {"faq": task()}
    comparison = compare_all(tasks, [judged(tasks, "a", 0.5), judged(tasks, "b", 0.4)], {}, seed=0, resamples=100)
    assert "Quality against size" in page(comparison) and "Quality against price" not in page(comparison)


def test_times_that_were_taken_on_a_busy_machine_are_marked() -> None:
    tasks: dict[str, Task] = {"faq": task()}
    models = [judged(tasks, "a", 0.5, timed=speed(busy=0.9)), judged(tasks, "b", 0.4, timed=speed(busy=0.1))]
    text = Reader(page(compare_all(tasks, models, {}, seed=0, resamples=100))).all_text()
    assert "other programs were at work while A was measured" in text
    assert "other programs were at work" not in Reader(page(seven()[1])).all_text()


def test_one_model_alone_has_a_page() -> None:
    tasks: dict[str, Task] = {"faq": task()}
    text = Reader(page(compare_all(tasks, [judged(tasks, "a", 0.5)], {}, seed=0, resamples=100))).all_text()
    assert "Take a" in text and "only model that could be judged" in text and "What quality costs" not in text


def test_nothing_fits_and_the_page_says_so() -> None:
    _, comparison = seven()
    text = Reader(page(comparison, max_dims=8)).all_text()
    assert "No model meets all of your limits." in text and "comes nearest" in text and "If one thing matters most" not in text


def test_several_data_sets_are_told_apart() -> None:
    tasks: dict[str, Task] = {"faq": task(), "sts": scored_task()}
    comparison = compare_all(tasks, [judged(tasks, "a", 0.5), judged(tasks, "b", 0.4)], {}, seed=0, resamples=100)
    text = Reader(page(comparison)).all_text()
    assert "mean of nDCG@10 and Spearman over 2 data sets" in text
    assert "Every pair of models on faq" in text and "Every pair of models on sts" in text
    assert "Results on each data set" in terminal(comparison)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    _, comparison = seven(text)
    clean = Reader(page(seven()[1], {"faq": ["note"]}))
    read = Reader(page(comparison, {text: [text]}))
    assert [tag for tag in read.tags if tag in ("script", "img", "style", "b", "section")] == [
        tag for tag in clean.tags if tag in ("script", "img", "style", "b", "section")
    ]
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert "\u202e" not in page(comparison)


def test_the_terminal_fits_and_cannot_be_controlled() -> None:
    _, comparison = seven()
    text = terminal(comparison, max_latency_ms=50)
    assert text.startswith("Take checkpoints/tuned.") and max(map(len, text.splitlines())) <= 80
    assert "Models by quality on faq (200 queries)" in text and text.count("All figures") == 2
    assert all(one.letter in text for one in comparison.contenders)
    assert "[red]x" in terminal(seven("[red]x[/red]\x1b[31m")[1], 120) and "\x1b" not in terminal(seven("a\x1b[31m")[1], 120)
