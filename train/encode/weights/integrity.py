"""A check that a model folder is complete, before a library reads it: some gaps it would silently fill with something else.

transformers builds a tokenizer without a vocabulary where its files are missing; every text then looks alike.
"""

from __future__ import annotations

import json
from pathlib import Path

from train.encode.weights.kinds import missing_parts, other_format
from train.errors import ModelError

WEIGHTS = ("model*.safetensors", "pytorch_model*.bin", "adapter_model*")
VOCABULARIES = ("tokenizer.json", "vocab*", "*.model", "*.spm", "*.tiktoken", "tekken.json", "*.codes", "tokeniz*.py")
"""Files of which a tokenizer needs one."""
WITHOUT_VOCABULARY = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
"""Tokenizers that read bytes or characters."""
WITH_SETTINGS = ("Pooling", "WeightedLayerPooling", "Dense", "LayerNorm", "CNN", "LSTM")
"""Modules that cannot be built without what they saved; others (Normalize) save nothing."""
COPY = "copy the whole folder again"
LFS = b"version https://git-lfs"


def check_whole(name: str, folder: Path) -> None:
    """Check the files of a Sentence Transformers or transformers folder.

    Args:
        name: the model, as the user wrote it.
        folder: where it lies; it has modules.json or config.json.

    Raises:
        ModelError: a file is broken or missing.
    """
    parts, kinds = _parts(name, folder)
    transformer = parts[0] if parts else folder
    if kinds and kinds[0].startswith("sentence_transformers.") and not kinds[0].endswith("Transformer"):
        return  # a router, word counts, word vectors, images: the library knows better what it needs
    if not (transformer / "config.json").is_file():
        return
    _readable_config(name, transformer / "config.json")
    weights = _any(transformer, WEIGHTS)
    if (gap := missing_parts(name, transformer)) is not None:
        raise gap
    if not weights and (other := other_format(name, transformer)) is not None:
        raise other
    if not weights:
        raise ModelError(
            f"{name} has no weights: no model.safetensors or pytorch_model.bin in {transformer}", hint=f"{COPY}, weights included"
        )
    for path in weights:
        if path.open("rb").read(len(LFS)) == LFS:
            raise ModelError(f"{path} is a Git LFS pointer: the weights were not downloaded", hint="run `git lfs pull` there")
    if not _any(transformer, VOCABULARIES) and not _reads_bytes(transformer / "tokenizer_config.json"):
        raise ModelError(
            f"{name} has no tokenizer: neither tokenizer.json nor vocab.txt nor another vocabulary is in {transformer}",
            hint=f"{COPY}; of a model that you trained, save the tokenizer beside it (tokenizer.save_pretrained)",
        )


def _parts(name: str, folder: Path) -> tuple[list[Path], list[str]]:
    """Return the folders and the classes of the modules that modules.json names."""
    path = folder / "modules.json"
    if not path.is_file():
        return [], []
    try:
        parts = [(folder / entry["path"], str(entry["type"])) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} is broken: {error}", hint=COPY) from None
    for part, kind in parts[1:]:
        if not part.is_dir() and kind.rsplit(".", 1)[-1] in WITH_SETTINGS:
            raise ModelError(f"{name} is not complete: modules.json names {part.name}, which is not in {folder}", hint=COPY)
    return [part for part, _ in parts], [kind for _, kind in parts]


def _readable_config(name: str, path: Path) -> None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} is broken: {error}", hint=COPY) from None
    if not isinstance(content, dict) or not ("model_type" in content or "architectures" in content):
        raise ModelError(
            f"{name} is a model of another kind: its config.json names no model_type",
            hint="name a text encoder, as Sentence Transformers or transformers saves it",
        )


def _reads_bytes(path: Path) -> bool:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("tokenizer_class") in WITHOUT_VOCABULARY
    except (OSError, ValueError, AttributeError):
        return False


def _any(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]
