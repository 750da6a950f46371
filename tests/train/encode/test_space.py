"""A space is that of the weights and of everything else that decides a vector, never that of a name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from train.config import ModelConfig
from train.encode.encoder import Encoder, load_encoder
from train.errors import ModelError


def load(path: Path, **settings: object) -> Encoder:
    return load_encoder(ModelConfig.model_validate({"name": str(path), "device": "cpu", **settings}))[0]


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
