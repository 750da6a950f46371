"""Vectors of training rows by the base, for batches of similar rows."""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from datasets import Dataset

from data.arrow import batches_of
from data.storage import atomic_path, flush
from train import distributed
from train.encode.contract import Role
from train.encode.local import Encoder
from train.encode.token_limit import limited_tokens
from train.encode.wrappers import wrapped
from train.fit.batches.similar import in_steps

COLUMNS: tuple[tuple[str, Role], ...] = (("anchor", Role.QUERY), ("positive", Role.DOCUMENT))


def row_vectors(table: Dataset, encoder: Encoder, max_tokens: int, bf16: bool, folder: Path) -> np.ndarray:
    """Return the mean of query and positive of each row, [N, D] int16, see `in_steps`. Every process must call it at once.

    They are kept in a file: a run that is continued, perhaps on another machine, should see the same neighbours.

    Args:
        table: rows with `anchor` and `positive`.
        encoder: the base.
        max_tokens: where training cuts texts.
        bf16: the precision of training, which is enough to find neighbours.
        folder: where the file lies.
    """
    contract = dataclasses.replace(encoder.contract, max_tokens=min(max_tokens, encoder.contract.max_tokens))
    encoder = dataclasses.replace(encoder, contract=contract, bf16=bf16)
    path = folder / f"{_key(table, encoder)[:32]}.npy"
    kept = distributed.share(_load(path, len(table)) if distributed.is_main() else None)
    if kept is not None:
        return kept
    with limited_tokens(encoder.model, contract.max_tokens):
        vectors = _unit(_encoded(table, *COLUMNS[0], encoder))
        vectors += _unit(_encoded(table, *COLUMNS[1], encoder))
    found = distributed.share(in_steps(_unit(vectors)))
    distributed.on_main(lambda: _save(path, found))
    return found


def _encoded(table: Dataset, column: str, role: Role, encoder: Encoder) -> np.ndarray:
    """Return [N, D] float32; a text that recurs is encoded once."""
    numbers: dict[str, int] = {}
    order = [numbers.setdefault(text, len(numbers)) for (texts,) in batches_of(table, [column]) for text in texts]
    return wrapped(encoder, shared=True).encode(list(numbers), role).numpy()[order]


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Scale to unit length, in place."""
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors


def _key(table: Dataset, encoder: Encoder) -> str:
    """Return a digest of texts and base."""
    digest = hashlib.sha256("\n".join(encoder.space(role) for _, role in COLUMNS).encode())
    for columns in batches_of(table, [column for column, _ in COLUMNS]):
        for text in (text for texts in columns for text in texts):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _load(path: Path, rows: int) -> np.ndarray | None:
    """Load what an earlier run kept; None where it kept nothing, or what it kept is damaged."""
    try:
        found = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.dtype == np.int16 and found.ndim == 2 and len(found) == rows else None


def _save(path: Path, vectors: np.ndarray) -> None:
    """Write the file whole or not at all; without it a run that is continued encodes the rows again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            with temporary.open("wb") as file:
                np.save(file, vectors)
            flush(temporary)
