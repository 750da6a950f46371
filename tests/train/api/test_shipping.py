"""Exports and their check from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest

import embed_tune
from data.errors import DataError


def test_an_unknown_kind_is_refused_with_those_there_are(tiny_model: Path) -> None:
    with pytest.raises(embed_tune.ConfigError, match="'tflite' is no kind of export") as raised:
        embed_tune.export(tiny_model, to="tflite")  # type: ignore[arg-type]
    assert raised.value.hint is not None and "onnx-int8" in raised.value.hint


@pytest.mark.slow
def test_an_export_gives_the_vectors_of_its_model_and_says_nothing(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (made,) = embed_tune.export(tiny_model, "onnx", output=tmp_path, judge=False).made
    found = embed_tune.verify(made.folder, tiny_model)
    assert found.fits and made.folder == tmp_path / "onnx", str(found)
    assert not capfd.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"label": 0}, "label=0"),
        ({"track": "paper"}, "'paper' is no place for figures"),
        ({"column": "left"}, "column="),
        ({"role": "answer"}, "role='answer' is not a role"),
        ({"sheet": "sheet.csv"}, "none is asked for"),
    ],
)
def test_a_window_that_is_asked_for_wrongly_is_refused(tmp_path: Path, given: dict[str, object], words: str) -> None:
    with pytest.raises(embed_tune.ConfigError, match=words) as raised:
        embed_tune.monitor("first", ["a", "b"], output_dir=tmp_path, **given)  # type: ignore[arg-type]
    assert raised.value.hint


def test_a_run_that_is_not_there_and_an_empty_window_are_refused(tmp_path: Path) -> None:
    with pytest.raises(embed_tune.RunError, match="first: no such run"):
        embed_tune.monitor("first", ["a", "b"], output_dir=tmp_path)
    with pytest.raises(DataError, match="no rows"):
        embed_tune.monitor("first", [], output_dir=tmp_path)


@pytest.mark.slow
def test_a_list_and_a_file_of_the_same_texts_are_one_window(
    run: embed_tune.Run, frame: pandas.DataFrame, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = [
        f"is the {thing} of number {number} still under warranty" for number, thing in enumerate(["car", "boat", "bus"] * 10)
    ]
    listed = embed_tune.monitor(run, texts, output_dir=run.folder.parent)
    file = tmp_path / "window.csv"
    pandas.DataFrame({"id": range(len(texts)), "asked": texts}).to_csv(file, index=False)
    sheet = tmp_path / "sheet.csv"
    read = embed_tune.monitor(run, file, column="asked", label=5, sheet=sheet, output_dir=run.folder.parent)
    assert listed.level == read.level == "alarm"
    assert [one.to_dict() for one in listed.checks] == [one.to_dict() for one in read.checks]
    assert [one.text for one in listed.new] == [one.text for one in read.new] and listed.new[0].text in texts
    assert str(read).startswith(f"▲ alarm: {read.headline}") and read.to_dict()["level"] == "alarm"
    written = json.dumps(read.to_dict())
    assert read.file is not None and json.loads(read.file.read_text(encoding="utf-8")) == json.loads(written)
    assert read.sheet == sheet and len(pandas.read_csv(sheet)) == 5
    assert not capfd.readouterr().out
