"""Exports and their check from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import embed_tune


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
