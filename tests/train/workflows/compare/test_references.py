"""BM25 beside the models of a comparison: figures, the word on it, and where it is shown."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from tests.support.made_up_comparison import judged, report_of, scored_task, speed
from train.config.compare import CompareSettings, LimitsConfig
from train.config.schema import EvaluationConfig
from train.evaluate.lexical import fuse, rank_by_words, score_ranked
from train.evaluate.tasks import RetrievalTask, Task
from train.workflows.compare import references as module
from train.workflows.compare.files import as_csv, as_json
from train.workflows.compare.page import render
from train.workflows.compare.recommendation import Advice, advise
from train.workflows.compare.references import Reference, judge_references, rank_words, references_json, with_references
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.terminal import story

SETTINGS = EvaluationConfig(resamples=100)
WORDS = [f"word{i}" for i in range(60)]


def searched(known: int, queries: int = 300, name: str = "faq") -> RetrievalTask:
    """A task of which BM25 finds the answers to the first `known` queries, and no others."""
    rng = np.random.default_rng(0)
    ids = [str(i) for i in range(queries)]
    documents = [f"{' '.join(rng.choice(WORDS, 6))} number{i}" for i in ids]
    texts = [f"number{i}" if int(i) < known else f"unknown{i}" for i in ids]
    return RetrievalTask(name, "test", ids, texts, [f"d{i}" for i in ids], documents, {i: {f"d{i}": 1.0} for i in ids})


def found_by(task: RetrievalTask, hits: range) -> list[np.ndarray]:
    """The ranking of a model that finds the answers to some queries, and nothing for the rest."""
    return [np.array([i] if i in hits else [], dtype=np.int64) for i in range(len(task))]


def compared(task: RetrievalTask, **hits: range) -> tuple[Comparison, dict[str, Task]]:
    """Models that find the answers to such queries; the later ones are faster."""
    tasks: dict[str, Task] = {task.name: task}
    models, words = [], rank_by_words(task)
    for number, (label, found) in enumerate(hits.items()):
        candidate, outcome, price = judged(tasks, label, 0.5, timed=speed(rate=100 * 3.0**number))
        ranked = found_by(task, found)
        outcome = replace(
            outcome,
            scores={task.name: score_ranked(task, ranked)},
            fused={task.name: score_ranked(task, fuse(task, words, ranked))},
        )
        models.append((candidate, outcome, price))
    return compare_all(tasks, models, {}, seed=0, resamples=100), tasks


def told(task: RetrievalTask, **hits: range) -> tuple[Comparison, Advice, tuple[Reference, ...]]:
    comparison, tasks = compared(task, **hits)
    advice = advise(comparison, LimitsConfig(), 1000)
    found = judge_references(tasks, rank_words(tasks, SETTINGS), comparison, advice, SETTINGS, seed=0)
    return comparison, with_references(advice, found, comparison, SETTINGS.margin), found


def test_bm25_alone_and_with_each_model_by_hand() -> None:
    comparison, _, found = told(searched(known=90), good=range(210), cheap=range(60))
    assert [one.name for one in found] == ["BM25", "BM25 with good", "BM25 with cheap"]
    alone, with_good, _ = found
    assert alone.quality.value == pytest.approx(0.3) and alone.against_own is None
    assert alone.against_taken.delta == pytest.approx(0.3 - 0.7) and not alone.against_taken.as_good
    # what BM25 knows is among what the model finds, and both put it first
    assert with_good.against_own == with_good.against_taken and with_good.quality.value == pytest.approx(0.7)
    assert comparison.contenders[0].label == "good"


@pytest.mark.parametrize(
    ("known", "hits", "said"),
    [
        (90, {"good": range(210)}, "Words alone (BM25) reach 0.300 (-0.400 against good, 95% interval"),
        (210, {"good": range(210)}, "Words alone (BM25) do as well: 0.700 (+0.000 against good, not worse by 0.02)."),
        (300, {"good": range(150)}, "Words alone (BM25) do better: 1.000 (+0.500 against good)."),
        (150, {"good": range(120, 300)}, "Together with BM25 good does better still: "),
        (120, {"good": range(300), "cheap": range(120, 300)}, "cheap, which is cheaper, does as well together with BM25: 1"),
    ],
    ids=["worse", "as well", "better", "together", "a cheaper model together"],
)
def test_the_recommendation_says_what_words_are_worth(known: int, hits: dict[str, range], said: str) -> None:
    _, advice, _ = told(searched(known), **hits)
    assert any(reason.startswith(said) for reason in advice.reasons), advice.reasons


def test_they_are_switched_off_left_out_where_they_take_too_long_and_where_nothing_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks: dict[str, Task] = {"faq": searched(10), "sts": scored_task()}
    assert rank_words(tasks, SETTINGS).ranked.keys() == {"faq"}
    assert not rank_words(tasks, EvaluationConfig.model_validate({"references": False})).ranked
    monkeypatch.setattr(module, "seconds_of_words", lambda _: 90.0)
    none = rank_words(tasks, SETTINGS)
    assert none.ranked == {} and none.notes == (
        "BM25 was not judged on faq: it would take about 1 min 30 s, and 60 s is the most.",
    )
    comparison, tasks = compared(searched(10), good=range(20))
    advice = advise(comparison, LimitsConfig(), 1000)
    assert judge_references(tasks, none, comparison, advice, SETTINGS, seed=0) == ()
    assert with_references(advice, (), comparison, 0.02) is advice


def test_files_terminal_and_page_show_them() -> None:
    comparison, advice, found = told(searched(90), good=range(210), cheap=range(60))
    report: dict[str, Any] = as_json(comparison, advice, 1000, {}) | references_json(found, ["a note"])
    lines = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [(line["model"], line["status"]) for line in lines[2:]] == [(one.name, "reference") for one in found]
    assert float(lines[2]["faq ndcg@10"]) == pytest.approx(0.3)
    text = story(comparison, advice, 1000, Console(width=80, color_system=None), found)
    assert max(map(len, text.splitlines())) <= 80 and "…" not in text
    assert "BM25 with cheap" in text and "With words" in text
    settings = CompareSettings.model_validate({"data": {"datasets": [{"source": "faq.csv"}]}})
    page = render(comparison, advice, settings, report_of(comparison) | report, {}, found)
    assert 'id="references"' in page and "BM25 with cheap" in page and "a note" in page
    assert 'id="references"' not in render(comparison, advice, settings, report_of(comparison), {})
