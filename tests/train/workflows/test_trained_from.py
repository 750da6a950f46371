"""Training on from the model of a run: which base that is, what it has seen, and the first base beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.conftest import report_of, write_data
from train import pipeline
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.console import heard_by
from train.encode.open import open_model
from train.errors import ModelError
from train.evaluate.evaluator import compare, score_model
from train.evaluate.tasks import build_task
from train.plan.datasets import as_new_run, load_datasets
from train.resolve.trained_from import find_first_base, generations_before, with_named_run
from train.selection.dev import DevJudge

pytestmark = pytest.mark.slow


def settings(data: str, name: str, base: str, *words: str) -> TrainSettings:
    given = {"model.name": base, "model.device": "cpu", "run_name": name, "training.max_steps": 3}
    given |= {"training.precision": "fp32", "training.evaluations": 1, "training.batch_size": 16}
    given |= {"evaluation.resamples": 200, "training.learning_rate": 1e-2, "training.interpolation": "off"}
    return load_config(None, data=data, overrides=[*(f"{key}={value}" for key, value in given.items()), *words])


def train(*words: str) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Train a run; return its report, its environment, and what it said."""
    said: list[str] = []
    with heard_by(said.append):
        run = pipeline.start_run(settings(*words))
    return report_of(run), json.loads((run / "environment.json").read_text(encoding="utf-8")), said


