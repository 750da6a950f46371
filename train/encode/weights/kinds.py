"""Folders that hold something else than a text encoder, or not all of it: what it is, and the way out, in one sentence each.

The libraries would load some of these as what they are not: a cross-encoder without its head, an adapter without its weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.errors import ModelError

ADAPTER = "adapter_config.json"
MERGE = """\
merge it into its base, and name the folder with the result:
  from peft import PeftModel; from sentence_transformers import SentenceTransformer
  model = SentenceTransformer("{base}"); inner = PeftModel.from_pretrained(model[0].model, "{folder}")
  model[0].model = inner.merge_and_unload(); model.save_pretrained("merged")"""
WHOLE_OR_PARTS = (
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
"""A file of weights, and the one that names the parts into which they were divided; in the order in which transformers looks."""
SHOWN = 3
"""Missing files that are named."""
ORIGINAL = "name the original model, with model.safetensors or pytorch_model.bin"
OTHER_FORMATS: tuple[tuple[Sequence[str], str, str], ...] = (
    (("*.gguf",), "GGUF weights, which llama.cpp runs", "name the original model, whose name is often the same without GGUF"),
    (("*.onnx", "onnx/*.onnx"), "an ONNX graph, which cannot be trained", ORIGINAL),
    (("openvino*.xml", "openvino/*.xml"), "an OpenVINO graph, which cannot be trained", ORIGINAL),
    (("tf_model*.h5", "saved_model.pb"), "weights for TensorFlow", ORIGINAL),
    (("flax_model*.msgpack",), "weights for Flax", ORIGINAL),
    (
        ("zero_to_fp32.py", "global_step*/*.pt", "*/zero_pp_rank_*.pt"),
        "weights that DeepSpeed left in parts",
        "put them together first: python zero_to_fp32.py . merged --safe_serialization, in that folder",
    ),
    (
        ("pytorch_model_fsdp*", "*/.metadata"),
        "weights that FSDP left in parts",
        "put them together first: accelerate merge-weights FOLDER merged",
    ),
)
"""Patterns of files, what these hold, and what to do instead."""
COMPARES = {
    "CrossEncoder": "a cross-encoder, which reads two texts at once and gives a score, no vectors",
    "SparseEncoder": "a sparse encoder (SPLADE), whose vectors have a place for each word of its vocabulary",
    "MultiVectorEncoder": "a multi-vector encoder (ColBERT), which has a vector for each token of a text",
    "ColBERT": "a multi-vector encoder (ColBERT), which has a vector for each token of a text",
}
"""What `model_type` in config_sentence_transformers.json may be besides SentenceTransformer."""
SPARSE = re.compile(r"Splade|SparseStatic|SparseAutoEncoder|CSR")
MULTI = re.compile(r"^pylate\.|MultiVector|ColBERT", re.IGNORECASE)
HEADS = re.compile(r"For(SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice|NextSentencePrediction)$")
GENERATES = re.compile(r"(ForCausalLM|LMHeadModel)$")


def refuse_other_kinds(name: str, folder: Path) -> None:
    """Refuse an adapter, a cross-encoder, and encoders whose vectors are of another kind.

    Args:
        name: the model, as the user wrote it.
        folder: where it lies.

    Raises:
        ModelError: naming what it is.
    """
    for pattern in (ADAPTER, f"[0-9]*/{ADAPTER}", f"[0-9]*/*/{ADAPTER}"):
        for found in folder.glob(pattern):
            raise _adapter(name, found.parent)
    saved_as = str(_read(folder / "config_sentence_transformers.json").get("model_type"))
    types = [str(entry.get("type")) for entry in _modules(folder)]
    if any(SPARSE.search(one) for one in types):
        saved_as = "SparseEncoder"
    if any(MULTI.search(one) for one in [*types, *architectures(folder)]) or (folder / "artifact.metadata").is_file():
        saved_as = "MultiVectorEncoder"
    if saved_as in COMPARES:
        hint = "name an encoder with one dense vector a text" + (
            "; a cross-encoder can sort out what is mined: mining.cross_encoder" if saved_as == "CrossEncoder" else ""
        )
        raise ModelError(f"{name} is {COMPARES[saved_as]}", hint=hint)
    if not types and (head := next((one for one in architectures(folder) if HEADS.search(one)), None)) is not None:
        raise ModelError(
            f"{name} is a classifier ({head}), or a cross-encoder: it gives scores, no vectors",
            hint="name a text encoder. To begin with the encoder inside all the same, save it without its head:"
            f' AutoModel.from_pretrained("{name}").save_pretrained("encoder"), and its tokenizer beside it',
        )


def generates(folder: Path) -> str | None:
    """Return the class of a model that was made to write texts and has no pooling of its own; None for others."""
    return None if _modules(folder) else next((one for one in architectures(folder) if GENERATES.search(one)), None)


def architectures(folder: Path) -> list[str]:
    """Return the classes that a model's config.json names."""
    found = _read(folder / "config.json").get("architectures")
    return [str(one) for one in found] if isinstance(found, list) else []


