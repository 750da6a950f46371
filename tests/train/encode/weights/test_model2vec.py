"""Static embeddings as model2vec saves them are read, with the weights of their tokens and the length that they should have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support import tiny_models
from train.config.schema import ModelConfig
from train.encode.open import open_model


@pytest.mark.parametrize("normalize", [True, False])
def test_a_folder_of_model2vec_is_a_table_of_word_vectors(normalize: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    table, weights = torch.randn(tiny_models.WORDS, 16).half(), torch.rand(tiny_models.WORDS)
    save_file({"embeddings": table, "weights": weights}, tmp_path / "model.safetensors")
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": normalize}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    static = tiny_models.static_module()
    static.tokenizer.save(str(tmp_path / "tokenizer.json"))
    opened = open_model(ModelConfig(name=str(tmp_path), device="cpu"))
    ids = static.tokenizer.encode("a garden wall", add_special_tokens=False).ids
    expected = (table[ids].float() * weights[ids, None]).mean(dim=0)
    expected = expected / expected.norm() if normalize else expected
    assert torch.allclose(opened.encoder.encode(["a garden wall"], "document")[0], expected, atol=2e-3)
    assert opened.encoder.contract.normalized == normalize and "model2vec" in opened.notes[0]
    assert next(opened.local.model.parameters()).dtype == torch.float32