def new_rows(path: Path, start: int, count: int, *more: str) -> Path:
    lines = [
        f"what is {word} thing {i}?,thing {i} is {word}"
        for i, word in ((i, "red" if i % 2 else "blue") for i in range(start, start + count))
    ]
    path.write_text("\n".join(["question,answer", *more, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def place(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with three generations of runs."""
    folder = tmp_path_factory.mktemp("generations")
    write_data(folder)
    shutil.copytree(tiny_model, folder / "tiny")
    new_rows(folder / "new.csv", 0, 60)
    new_rows(folder / "newer.csv", 100, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        line = DevJudge.line

        def better(self: DevJudge, step: int, by: Any) -> Any:
            return line(self, step, by).model_copy(update={"dev": 0.1 + step / 100})

        patch.setattr(DevJudge, "line", better)  # what is trained is shipped
        train("pairs.csv", "first", "tiny")
        (folder / "second.json").write_text(json.dumps(train("new.csv", "second", "first")), encoding="utf-8")
        (folder / "third.json").write_text(json.dumps(train("newer.csv", "third", "checkpoints/second")), encoding="utf-8")
    return folder


@pytest.fixture
def there(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def test_a_run_is_a_base_by_its_name_its_folder_or_that_of_its_model(there: Path) -> None:
    named = [
        with_named_run(settings("new.csv", "x", one)).model.name
        for one in ("first", "checkpoints/first", "checkpoints/first/model")
    ]
    assert named == ["checkpoints/first/model"] * 3
    assert with_named_run(settings("new.csv", "x", "tiny")).model.name == "tiny"
    assert generations_before("tiny") == ()
    (there / "checkpoints" / "half").mkdir()
    for name in ("config.yaml", "environment.json"):
        shutil.copy(there / "checkpoints" / "first" / name, there / "checkpoints" / "half" / name)
    with pytest.raises(ModelError, match="has no model/ yet"):
        with_named_run(settings("new.csv", "x", "half"))


def test_an_export_is_no_base(there: Path) -> None:
    export = there / "checkpoints" / "first" / "exports" / "onnx"
    export.mkdir(parents=True)
    (export / "export.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="is an export") as raised:
        pipeline.start_run(settings("new.csv", "x", str(export)))
    assert raised.value.hint is not None and raised.value.hint.endswith("model.name=first")


def test_the_second_run_is_judged_against_the_first_base_too(there: Path) -> None:
    report, environment, said = json.loads((there / "second.json").read_text(encoding="utf-8"))
    assert report["base_model"] == "checkpoints/first/model"
    found = report["first_base"]
    assert found["name"] == "tiny" and found["runs"] == ["first"] and found["notes"] == []
    (one,) = found["results"]
    prepared = load_datasets(as_new_run(settings("new.csv", "x", "first")))["new"]
    task = build_task(prepared, "test")
    base, tuned = (
        score_model(task, open_model(settings("new.csv", "x", name).model).encoder)
        for name in ("tiny", "checkpoints/second/model")
    )
    expected = compare(task, base, tuned, seed=42, resamples=200)
    assert (one["value"], one["tuned"], one["ci95"]) == (
        pytest.approx(expected.base),
        pytest.approx(expected.tuned),
        pytest.approx(list(expected.ci95)),
    )
    page, card = (Path("checkpoints/second", name).read_text(encoding="utf-8") for name in ("report.html", "model/README.md"))
    assert 'id="first-base"' in page and "the first base, tiny (by way of first), on new" in page
    assert "the first base, a model from a local folder (by way of first), on new" in card
    assert any("the first base, tiny" in line for line in said)
    assert (
        environment["from_run"]["run"] == "first"
        and environment["from_run"]["verdict"] == report_of(Path("checkpoints/first"))["verdict"]
    )
    assert [one["base"] for one in environment["from_run"]["chain"]] == ["tiny"]
    assert any("training goes on from the model of first" in line for line in said)


def test_through_several_generations_it_is_the_very_first_base(there: Path) -> None:
    report, environment, _ = json.loads((there / "third.json").read_text(encoding="utf-8"))
    assert report["first_base"]["name"] == "tiny" and report["first_base"]["runs"] == ["first", "second"]
    assert [one["run"] for one in environment["from_run"]["chain"]] == ["second", "first"]


def test_a_first_base_that_is_gone_or_changed_is_said_and_the_next_one_is_taken(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    own = settings("new.csv", "x", "third").model
    shutil.move("tiny", "gone")
    first, notes = find_first_base(generations_before("checkpoints/third/model"), own)
    assert first is not None and first.config.name == "checkpoints/first/model" and first.generation.run.name == "second"
    assert notes == ["tiny, from which first was trained, was not judged: it is not on this machine."]
    shutil.move("gone", "tiny")
    weights = load_file("tiny/model.safetensors")
    save_file({name: torch.zeros_like(value) for name, value in weights.items()}, "tiny/model.safetensors", {"format": "pt"})
    assert "its weights have changed" in find_first_base(generations_before("checkpoints/third/model"), own)[1][0]
    settings_of_first = json.loads(Path("checkpoints/first/model/config.json").read_text(encoding="utf-8"))
    Path("checkpoints/first/model/config.json").write_text(
        json.dumps(settings_of_first | {"hidden_act": "relu"}), encoding="utf-8"
    )
    first, notes = find_first_base(generations_before("checkpoints/third/model"), own)
    assert first is not None and first.config.name == "checkpoints/second/model"
    assert "checkpoints/first/model, from which second" in notes[1], "a digest of the weights alone would not show it"


def test_rows_that_the_base_was_trained_on_are_not_judged(there: Path) -> None:
    trained = load_datasets(as_new_run(settings("pairs.csv", "x", "tiny")))["pairs"].splits["train"]
    old = [f"{row['anchor']},{row['positive']}" for row in trained.select(range(30))]
    mixed = new_rows(there / "mixed.csv", 300, 60, *old)
    before = load_datasets(settings(str(mixed), "x", "tiny"))["mixed"]
    after = load_datasets(with_named_run(settings(str(mixed), "x", "third")))["mixed"]
    known = {tuple(line.split(",")) for line in old}
    for split in ("dev", "test"):
        rows = [[(row["anchor"], row["positive"]) for row in one.splits[split]] for one in (before, after)]
        assert rows[1] == [one for one in rows[0] if one not in known]
        assert after.counts[f"rows_{split}"] == len(rows[1]) == after.counts[f"queries_{split}"]
    assert len(after.splits["train"]) == len(before.splits["train"])
    assert len(after.splits["test"]) < len(before.splits["test"])
    assert any("taken out of test" in note and "third, by way of second and first" in note for note in after.notes)
    kept = load_datasets(with_named_run(settings(str(mixed), "x", "third", "data.leaks=keep")))["mixed"]
    assert len(kept.splits["test"]) == len(before.splits["test"]) and any("kept, by data.leaks" in note for note in kept.notes)
    assert np.array_equal(kept.splits["train"]["anchor"][:], before.splits["train"]["anchor"][:])


def test_all_rows_of_a_query_leave_with_the_one_that_was_seen(there: Path) -> None:
    row = load_datasets(as_new_run(settings("pairs.csv", "x", "tiny")))["pairs"].splits["train"][0]
    folder = there / "given"
    folder.mkdir()
    new_rows(folder / "train.csv", 400, 20)
    new_rows(folder / "dev.csv", 600, 4, f"{row['anchor']},{row['positive']}")
    new_rows(folder / "test.csv", 500, 5, f"{row['anchor']},{row['positive']}", f"{row['anchor']},another answer")
    found = load_datasets(with_named_run(settings(str(folder), "x", "first")))["given"]
    assert len(found.splits["dev"]) == found.counts["rows_dev"] == 4
    assert len(found.splits["test"]) == 5 and row["anchor"] not in found.splits["test"]["anchor"][:]


def test_a_base_with_seeds_and_a_run_with_parts_go_on_from_each_other(there: Path) -> None:
    report, environment, _ = train("scored.csv", "several", "first", "training.seeds=2")
    assert report["first_base"]["results"][0]["metric"] == "spearman" and len(report["datasets"][0]["seeds"]["seeds"]) == 2
    report, environment, _ = train("newer.csv", "parts", "several", "evaluation.cross_validation=always", "evaluation.folds=2")
    assert environment["from_run"]["chain"][0]["run"] == "several" and report["first_base"]["name"] == "tiny"
    assert report["datasets"][0]["cross_validation"]["folds"] == 2
