"""A space is that of the weights and of everything else that decides a vector, never that of a name."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer, WordEmbeddings
from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from train.config.schema import ModelConfig
from train.encode.contract import read_contract
from train.encode.fingerprint import space_of
from train.encode.local import Encoder
from train.encode.open import open_model
from train.errors import ModelError


def load(path: Path, **settings: object) -> Encoder:
    return open_model(ModelConfig.model_validate({"name": str(path), "device": "cpu", **settings})).local


def test_a_copy_is_in_the_same_space_and_a_loaded_one_again(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "under another name")
    assert load(tiny_model).space("query") == load(tmp_path / "under another name").space("query")
    saved = load(tiny_model)
    saved.model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert load(tmp_path / "saved").space("query") == saved.space("query")


def test_the_smallest_change_of_a_weight_is_another_space(tiny_model: Path) -> None:
    encoder = load(tiny_model)
    before = encoder.space("query")
    with torch.no_grad():
        bias = encoder.model[0].auto_model.encoder.layer[1].output.dense.bias
        bias[3] = torch.nextafter(bias[3], torch.tensor(1.0))
    assert encoder.space("query") != before


@pytest.mark.parametrize(
    "settings", [{"query_prompt": "q: "}, {"max_tokens": 32}, {"dimensions": 16}], ids=["prompt", "length", "dimensions"]
)
def test_settings_are_part_of_the_space(tiny_model: Path, settings: dict[str, object]) -> None:
    assert load(tiny_model, **settings).space("query") != load(tiny_model).space("query")


def test_roles_with_equal_prompts_share_a_space(tiny_model: Path) -> None:
    encoder = load(tiny_model, query_prompt="q: ")
    assert encoder.space("document") == encoder.space("symmetric") != encoder.space("query")


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("config.json", "num_attention_heads", 4),
        ("config.json", "layer_norm_eps", 1e-3),
        ("1_Pooling/config.json", "pooling_mode", "cls"),
    ],
)
def test_architecture_and_pooling_are_part_of_the_space(
    tiny_model: Path, tmp_path: Path, file: str, key: str, value: object
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    path = copy / file
    settings = json.loads(path.read_text())
    assert settings[key] != value
    path.write_text(json.dumps(settings | {key: value}))
    assert load(copy).space("document") != load(tiny_model).space("document")


def test_dimensions_are_the_first_ones_of_unit_length_again(tiny_model: Path) -> None:
    whole, cut = load(tiny_model), load(tiny_model, dimensions=8)
    texts = ["one text", "another, longer text"]
    first = whole.encode(texts, "query")[:, :8]
    assert torch.allclose(cut.encode(texts, "query"), first / first.norm(dim=1, keepdim=True), atol=1e-6)
    assert cut.contract.dimensions == 8 and cut.encode([], "query").shape == (0, 8)
    with pytest.raises(ModelError, match=r"more than .* has: 32"):
        load(tiny_model, dimensions=33)


def space(*modules: torch.nn.Module) -> str:
    model = SentenceTransformer(modules=list(modules), device="cpu")
    return space_of(model, read_contract(model, "x", ModelConfig(name="x")), "query")


WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3)


def static(words: str, *, lower: bool = False) -> StaticEmbedding:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    return StaticEmbedding(tokenizer, embedding_weights=WEIGHTS)


def word_vectors(words: str) -> list[torch.nn.Module]:
    tokenizer = WhitespaceTokenizer(list(words), stop_words=["the"])
    return [WordEmbeddings(tokenizer, WEIGHTS), Pooling(3, pooling_mode="mean")]


def test_word_vectors_with_other_words_are_another_space() -> None:
    assert space(static("uabc")) == space(static("uabc"))
    assert len({space(static("uabc")), space(static("ubac")), space(static("uabc", lower=True))}) == 3
    assert space(*word_vectors("uabc")) == space(*word_vectors("uabc")) != space(*word_vectors("ubac"))


class Spelling(torch.nn.Module):
    """Encodes a text in a way that nothing but its code says."""

    def preprocess(self, texts: list[str], **_: object) -> dict[str, torch.Tensor]:
        return {"sentence_embedding": torch.tensor([[float(len(text))] for text in texts])}

    tokenize = preprocess

    def forward(self, features: dict[str, torch.Tensor], **_: object) -> dict[str, torch.Tensor]:
        return features

    def get_embedding_dimension(self) -> int:
        return 1


def test_a_model_whose_tokenizer_cannot_be_told_from_others_shares_nothing() -> None:
    assert space(Spelling()) != space(Spelling())


def test_settings_of_a_module_inside_another_are_part_of_the_space(tiny_model: Path) -> None:
    def nested(mode: str) -> str:
        return space(Transformer(str(tiny_model)), torch.nn.Sequential(Pooling(32, pooling_mode=mode)))

    assert nested("mean") == nested("mean") != nested("cls")


def test_code_that_came_with_a_model_is_part_of_the_space(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def with_code(name: str, factor: int) -> str:
        lines = ["import torch", "class Times(torch.nn.Module):", "    def forward(self, features, **_):"]
        lines += [f"        features['sentence_embedding'] *= {factor}", "        return features"]
        (tmp_path / f"{name}.py").write_text("\n".join(lines))
        return space(Transformer(str(tiny_model)), Pooling(32), importlib.import_module(name).Times())

    assert with_code("its_code", 2) == with_code("copied_code", 2) != with_code("other_code", 3)
