"""Which rows a run was trained on, and which chose its model.

They are kept in its folder as hashes, so that they are known again wherever they are judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data.prepared import PreparedDataset
from data.splits.hashes import Hashes
from data.storage import atomic_path
from train.runs.folder import RunFolder


def write_known_rows(run: Path, trained: Iterable[PreparedDataset]) -> None:
    """Write the hashes of the train and dev rows of the data sets that are trained on.

    Two files of uint64 [K], ascending, a pair of texts each, in either order.
    """
    files, sets = RunFolder(run), list(trained)
    for split, path in (("train", files.training_rows), ("dev", files.dev_rows)):
        hashes = [one.hashes[split].unordered_pairs() for one in sets if one.hashes is not None and split in one.hashes]
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, np.unique(np.concatenate([*hashes, np.empty(0, dtype=np.uint64)])))


def read_known_rows(run: Path) -> Hashes | None:
    """Read the training rows that `write_known_rows` wrote; None of runs of earlier versions.

    Raises:
        OSError, EOFError, ValueError: the file cannot be read.
    """
    return _read(RunFolder(run).training_rows)


def read_dev_rows(run: Path) -> Hashes | None:
    """Read the dev rows that `write_known_rows` wrote; None of runs of earlier versions.

    Raises:
        OSError, EOFError, ValueError: the file cannot be read.
    """
    return _read(RunFolder(run).dev_rows)


def _read(path: Path) -> Hashes | None:
    return np.load(path, allow_pickle=False) if path.is_file() else None


def count_known(prepared: PreparedDataset, split: str, known: Hashes) -> int | None:
    """Count the rows of a split that are among the known ones; None where the split's hashes are not there."""
    if prepared.hashes is None or split not in prepared.hashes:
        return None
    return int(np.isin(prepared.hashes[split].unordered_pairs(), known).sum())
