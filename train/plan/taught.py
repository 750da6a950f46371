"""Which documents a run teaches: the positives of the rows that it trains on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data.schema import RowKind
from train.evaluate.slicing import document_hashes
from train.fit.batches.training_set import TrainingSet


def taught_documents(sets: Mapping[str, TrainingSet]) -> np.ndarray:
    """Return [U] uint64, ascending: the hashes of the positives of all training rows of a run, each once.

    Leaks, rows beyond `max_rows` and rows for which no negative was mined are not among them, since they are not trained on. A
    text is taught whichever data set of the run has it.

    Args:
        sets: the training rows by data set name.
    """
    texts = [text for one in sets.values() if one.kind is not RowKind.SCORED for text in one.table.unique("positive")]
    return document_hashes(texts)