def no_model(name: str, folder: Path) -> ModelError:
    """Return the error for a folder with neither modules.json nor config.json."""
    if (folder / ADAPTER).is_file():
        return _adapter(name, folder)
    if (other := other_format(name, folder)) is not None:
        return other
    if weights := [*folder.glob("model*.safetensors"), *folder.glob("pytorch_model*.bin")]:
        return ModelError(
            f"{name} has weights ({weights[0].name}), but no config.json that says what they belong to",
            hint="copy the whole folder, with config.json and the tokenizer's files",
        )
    checkpoints = [path for path in folder.glob("checkpoint-*") if (path / "config.json").is_file()]
    if checkpoints:
        last = max(checkpoints, key=lambda path: int("".join(c for c in path.name if c.isdigit()) or 0))
        hint = f"name one of its checkpoints: {last}"
    elif (folder / "model").is_dir():
        hint = f"name its model: {folder / 'model'}"
    else:
        hint = "name the folder that Sentence Transformers or transformers saved; for a run of this project, its model/ folder"
    return ModelError(f"{name} is a folder without a model (neither modules.json nor config.json is in it)", hint=hint)


def missing_parts(name: str, folder: Path) -> ModelError | None:
    """Return the error for weights in several files that are not all there; None where they are, or are one file."""
    for whole, index in WHOLE_OR_PARTS:
        if (folder / whole).is_file():
            return None
        parts = set(map(str, _read(folder / index).get("weight_map", {}).values()))
        if missing := sorted(part for part in parts if not (folder / part).is_file()):
            shown = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
            return ModelError(
                f"{name} is not complete: of {len(parts)} files that {index} names, {len(missing)} are not there ({shown})",
                hint="download or copy these, too",
            )
        if parts:
            return None
    return None


def other_format(name: str, folder: Path) -> ModelError | None:
    """Return the error for weights that PyTorch does not read; None where there are none of those."""
    for patterns, what, hint in OTHER_FORMATS:
        if any(found for pattern in patterns for found in folder.glob(pattern)):
            return ModelError(f"{name} has no weights that PyTorch reads: it holds {what}", hint=hint)
    return None


def _adapter(name: str, folder: Path) -> ModelError:
    found = _read(folder / ADAPTER)
    base = str(found.get("base_model_name_or_path") or "BASE")
    kind = "LoRA" if str(found.get("peft_type", "LORA")).upper() == "LORA" else str(found["peft_type"])
    return ModelError(f"{name} is an adapter ({kind}) for {base}, not a whole model", hint=MERGE.format(base=base, folder=folder))


def _modules(folder: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _read(path: Path) -> dict[str, Any]:
    """Return a JSON object; an empty one where there is none: what is broken is reported by whoever needs it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
