"""Vectors of training rows by the base, for batches of similar rows."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
from datasets import Dataset

from data.arrow import batches_of
from data.schema import text_id
from train import ranks
from train.encode.contract import Role
from train.encode.encoder import Encoder
from train.encode.shared import SharedEncoder

COLUMNS: tuple[tuple[str, Role], ...] = (("anchor", "query"), ("positive", "document"))


def row_vectors(table: Dataset, encoder: Encoder, bf16: bool, folder: Path) -> np.ndarray:
    """The mean of query and positive of each row, [N, D] float16 of unit length. Every process must call it at the same time.

    They are kept in a file: a run that goes on, perhaps on another machine, should see the same neighbours.

    Args:
        table: rows with `anchor` and `positive`.
        encoder: the base.
        bf16: the precision of training, which is enough to find neighbours.
        folder: where the file lies.
    """
    encoder = dataclasses.replace(encoder, bf16=bf16)
    path = folder / f"{_key(table, encoder)[:32]}.npy"
    if not ranks.share(path.is_file()):
        queries, documents = (_unit(_encoded(table, column, role, encoder)) for column, role in COLUMNS)
        ranks.on_main(lambda: _save(path, _unit(queries + documents).astype(np.float16)))
    return np.load(path)


def _encoded(table: Dataset, column: str, role: Role, encoder: Encoder) -> np.ndarray:
    """[N, D] float32; a text that recurs is encoded once."""
    numbers: dict[str, int] = {}
    order = [numbers.setdefault(text, len(numbers)) for (texts,) in batches_of(table, [column]) for text in texts]
    return SharedEncoder(encoder).encode(list(numbers), role).numpy()[order]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _key(table: Dataset, encoder: Encoder) -> str:
    """A digest of texts and base."""
    digest = hashlib.sha256("\n".join(encoder.space(role) for _, role in COLUMNS).encode())
    for columns in batches_of(table, [column for column, _ in COLUMNS]):
        digest.update("".join(text_id(text) for texts in columns for text in texts).encode())
    return digest.hexdigest()


def _save(path: Path, vectors: np.ndarray) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.save(file, vectors)
    partial.replace(path)
