"""Tokens without a vector are found when a model is loaded; what only looks like one is no error."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from tests.support import tiny_models
from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.errors import ModelError


def with_tokens(folder: Path, special: bool, *tokens: str, **settings: str) -> Path:
    """A small BERT whose tokenizer got more tokens than its matrix."""
    tiny_models.raw(folder, tiny_models.bert())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(list(tokens), special_tokens=special)
    for key, token in settings.items():
        setattr(tokenizer, key, token)
    (folder / "special_tokens_map.json").unlink()  # it names the tokens that were special before
    tokenizer.save_pretrained(folder)
    return folder


def opened(folder: Path) -> object:
    return open_model(ModelConfig(name=str(folder), device="cpu"))


def test_tokens_that_were_added_need_rows(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        opened(with_tokens(tmp_path, False, "[HERB]", "[TREE]"))
    said = str(error.value)
    assert "30,524 tokens" in said and "30,522 rows: there is none for [HERB], [TREE]" in said
    assert "model.resize_token_embeddings(len(tokenizer))" in said


def test_a_padding_token_without_a_row_is_used_in_every_batch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is none for <fill>"):
        opened(with_tokens(tmp_path, True, "<fill>", pad_token="<fill>"))


def test_a_special_token_that_no_text_has_is_no_error_until_one_has_it(tmp_path: Path) -> None:
    encoder = open_model(ModelConfig(name=str(with_tokens(tmp_path, True, "<gap>", mask_token="<gap>")), device="cpu")).encoder
    assert encoder.encode(["a text"], "document").shape == (1, 32)
    with pytest.raises(ModelError, match="a text has the token <gap>"):
        encoder.encode(["fill the <gap> here"], "document")


def test_more_rows_than_tokens_are_usual(tmp_path: Path) -> None:
    opened(tiny_models.raw(tmp_path, tiny_models.bert(words=tiny_models.WORDS + 70)))


def test_static_embeddings_need_rows_too(tmp_path: Path) -> None:
    folder = tiny_models.static(tmp_path)
    path = next(folder.rglob("tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_tokens(["[HERB]"])
    tokenizer.save(str(path))
    with pytest.raises(ModelError, match=r"30,523 tokens.*none for \[HERB\]"):
        opened(folder)
