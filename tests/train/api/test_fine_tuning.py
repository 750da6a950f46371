"""Fine-tune from Python: a run with its verdict, report and model comes back, and nothing is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from sentence_transformers import SentenceTransformer

import embed_tune
from tests.train.api.conftest import QUICK


def test_a_run_has_verdict_report_folder_and_model(run: embed_tune.Run, frame: pandas.DataFrame) -> None:
    report = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    found = run.report.datasets[0]
    assert run.folder.name == run.name == "first" and run.page.is_file()
    assert run.verdict == report["verdict"] and run.to_dict() == report
    assert [found.base, found.tuned, list(found.ci95)] == [report["datasets"][0][key] for key in ("base", "tuned", "ci95")]
    table = run.to_pandas()
    assert len(table) == 1 and table["delta"][0] == pytest.approx(found.tuned - found.base)
    vectors = run.encode(list(frame["left"][:3]), role="query")
    plain = SentenceTransformer(str(run.folder / "model"), device="cpu").encode(list(frame["left"][:3]))
    assert vectors.dtype == np.float32 and np.allclose(vectors, plain, atol=1e-6)
    assert isinstance(run.sentence_transformer, SentenceTransformer)


@pytest.mark.parametrize("shape", ["tuples", "dicts", "dataset", "file"])
def test_every_shape_of_data_trains_the_same_model(
    shape: str, run: embed_tune.Run, frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path
) -> None:
    import datasets

    frame.to_csv(tmp_path / "pairs.csv", index=False)
    data, columns = {
        "tuples": (list(frame.itertuples(index=False, name=None)), {}),
        "dicts": (frame.to_dict("records"), {"anchor": "left", "positive": "right"}),
        "dataset": (datasets.Dataset.from_pandas(frame), {"anchor": "left", "positive": "right"}),
        "file": (tmp_path / "pairs.csv", {"anchor": "left", "positive": "right"}),
    }[shape]
    again = embed_tune.fine_tune(data, model=tiny_model, name=shape, output_dir=tmp_path, settings=QUICK, **columns)
    weights = [(one.folder / "model" / "model.safetensors").read_bytes() for one in (run, again)]
    assert weights[0] == weights[1]


def test_nothing_is_printed_and_progress_hears_what_is_said(
    frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    options = {"anchor": "left", "positive": "right", "model": tiny_model, "output_dir": tmp_path, "settings": QUICK}
    embed_tune.fine_tune(frame, name="quiet", **options)
    assert capfd.readouterr() == ("", "")
    before = torch.get_num_threads()
    options["settings"] = {**QUICK, "training.threads": before + 1}
    loud = embed_tune.fine_tune(frame, name="loud", progress=heard.append, **options)
    recorded = json.loads((loud.folder / "environment.json").read_text(encoding="utf-8"))["threads"]
    assert (recorded, torch.get_num_threads()) == (before + 1, before), "training.threads is for the run alone"
    assert capfd.readouterr() == ("", "") and any("training" in line for line in heard)


def test_a_run_is_opened_by_name_and_by_folder(run: embed_tune.Run) -> None:
    for found in (embed_tune.open_run("first", output_dir=run.folder.parent), embed_tune.open_run(run.folder)):
        assert found.verdict == run.verdict
    with pytest.raises(embed_tune.EmbedTuneError) as problem:
        embed_tune.open_run("frist", output_dir=run.folder.parent)
    assert "frist" in problem.value.message and "first" in str(problem.value.hint)


def test_a_result_in_a_notebook_shows_its_table_and_escapes_texts(run: embed_tune.Run) -> None:
    page = run._repr_html_()
    assert "<table" in page and "<script" not in page and str(run.report).splitlines()[0] in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"anchor": "lfet"}, "lfet"),
        ({"anchor": 3}, "anchor=3"),
        ({"settings": {"training.epoch": 1}}, "training.epoch"),
        ({"settings": {"training.seed": object()}}, "training.seed"),
        ({"model": 7}, "int"),
        ({"data": []}, "no rows"),
        ({"data": 5}, "int"),
    ],
)
def test_mistakes_are_errors_with_message_and_hint(
    change: dict[str, object], message: str, frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path
) -> None:
    options: dict[str, object] = {"data": frame, "anchor": "left", "positive": "right", "model": tiny_model}
    with pytest.raises(embed_tune.EmbedTuneError) as problem:
        embed_tune.fine_tune(**(options | {"output_dir": tmp_path, "settings": QUICK} | change))  # type: ignore[arg-type]
    assert message in str(problem.value) and problem.value.hint
    assert not list(tmp_path.glob("*/config.yaml")), "no run was begun"
