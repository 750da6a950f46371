"""Prompts of data sets: what is encoded with which, and what is saved with the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from data.schema import RowKind
from data.spec import DatasetSpec, PromptSpec
from train.config.schema import ModelConfig
from train.deploy.export import export_model
from train.encode.local import Encoder
from train.encode.open import open_model
from train.encode.prompts import prompted, settle_prompts
from train.encode.wrappers import ShortenedEncoder, for_judging


@pytest.fixture
def encoder(tiny_model: Path) -> Encoder:
    return open_model(ModelConfig(name=str(tiny_model), device="cpu")).local


def spec(train: bool = True, **prompts: str) -> DatasetSpec:
    return DatasetSpec(source="x.csv", train=train, prompts=PromptSpec(**prompts))


def test_a_prompt_stands_before_the_text(encoder: Encoder) -> None:
    found = prompted(encoder, PromptSpec(anchor="ask: ", sentences="say: "))
    for role, prompt in (("query", "ask: "), ("document", ""), ("symmetric", "say: ")):
        expected = encoder.model.encode([prompt + "a word"], convert_to_tensor=True)
        assert torch.allclose(found.encode(["a word"], role), expected, atol=1e-6)  # type: ignore[arg-type]
    assert prompted(encoder, PromptSpec()) is encoder
    assert encoder.contract.query_prompt == ""


def test_data_sets_with_equal_prompts_share_an_encoder(encoder: Encoder) -> None:
    prompts = {"a": PromptSpec(anchor="x"), "b": PromptSpec(anchor="x"), "c": PromptSpec()}
    found = for_judging(encoder, prompts)
    assert list(found) == ["a", "b", "c"] and found["a"] is found["b"] is not found["c"]
    assert not torch.allclose(found["a"].encode(["w"], "query"), found["c"].encode(["w"], "query"))


def test_prompts_on_which_all_agree_become_the_models_own(encoder: Encoder, tmp_path: Path) -> None:
    specs = {"a": spec(anchor="ask: "), "b": spec(anchor="ask: "), "judged": spec(train=False)}
    settled, notes = settle_prompts(encoder, specs, dict.fromkeys(specs, RowKind.PAIR))
    assert notes == [] and settled.contract.query_prompt == "ask: " and settled.contract.prompts_from == "your config"
    saved = SentenceTransformer(str(export_model(settled.model, tmp_path / "model")), device="cpu")
    assert torch.allclose(torch.tensor(saved.encode_query(["w"])), settled.encode(["w"], "query"), atol=1e-6)


def test_different_prompts_are_saved_under_names(encoder: Encoder, tmp_path: Path) -> None:
    kinds = {"a": RowKind.PAIR, "b": RowKind.TUPLE}
    settled, notes = settle_prompts(encoder, {"a": spec(anchor="ask: "), "b": spec(positive="say: ")}, kinds)
    assert settled.contract == encoder.contract
    assert "a-anchor, b-positive" in notes[0]
    folder = export_model(settled.model, tmp_path / "model")
    prompts = json.loads((folder / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts["a-anchor"] == "ask: " and prompts["b-positive"] == "say: "
    saved = SentenceTransformer(str(folder), device="cpu")
    expected = prompted(encoder, PromptSpec(anchor="ask: ")).encode(["w"], "query")
    assert torch.allclose(torch.tensor(saved.encode(["w"], prompt_name="a-anchor")), expected, atol=1e-6)


def test_prompts_of_pairs_and_of_scored_pairs_do_not_contradict_each_other(encoder: Encoder, tmp_path: Path) -> None:
    kinds = {"a": RowKind.PAIR, "b": RowKind.SCORED, "c": RowKind.PAIR}
    specs = {"a": spec(anchor="ask: "), "b": spec(sentences="say: "), "c": spec(anchor="ask: ", sentences="of no use")}
    settled, notes = settle_prompts(encoder, specs, kinds)
    assert notes == []
    saved = SentenceTransformer(str(export_model(settled.model, tmp_path / "model")), device="cpu")
    for role, encode in (("query", saved.encode_query), ("symmetric", saved.encode), ("document", saved.encode_document)):
        assert torch.allclose(encode(["w"], convert_to_tensor=True), settled.encode(["w"], role), atol=1e-6)
    assert [settled.contract.prompt(role) for role in ("query", "document", "symmetric")] == ["ask: ", "", "say: "]
    # one without a prompt, one with: the model cannot do both by itself
    assert settle_prompts(encoder, {"a": spec(anchor="ask: "), "c": spec()}, kinds)[1]


def test_shortened_vectors_are_those_of_truncate_dim(encoder: Encoder, tiny_model: Path) -> None:
    stock = SentenceTransformer(str(tiny_model), device="cpu", truncate_dim=8)
    expected = stock.encode(["a", "b c"], normalize_embeddings=True, convert_to_tensor=True)
    found = ShortenedEncoder(encoder, 8).encode(["a", "b c"], "symmetric")
    assert found.shape == (2, 8) and torch.allclose(found, expected, atol=1e-6)
