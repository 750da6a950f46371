"""Model folders that look incomplete and are not; the incomplete ones are among the mistakes of `tests/train`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from train.encode.weights.integrity import check_whole
from train.errors import ModelError

TRANSFORMER = "sentence_transformers.models.Transformer"


def write(folder: Path, **files: object) -> Path:
    """Files with "." written as "__" in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def whole(folder: Path) -> Path:
    return write(folder, config__json={"model_type": "bert"}, model__safetensors="x", tokenizer__json={})


def modules(*entries: tuple[str, str]) -> list[dict[str, str]]:
    return [{"path": path, "type": kind} for path, kind in entries]


def test_a_whole_folder(tmp_path: Path) -> None:
    check_whole("m", whole(tmp_path))


def test_a_module_that_saves_nothing_needs_no_folder(tmp_path: Path) -> None:
    entries = modules(("", TRANSFORMER), ("1_Normalize", "sentence_transformers.models.Normalize"))
    check_whole("m", write(whole(tmp_path), modules__json=entries))
    with pytest.raises(ModelError, match=r"modules\.json names 1_Dense, which is not in"):
        check_whole("m", write(tmp_path, modules__json=modules(("", TRANSFORMER), ("1_Dense", "somewhere.Dense"))))


def test_a_transformer_in_a_folder_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, modules__json=modules(("0_Transformer", TRANSFORMER)))
    whole(tmp_path / "0_Transformer")
    check_whole("m", tmp_path)
    (tmp_path / "0_Transformer" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="has no tokenizer"):
        check_whole("m", tmp_path)


@pytest.mark.parametrize(
    "names", [["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], ["pytorch_model.bin"]]
)
def test_other_names_of_weights(tmp_path: Path, names: list[str]) -> None:
    (whole(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="has no weights"):
        check_whole("m", tmp_path)
    for name in names:
        (tmp_path / name).write_text("x")
    check_whole("m", tmp_path)


@pytest.mark.parametrize("name", ["sentencepiece.bpe.model", "spiece.model", "vocab.json", "tokenization_mine.py"])
def test_other_vocabularies(tmp_path: Path, name: str) -> None:
    (whole(tmp_path) / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="has no tokenizer"):
        check_whole("m", tmp_path)
    (tmp_path / name).write_text("x")
    check_whole("m", tmp_path)


def test_a_tokenizer_that_reads_bytes_needs_no_vocabulary(tmp_path: Path) -> None:
    (whole(tmp_path) / "tokenizer.json").unlink()
    check_whole("m", write(tmp_path, tokenizer_config__json={"tokenizer_class": "ByT5Tokenizer"}))


def test_what_is_no_transformer_is_left_to_the_library(tmp_path: Path) -> None:
    check_whole("m", write(tmp_path, modules__json=modules(("0_WordEmbeddings", "sentence_transformers.models.WordEmbeddings"))))
