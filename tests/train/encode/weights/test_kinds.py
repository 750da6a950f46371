"""Folders of other kinds are named for what they are, with the way out; what only resembles them is left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from train.config.schema import ModelConfig
from train.encode.weights.kinds import generates, refuse_other_kinds
from train.encode.weights.locate import locate
from train.errors import ModelError

BERT = {"model_type": "bert", "architectures": ["BertModel"]}
TRANSFORMER = {"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}


def write(folder: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def whole(**changes: object) -> dict[str, object]:
    return {"config.json": BERT | changes, "model.safetensors": "x", "tokenizer.json": {}}


MODULES = "modules.json"
SPLADE = "sentence_transformers.sparse_encoder.models.SpladePooling"
PYLATE = "pylate.models.Dense.Dense"
ADAPTER = {"peft_type": "LORA", "base_model_name_or_path": "garden/encoder"}
SHARDS = {"weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}}
REFUSED: dict[str, tuple[dict[str, object], str, str]] = {
    "adapter": (
        {"adapter_config.json": ADAPTER, "adapter_model.bin": "x"},
        r"adapter \(LoRA\) for garden/encoder",
        "merge_and_unload",
    ),
    "adapter beside a config": (
        {"adapter_config.json": ADAPTER | {"peft_type": "IA3"}, **whole()},
        r"adapter \(IA3\) for garden/encoder",
        r'SentenceTransformer\("garden/encoder"\)',
    ),
    "adapter in a module": (
        {"modules.json": [TRANSFORMER | {"path": "0_Transformer"}], "0_Transformer/adapter_config.json": ADAPTER},
        r"adapter \(LoRA\) for garden/encoder",
        "name the folder with the result",
    ),
    "gguf": ({"encoder-Q4.gguf": "x"}, "no weights that PyTorch reads: it holds GGUF", "name the original model"),
    "gguf with a config": ({"config.json": BERT, "tokenizer.json": {}, "m.gguf": "x"}, "GGUF", "without GGUF"),
    "onnx": ({"config.json": BERT, "tokenizer.json": {}, "onnx/model.onnx": "x"}, "an ONNX graph", "model.safetensors"),
    "openvino": ({"config.json": BERT, "openvino_model.xml": "x"}, "an OpenVINO graph", "original model"),
    "tensorflow": ({"config.json": BERT, "tf_model.h5": "x"}, "weights for TensorFlow", "original model"),
    "deepspeed": ({"zero_to_fp32.py": "x", "global_step9/a.pt": "x"}, "DeepSpeed left in parts", "python zero_to_fp32.py"),
    "an index without its parts": (
        {"config.json": BERT, "tokenizer.json": {}, "pytorch_model.bin.index.json": SHARDS},
        "of 2 files that pytorch_model.bin.index.json names, 2 are not",
        "download or copy these",
    ),
    "an index without one part": (
        {"config.json": BERT, "pytorch_model.bin.index.json": SHARDS, "pytorch_model-00001-of-00002.bin": "x"},
        r"1 are not there \(pytorch_model-00002-of-00002\.bin\)",
        "download",
    ),
    "weights alone": (
        {"model.safetensors": "x"},
        r"weights \(model\.safetensors\), but no config\.json",
        "tokenizer's files",
    ),
    "checkpoints": (
        {f"checkpoint-{step}/config.json": BERT for step in (90, 500)},
        "a folder without a model",
        r"name one of its checkpoints: .*checkpoint-500",
    ),
    "a checkpoint without its tokenizer": (
        {"config.json": BERT, "model.safetensors": "x", "trainer_state.json": {}, "optimizer.pt": "x"},
        "has no tokenizer",
        "tokenizer.save_pretrained",
    ),
    "classifier": (whole(architectures=["BertForSequenceClassification"]), "BertForSequenceClassification", "without its head"),
    "cross-encoder": (
        {**whole(), "modules.json": [TRANSFORMER], "config_sentence_transformers.json": {"model_type": "CrossEncoder"}},
        "a cross-encoder, which reads two texts at once",
        "mining.cross_encoder",
    ),
    "splade": (
        {
            **whole(),
            "modules.json": [TRANSFORMER, {"path": "1", "type": SPLADE}],
        },
        "a sparse encoder",
        "one dense vector",
    ),
    "colbert": ({**whole(architectures=["HF_ColBERT"]), "artifact.metadata": {}}, "a multi-vector encoder", "one dense vector"),
    "pylate": (
        {
            **whole(),
            "modules.json": [TRANSFORMER, {"path": "1_Dense", "type": PYLATE}],
            "1_Dense/config.json": {},
        },
        "a multi-vector encoder",
        "one dense vector",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_another_kind_is_named(case: str, tmp_path: Path) -> None:
    files, what, hint = REFUSED[case]
    with pytest.raises(ModelError) as error:
        origin = locate(ModelConfig(name=str(write(tmp_path, files))))
        refuse_other_kinds(origin.name, origin.path)
    assert re.search(what, error.value.what) and str(tmp_path) in error.value.what
    assert error.value.hint and re.search(hint, error.value.hint)


SOUND: dict[str, dict[str, object]] = {
    "raw": whole(),
    "masked language model": whole(architectures=["BertForMaskedLM"]),
    "one file beside an index of other parts": {**whole(), "pytorch_model.bin.index.json": SHARDS},
    "all parts": {**whole(), "pytorch_model.bin.index.json": SHARDS, **dict.fromkeys(SHARDS["weight_map"].values(), "x")},
    "with a graph beside the weights": {**whole(), "onnx/model.onnx": "x", "openvino/openvino_model.xml": "x"},
    "with an adapter in a folder of its own": {**whole(), "lora/adapter_config.json": ADAPTER},
    "an encoder of a language model": {**whole(architectures=["Qwen3ForCausalLM"]), "modules.json": [TRANSFORMER]},
    "a head that pooling replaces": {**whole(architectures=["BertForSequenceClassification"]), "modules.json": [TRANSFORMER]},
    "saved as what it is": {**whole(), "config_sentence_transformers.json": {"model_type": "SentenceTransformer"}},
}


@pytest.mark.parametrize("case", list(SOUND))
def test_a_text_encoder_is_one(case: str, tmp_path: Path) -> None:
    origin = locate(ModelConfig(name=str(write(tmp_path, SOUND[case]))))
    refuse_other_kinds(origin.name, origin.path)
    assert generates(tmp_path) is None


def test_a_model_that_writes_is_told_from_one_that_was_trained_to_embed(tmp_path: Path) -> None:
    write(tmp_path, whole(architectures=["Qwen3ForCausalLM"]))
    assert generates(tmp_path) == "Qwen3ForCausalLM"
