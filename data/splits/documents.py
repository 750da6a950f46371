"""Documents kept apart: what dev and test ask for is in no training row, so that they show what a model does with new ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from data.errors import DataError
from data.splits.hashes import RowHashes

HINT = (
    "leave data.split.documents out (queries alone are kept apart then, and gains on taught and on new documents are told apart)"
)


def keep_without_judged(train: RowHashes, judged: Collection[RowHashes], location: str | None) -> np.ndarray:
    """Return the numbers of the training rows whose document no row of dev or test has.

    Args:
        train: hashes of the training rows.
        judged: those of dev and test.
        location: where the rows come from, for errors.

    Raises:
        DataError: no row is left.
    """
    documents = np.concatenate([np.empty(0, dtype=np.uint64), *(rows.second for rows in judged)])
    keep = np.flatnonzero(~np.isin(train.second, documents))
    if len(train) and not len(keep):
        raise DataError("every document of train is one that dev or test asks for, too", where=location, hint=HINT)
    return keep


def linked_by_documents(rows: RowHashes, missing: Sequence[str], location: str | None) -> DataError:
    """Say that the rows hang together so much that none can be split off with documents of their own."""
    documents = len(np.unique(rows.second))
    return DataError(
        f"{' and '.join(missing)} cannot be split off with documents of their own: most of the {len(rows):,} rows are linked by"
        f" the {documents:,} documents that their queries share",
        where=location,
        hint=HINT,
    )
