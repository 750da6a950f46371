"""`embed-tune benchmark`: one's own data sets through mteb, its cache, and what cannot be scored."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.conftest import as_json
from train.cli.app import main
from train.cli.benchmark import TaskList
from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.console import heard_by
from train.encode.open import open_model
from train.encode.protocol import OpenedModel
from train.errors import ConfigError, ModelError
from train.evaluate.tasks import RetrievalTask, ScoredTask
from train.resolve.models import find_candidate
from train.resolve.requests import read_many
from train.workflows.benchmark.encoder import ROLES, describe, fingerprint
from train.workflows.benchmark.result import BenchmarkResult, Cell
from train.workflows.benchmark.run import run_benchmark
from train.workflows.benchmark.tasks import named_tasks, own_task, size_of
from train.workflows.benchmark.terminal import scores_table


def score_of(found: dict[str, Any], model: str, task: str) -> dict[str, Any]:
    return next(one for one in found["scores"] if (one["model"], one["task"]) == (model, task))


def test_own_data_agree_with_evaluate_and_a_second_run_is_read_from_mtebs_cache(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["benchmark", "tiny", "ruined", "-d", "pairs.csv", "-d", "split", "model.device=cpu", "-o", str(tmp_path / "out")]
    first, again = (as_json(capfd, *words) for _ in range(2))
    judged = as_json(capfd, "evaluate", "tiny", "-d", "pairs.csv", "-d", "split", "model.device=cpu", "evaluation.resamples=200")
    for result in judged["datasets"]:
        assert score_of(first, "tiny", result["name"])["value"] == pytest.approx(result["value"], abs=1e-4), result["name"]
    assert "not a number: the vectors of all texts are alike" in score_of(first, "ruined", "split")["problem"]
    assert {one["cached"] for one in first["scores"]} == {False}
    assert [{**one, "cached": False, "seconds": 0} for one in again["scores"]] == [
        {**one, "seconds": 0} for one in first["scores"]
    ]
    assert {one["cached"] for one in again["scores"]} == {True}, "a score that is no number is not computed again either"
    names = {entry["mteb_name"] for entry in first["tasks"].values()}
    results = {path.stem for path in (tmp_path / "out" / "results").rglob("*.json") if path.stem != "model_meta"}
    assert names <= results, "mteb files results by the task's name"
    assert json.loads((tmp_path / "out" / "benchmark.json").read_text())["scores"] == again["scores"]


def test_other_rows_or_other_weights_are_never_taken_from_the_cache(
    work: Path, in_tmp: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(work / "tiny", "model")
    shutil.copy(work / "pairs.csv", "pairs.csv")
    words = ["benchmark", "model", "-d", "pairs.csv", "model.device=cpu"]
    before = as_json(capfd, *words)
    shutil.rmtree("model")
    shutil.copytree(work / "ruined", "model")
    retrained = as_json(capfd, *words)
    lines = Path("pairs.csv").read_text().splitlines()
    Path("pairs.csv").write_text("\n".join(lines[:-9]) + "\n")
    fewer = as_json(capfd, *words)
    shorter = as_json(capfd, *words, "model.max_tokens=8")
    found = [one["scores"][0] for one in (before, retrained, fewer, shorter)]
    assert [one["cached"] for one in found] == [False] * 4
    assert len({one["value"] for one in found}) > 1
    assert len({one["models"]["model"]["mteb_revision"] for one in (before, retrained, shorter)}) == 3


def test_a_task_without_its_data_costs_the_others_nothing_and_says_why(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["benchmark", "tiny", "nobody/knows-this", "--tasks", "nfcorpus", "-d", "split", "model.device=cpu"]
    main(words)
    out = capfd.readouterr().out
    assert "NFCorpus: no score: its data set mteb/nfcorpus is not on this machine" in out and "HF_HUB_OFFLINE is set" in out
    assert "nobody/knows-this cannot be used: nobody/knows-this is not on this machine" in out
    row = next(line.split() for line in out.splitlines() if "Spearman" in line)
    assert row[:2] == ["split", "Spearman"] and row[3] == "–" and float(row[2])
    with pytest.raises(SystemExit) as stopped:
        main(["benchmark", "tiny", "--tasks", "NFCorpus", "model.device=cpu"])
    assert stopped.value.code == 2 and "no model has a score on any task" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tasks", "NFCorpu"], r"NFCorpu: mteb .* neither a task nor a benchmark.*\n.*did you mean NFCorpus\?"),
        ([], "no data set is named"),
        (["tiny", "-d", "split"], "tiny is named twice"),
        (["-d", "split", "training.epochs=2"], "training.epochs has no meaning here"),
        (["-d", "split", "model.max_token=2"], r"did you mean model.max_tokens\?"),
    ],
)
def test_mistakes(here: Path, capfd: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    import re

    with pytest.raises(SystemExit):
        main(["benchmark", "tiny", *words])
    assert re.search(message, capfd.readouterr().err)


def test_tasks_are_found_whatever_their_capitals_and_once() -> None:
    found = named_tasks(["nfcorpus", "NFCorpus", "STSBenchmark"])
    assert [task.metadata.name for task in found] == ["NFCorpus", "STSBenchmark"]
    assert len(named_tasks(["mteb(eng, v2)"])) > 30, "a benchmark stands for its tasks"
    texts, characters = size_of(found[0])
    assert texts == 3633 + 323 and 5e6 < characters < 7e6, "as mteb counted them: 3,633 documents and 323 queries"


@pytest.mark.parametrize(
    ("given", "tasks", "words"),
    [
        (["a", "--tasks", "X", "Y"], ["X", "Y"], ["a"]),
        (["a", "b", "-t", "X", "-t", "Y", "-d", "z"], ["X", "Y"], ["a", "b"]),
        (["--tasks", "X", "Y", "--yes", "a"], ["X", "Y"], ["a"]),
        (["a", "--tasks", "X", "Y", "model.device=cpu"], ["X", "Y"], ["a", "model.device=cpu"]),
    ],
)
def test_one_option_takes_several_tasks(given: list[str], tasks: list[str], words: list[str]) -> None:
    import typer

    from train.cli.app import app

    command = typer.main.get_command(app).commands["benchmark"]  # type: ignore[attr-defined]
    assert isinstance(command, TaskList)
    context = command.make_context("benchmark", given)
    assert (context.params["tasks"], context.params["words"]) == (tasks, words)


def opened(name: str | Path, **settings: Any) -> tuple[Any, OpenedModel]:
    candidate = find_candidate(str(name), ModelConfig(name=str(name), device="cpu", **settings))
    return candidate, open_model(candidate.config)


def test_a_public_model_keeps_the_name_under_which_the_leaderboard_has_it(tiny_model: Path) -> None:
    meta = describe(*opened(DEFAULT_MODEL))
    assert (meta.name, meta.revision) == (DEFAULT_MODEL, "1110a243fdf4706b3f48f1d95db1a4f5529b4d41")
    assert (meta.experiment_name, meta.license, meta.embed_dim) == (None, "apache-2.0", 384)
    changed = describe(*opened(DEFAULT_MODEL, max_tokens=64, query_prompt="q: "))
    assert changed.experiment_name and changed != meta, "other settings are filed apart"
    local = describe(*opened(tiny_model))
    assert local.name == "local/" + str(tiny_model).strip("/").replace("/", "_") and len(local.revision or "") == 16


def test_a_copy_has_the_same_fingerprint_and_other_settings_another(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "copy")
    first, second = (fingerprint(opened(folder)[1]) for folder in (tiny_model, tmp_path / "copy"))
    assert first == second != fingerprint(opened(tiny_model, max_tokens=9)[1])


def test_roles_decide_the_prompts() -> None:
    assert {None if part is None else part.value: role for part, role in ROLES.items()} == {
        "query": "query",
        "document": "document",
        None: "symmetric",
    }


def test_grades_that_are_no_whole_numbers_are_refused() -> None:
    task = RetrievalTask("faq", "test", ["q"], ["a"], ["d"], ["b"], {"q": {"d": 0.5}})
    from data.errors import DataError

    with pytest.raises(DataError, match="mteb takes only whole numbers as relevance grades"):
        own_task(task)


def test_a_task_of_ones_own_is_named_by_its_rows_and_survives_being_unloaded() -> None:
    def pairs(last: float) -> ScoredTask:
        return ScoredTask("my data/x", "test", ["a", "b"], ["c", "d"], np.array([0.0, last]))

    one, same, other = (own_task(pairs(last)) for last in (1.0, 1.0, 0.5))
    assert one.metadata.name == same.metadata.name != other.metadata.name
    assert one.metadata.name.startswith("my_data_x.") and size_of(one) == (4, 4)
    one.load_data()
    one.unload_data()
    one.load_data()
    assert one.dataset["default"]["test"]["score"] == [0.0, 1.0]
    assert one.metadata.name == same.metadata.name


def test_the_table_marks_the_best_and_what_was_not_computed() -> None:
    def cell(model: str, task: str, value: float | None, cached: bool = False) -> dict[str, Any]:
        return {"model": model, "task": task, "value": value, "cached": cached}

    report = {
        "models": {"base": {}, "tuned": {}},
        "tasks": {"A": {"metric": "ndcg_at_10"}, "B": {"metric": "cosine_spearman"}},
        "scores": [cell("base", "A", 0.5, True), cell("tuned", "A", 0.75), cell("base", "B", 0.8), cell("tuned", "B", 0.7)],
    }
    text = scores_table(report)
    assert [line.split() for line in text.splitlines() if line.strip().startswith(("A ", "B ", "mean"))] == [
        ["A", "nDCG@10", "0.5000*", "0.7500"],
        ["B", "Spearman", "0.8000", "0.7000"],
        ["mean", "0.6500", "0.7250"],
    ]
    assert "* from mteb's cache, not computed now" in text
    report["scores"][3]["value"] = None
    assert "mean" not in scores_table(report) and "– no score" in scores_table(report)


def made_up(**cells: Cell) -> BenchmarkResult:
    tasks = {"<script>alert(1)</script>": {"type": "Retrieval", "metric": "ndcg_at_10", "mteb_name": "x"}}
    found = {(model, next(iter(tasks))): cell for model, cell in cells.items()}
    return BenchmarkResult(Path("out"), {model: {} for model in cells}, tasks, found, "2026-11-30T12:00:00+00:00")


def test_a_result_is_words_a_table_and_a_view() -> None:
    result = made_up(base=Cell(0.5, True), tuned=Cell(None, problem="too large"))
    assert str(result) == f"{scores_table(result.to_dict())}\nresults in mteb's form: out/results"
    frame = result.to_pandas()
    assert frame["model"].tolist() == ["base", "tuned"] and frame["cached"].tolist() == [True, False]
    assert frame["metric"].tolist() == ["ndcg_at_10"] * 2 and frame["problem"].tolist()[1] == "too large"
    view = result._repr_html_()
    assert "<script>" not in view and "&lt;script&gt;" in view and "<table" in view
    result.require_scores()
    with pytest.raises(ModelError, match="no model has a score"):
        made_up(base=Cell(None, problem="too large")).require_scores()


def test_the_workflow_prints_nothing(here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    request = read_many("benchmark", ["tiny", "model.device=cpu"], data=["split"])
    capfd.readouterr()
    with heard_by(None):
        result = run_benchmark(request, output=tmp_path / "out")
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""
    assert result.to_dict() == json.loads((tmp_path / "out" / "benchmark.json").read_text(encoding="utf-8"))
    main(["benchmark", "tiny", "-d", "split", "model.device=cpu", "-o", str(tmp_path / "out")])
    assert capfd.readouterr().out.endswith(f"\n{run_benchmark(request, output=tmp_path / 'out')}\n")


def test_settings_under_model_are_for_every_model(in_tmp: Path) -> None:
    request = read_many("benchmark", ["a/b", "scibert", "model.max_tokens=64"], needs_data=False)
    assert [one.config.max_tokens for one in request.candidates] == [64, 64] and not request.has_data
    assert request.candidates[1].config.pooling == "mean"
    with pytest.raises(ConfigError, match="no model is named"):
        read_many("benchmark", ["model.max_tokens=64"], data=["x"])
