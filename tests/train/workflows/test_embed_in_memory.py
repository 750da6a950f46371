"""`embed` from Python: a result rather than printed lines, and texts and vectors in memory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import DataError
from train.cli.app import main
from train.config.schema import ModelConfig
from train.console import heard_by
from train.encode.contract import Role
from train.encode.open import open_model
from train.errors import ConfigError
from train.resolve.vectors import EmbedRequest, TextChoice, read_model
from train.vectors.quantization import calibrate
from train.workflows.embed import embed_texts

TEXTS = [f"text number {i} about {['cats', 'dogs', 'birds'][i % 3]} {'and so on ' * (i % 5)}".strip() for i in range(50)]
PART = 8
"""Texts of a part: seven parts, the last with two."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def expected(tiny_model: Path) -> np.ndarray:
    """What the model gives for all texts."""
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    return encoder.encode(TEXTS, Role.DOCUMENT).numpy()


def asked(tiny_model: Path, texts: Any, **given: Any) -> EmbedRequest:
    """What is asked for from Python."""
    candidate, config = read_model(str(tiny_model), ["vector_cache=off", "model.device=cpu"])
    return EmbedRequest(candidate, config, texts, part=PART, **given)


def by_command(capsys: pytest.CaptureFixture[str], tiny_model: Path, *words: str) -> str:
    """What the command prints on standard output."""
    capsys.readouterr()
    main(["embed", *words, "--model", str(tiny_model), "--part", str(PART), "--cache", "off", "model.device=cpu"])
    return capsys.readouterr().out


def timeless(text: str) -> str:
    return re.sub(r"took .*", "took", text)


def test_the_command_prints_the_result_and_the_workflow_nothing(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = asked(tiny_model, TextChoice("texts.txt"), out=Path("w.parquet"), precision="int8")
    capsys.readouterr()
    with heard_by(None):
        result = embed_texts(request)
    printed = capsys.readouterr()
    assert printed.out + printed.err == ""
    words = ["texts.txt", "--out", "v.parquet", "--precision", "int8", "--overwrite"]
    found = json.loads(by_command(capsys, tiny_model, *words, "--json"))
    assert result.to_dict() | {"seconds": 0, "file": ""} == found | {"seconds": 0, "file": ""}
    assert timeless(by_command(capsys, tiny_model, *words)).endswith(timeless(f"\n{result}\n"))
    assert "50 vectors of 32 dimensions, int8" in str(result) and "4 times smaller" in result._repr_html_()


def test_texts_become_vectors_in_memory(tiny_model: Path, expected: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    texts, ids = tuple(TEXTS), tuple(f"t{i}" for i in range(50))
    result = embed_texts(asked(tiny_model, texts, ids=ids))
    found = result.open()
    np.testing.assert_allclose(found.stored, expected, atol=1e-6)
    assert result.file is None and found.info.space and found.ids.to_pylist() == list(ids)
    printed = by_command(capsys, tiny_model, "--text", texts[0], "--text", texts[1])
    assert embed_texts(asked(tiny_model, texts[:2])).to_dict() == json.loads(printed)
    frame = result.to_pandas()
    assert list(frame.columns) == ["id", "text", "vector"] and len(frame) == 50
    with_ranges = embed_texts(asked(tiny_model, texts, precision="int8", ranges=calibrate(expected)))
    assert with_ranges.open().stored.dtype == np.int8
    of_file = embed_texts(asked(tiny_model, TextChoice("texts.txt"))).open()
    np.testing.assert_allclose(of_file.stored, expected, atol=1e-6)


def test_texts_in_memory_become_a_file(tiny_model: Path, expected: np.ndarray) -> None:
    texts, ids = tuple(TEXTS), tuple(f"t{i}" for i in range(50))
    result = embed_texts(asked(tiny_model, texts, ids=ids, out=Path("w.npy")))
    assert result.to_dict()["rows"] == 50 and result.open().ids.to_pylist() == list(ids)
    np.testing.assert_allclose(np.load("w.npy"), expected, atol=1e-6)
    assert len(result.to_pandas()) == 50
    with pytest.raises(DataError, match="the texts in memory, text 2: the text is empty"):
        embed_texts(asked(tiny_model, ("a", " "), out=Path("x.npy")))
    with pytest.raises(DataError, match="1 ids for 50 texts"):
        embed_texts(asked(tiny_model, texts, ids=("a",), out=Path("x.npy")))
    with pytest.raises(ConfigError, match="no texts"):
        embed_texts(asked(tiny_model, ()))
