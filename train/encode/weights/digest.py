"""A digest of a model folder, by which it is known again where the weights are in several files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from train.encode.weights.locate import sha256_of

DECIDING = (".safetensors", ".bin", ".json", ".txt", ".model", ".spm", ".tiktoken", ".py")
"""Endings of files that may decide a vector: weights, settings, vocabularies and code."""

BESIDE = ("encoding.json", "threshold.json", "training_args.bin", "trainer_state.json")
"""Files that lie in a model's folder and decide no vector, so that choosing a threshold makes no other model of it."""


def model_digest(folder: Path) -> str:
    """Return the SHA-256 of names and contents of all files of a model folder that may decide a vector.

    Raises:
        OSError: one cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in DECIDING and path.name not in BESIDE):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()
