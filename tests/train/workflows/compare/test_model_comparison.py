"""What a comparison gives back: words, a table a row a model, a view for notebooks; and nothing is printed on the way."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing.spawn
import sys
from pathlib import Path

import pytest

from tests.support.made_up_comparison import judged, seven, task
from tests.support.measuring import AT_ONCE, SOME_TEXTS
from tests.train.conftest import RESAMPLES
from train.cli.output import print_json
from train.config.compare import LimitsConfig
from train.console import heard_by
from train.evaluate.tasks import Task
from train.workflows.compare.compare import compare_models
from train.workflows.compare.config import read_compare_request
from train.workflows.compare.files import as_csv, as_json
from train.workflows.compare.isolation import _without_script
from train.workflows.compare.model_comparison import ModelComparison
from train.workflows.compare.recommendation import advise
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.terminal import story

QUICK = ["model.device=cpu", RESAMPLES, *AT_ONCE, *SOME_TEXTS]


def made_up(comparison: Comparison) -> ModelComparison:
    advice = advise(comparison, LimitsConfig(), 1000)
    return ModelComparison(comparison, advice, Path("out"), as_json(comparison, advice, 1000, {"command": "x"}))


def test_words_and_content_are_those_of_the_command() -> None:
    _, comparison = seven()
    result = made_up(comparison)
    assert str(result) == f"{story(comparison, result.recommendation, 1000)}\n\npage: out/compare.html"
    assert result.to_dict() == result.content and list(result.models) == list(comparison.contenders)
    assert result.pairs == comparison.pairs and "nosuch/model" in result.failures


def test_a_table_has_a_row_a_model() -> None:
    _, comparison = seven()
    result = made_up(comparison)
    frame = result.to_pandas()
    lines = list(csv.DictReader(io.StringIO(as_csv(result.content))))
    assert list(frame.columns) == list(lines[0]) and frame["model"].tolist() == [line["model"] for line in lines]
    assert frame["quality"].tolist() == [one.quality.value for one in comparison.contenders]


def test_a_notebook_shows_names_as_names() -> None:
    tasks: dict[str, Task] = {"faq": task()}
    models = [judged(tasks, "<script>alert(1)</script>", 0.5), judged(tasks, "=b", 0.4)]
    result = made_up(compare_all(tasks, models, {}, seed=0, resamples=100))
    view = result._repr_html_()
    assert "<script>" not in view and "&lt;script&gt;" in view and "<table" in view and "\x1b" not in view
    assert "=b" in result.to_pandas()["model"].tolist(), "a table in Python is no spreadsheet"


def test_the_workflow_prints_nothing(here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    request = read_compare_request(["tiny", *QUICK, f"output_dir={tmp_path}"], data=["pairs.csv"])
    capfd.readouterr()
    with heard_by(None):
        result = compare_models(request, output=tmp_path / "out", csv=tmp_path / "table.csv")
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""
    assert result.folder == tmp_path / "out" and result.page.is_file()
    print_json(result.to_dict())
    assert json.loads(capfd.readouterr().out) == json.loads((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    assert result.recommendation.taken is not None and result.recommendation.taken.label == "tiny"


def test_a_script_that_compares_is_not_run_again_by_the_processes_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", "/somewhere/script.py", raising=False)
    monkeypatch.setattr(main, "__spec__", None)
    assert "init_main_from_path" in multiprocessing.spawn.get_preparation_data("child")
    with _without_script():
        assert not {"init_main_from_path", "init_main_from_name"} & set(multiprocessing.spawn.get_preparation_data("child"))
    assert main.__file__ == "/somewhere/script.py"
