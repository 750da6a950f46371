"""The pipeline from Python: what it returns, that it is silent by itself, and that a plan stays what was recorded."""

from __future__ import annotations

import dataclasses
import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from data.schema import RowKind
from train import pipeline
from train.config.load import load_config
from train.config.schema import TrainingConfig
from train.console import heard_by
from train.fit.recipe import RowFacts, plan_recipe
from train.plan.ceiling import gentler_near_ceiling
from train.plan.plan import Plan
from train.workflows.dry_run import dry_run

MOST_LINES = 200
"""The sentence fits on a few screens; what is longer holds more than the order of the work."""


@pytest.fixture
def overrides(tiny_model: Path, tmp_path: Path) -> list[str]:
    words = [f"model.name={tiny_model}", "model.device=cpu", "training.precision=fp32", "training.max_steps=2"]
    return [*words, f"output_dir={tmp_path}", "run_name=run", "evaluation.resamples=200"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    draw = random.Random(3)
    lines = [f"a {draw.choice(['red', 'blue'])} thing {i},the thing {i} of a kind,{i % 5 / 4}" for i in range(60)]
    (tmp_path / "scored.csv").write_text("\n".join(["sentence1,sentence2,score", *lines]) + "\n", encoding="utf-8")
    return tmp_path / "scored.csv"


def test_a_dry_run_returns_the_plan_and_prints_nothing(
    rows: Path, overrides: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    with heard_by(said.append):
        found = dry_run(load_config(None, data=str(rows), overrides=overrides))
    words = str(found)
    assert found.sentences[0] == "recipe:" and "  2 optimiser steps (as set)" in words
    assert "run_name: run" in found.config and found.config in words
    assert str(found.estimate) in words and words.endswith("nothing was trained, no run folder was made")
    estimated = json.loads(json.dumps(found.to_dict()))["estimate"]
    assert estimated["memory_mb"] > 0 and {"training", "judging"} <= estimated["parts"].keys()
    assert estimated["whole_seconds"] == pytest.approx(sum(estimated["parts"].values()))
    assert not set(found.sentences) & set(said), "what is returned is not said as well"
    assert not (rows.parent / "run").exists()
    captured = capfd.readouterr()
    assert not captured.out and "run" not in captured.err


def test_a_run_returns_its_folder_and_its_closing_words_are_said_once(
    rows: Path, overrides: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    with heard_by(said.append):
        run = pipeline.start_run(load_config(None, data=str(rows), overrides=overrides), inner=True)
    assert run == rows.parent / "run" and (run / "report.json").is_file()
    assert (
        sum("\n" not in line and line.startswith(("Better: ", "Worse: ", "Unproven: ", "The base is kept: ")) for line in said)
        == said.count(f"report: {run / 'report.html'}")
        == 1
    )
    assert not capfd.readouterr().out


def test_a_run_outside_the_main_thread_finishes(rows: Path, overrides: list[str]) -> None:
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(pipeline.start_run, load_config(None, data=str(rows), overrides=overrides), inner=True).result()
    assert run == rows.parent / "run" and (run / "report.json").is_file()


def test_a_base_near_the_ceiling_gives_another_plan_and_its_record(tmp_path: Path) -> None:
    recipe = plan_recipe(TrainingConfig(), {"qa": RowFacts(RowKind.PAIR, 6300, 6300, 6300)}, 256)
    config = SimpleNamespace(training=TrainingConfig())
    plan = Plan(*cast("tuple", (config, {}, None, None, {}, recipe, False)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.recipe = recipe  # type: ignore[misc]
    (tmp_path / "environment.json").write_text(json.dumps({"recipe": list(recipe.reasons), "device": "cpu"}), encoding="utf-8")
    assert gentler_near_ceiling(plan, tmp_path, 0.5) is plan and gentler_near_ceiling(plan, tmp_path, None) is plan
    gentle = gentler_near_ceiling(plan, tmp_path, 0.96)
    assert plan.recipe is recipe and gentle.recipe.learning_rate == pytest.approx(recipe.learning_rate / 2)
    recorded = json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))
    assert recorded == {"format": 1, "recipe": list(gentle.recipe.reasons), "device": "cpu"}


def test_the_sentence_is_short() -> None:
    assert len(Path(pipeline.__file__).read_text(encoding="utf-8").splitlines()) <= MOST_LINES
