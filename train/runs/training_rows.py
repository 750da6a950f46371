"""Which rows a run was trained on: kept in its folder as hashes, so that they are known again wherever they are judged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data.prepared import PreparedDataset
from data.splits.hashes import Hashes
from data.storage import atomic_path
from train.runs.folder import RunFolder


def write_known_rows(run: Path, trained: Iterable[PreparedDataset]) -> None:
    """Write the hashes of the training rows of these data sets: uint64 [K], ascending, a pair of texts each, in either order."""
    hashes = [one.hashes["train"].unordered_pairs() for one in trained if one.hashes is not None and "train" in one.hashes]
    with atomic_path(RunFolder(run).training_rows) as temporary, temporary.open("wb") as file:
        np.save(file, np.unique(np.concatenate([*hashes, np.empty(0, dtype=np.uint64)])))


def read_known_rows(run: Path) -> Hashes | None:
    """Read what `write_known_rows` wrote; None of runs of earlier versions.

    Raises:
        OSError, EOFError, ValueError: the file cannot be read.
    """
    path = RunFolder(run).training_rows
    return np.load(path, allow_pickle=False) if path.is_file() else None


def count_known(prepared: PreparedDataset, split: str, known: Hashes) -> int | None:
    """Count the rows of a split that are among the known ones; None where the split's hashes are not there."""
    if prepared.hashes is None or split not in prepared.hashes:
        return None
    return int(np.isin(prepared.hashes[split].unordered_pairs(), known).sum())
