"""Where weights come from, and that tampered ones are refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.encode.local import resolve_device
from train.encode.open import open_model
from train.encode.weights import locate as module
from train.encode.weights.locate import PACKAGED_REVISION, PACKAGED_SHA256, locate
from train.errors import ModelError


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_the_default_model_comes_from_the_package_with_its_checksum() -> None:
    for name in (DEFAULT_MODEL, "all-MiniLM-L6-v2"):
        origin = locate(ModelConfig(name=name))
        assert (origin.kind, origin.sha256, origin.revision) == ("package", PACKAGED_SHA256, PACKAGED_REVISION)
    assert "packaged copy" in origin.sentence()


def test_another_revision_is_not_served_from_the_package() -> None:
    with pytest.raises(ModelError, match="could not be downloaded"):
        locate(ModelConfig(revision="0123456789abcdef"))


def test_tampered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "site" / "gt_tampered"
    shutil.copytree(locate(ModelConfig()).path, copy / "model")
    (copy / "__init__.py").touch()
    weights = copy / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.setattr(module, "PACKAGED_MODULE", "gt_tampered")
    with pytest.raises(ModelError, match=r"not the published ones.*\n.*--force-reinstall"):
        locate(ModelConfig())


def test_unknown_models_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        locate(ModelConfig(name="./nowhere"))
    (tmp_path / "my-model").mkdir()
    with pytest.raises(ModelError, match=r"neither modules\.json nor config\.json"):
        locate(ModelConfig(name=str(tmp_path / "my-model")))
    with pytest.raises(ModelError, match=r"did you mean .*my-model"):
        locate(ModelConfig(name=str(tmp_path / "my-modle")))
    with pytest.raises(ModelError, match="could not be downloaded"):
        locate(ModelConfig(name="nobody/nothing"))


def test_a_broken_folder_is_a_sentence(tiny_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match="could not be loaded"):
        open_model(ModelConfig(name=str(broken), device="cpu"))


def test_weights_are_fp32_whatever_the_file_holds(tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    half = tmp_path / "half"
    SentenceTransformer(str(tiny_model), device="cpu").to(torch.bfloat16).save_pretrained(str(half), create_model_card=False)
    opened = open_model(ModelConfig(name=str(half), device="cpu"))
    assert {p.dtype for p in opened.local.model.parameters()} == {torch.float32}
    assert opened.origin.kind == "folder"


def test_a_raw_encoder_gets_pooling_and_says_so(tiny_model: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in tiny_model.iterdir():
        if path.is_file() and path.name not in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
            shutil.copy(path, raw)
    opened = open_model(ModelConfig(name=str(raw), device="cpu", pooling="cls"))
    assert "cls pooling was added" in opened.notes[0]
    assert opened.encoder.contract.pooling == "cls"
    assert not opened.encoder.contract.normalized


def test_a_device_that_is_absent_is_an_error_never_a_fallback() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device whose absence is tested")
    with pytest.raises(ModelError, match="cuda was asked for"):
        resolve_device("cuda")
    with pytest.raises(ModelError, match="not a device"):
        resolve_device("gpu")


def test_a_misspelt_preset_is_recognised() -> None:
    with pytest.raises(ModelError, match=r"did you mean scibert\?"):
        locate(ModelConfig(name="scibret"))
