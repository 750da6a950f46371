"""A folder that `Dataset.save_to_disk` or `DatasetDict.save_to_disk` of the `datasets` library wrote."""

from __future__ import annotations

from pathlib import Path

from data.schema import DataError
from data.sources.hub import tables_of
from data.sources.rows import TableSource
from data.spec import DatasetSpec

MARKS = ("dataset_dict.json", "state.json")
"""Files of which such a folder has one: of several splits, or of one table."""


def is_saved(path: Path) -> bool:
    """Whether a folder was written so."""
    return any((path / mark).is_file() for mark in MARKS)


def saved_source(path: Path, name: str, spec: DatasetSpec) -> TableSource:
    """Its splits, which are memory-mapped where they lie.

    Raises:
        DataError: it is damaged, or no split is called train, dev or test.
    """
    import datasets
    import pyarrow as pa

    try:
        found = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(
            f"a folder of save_to_disk that cannot be loaded: {reason}", where=str(path), mend="save it anew"
        ) from None
    splits = found if isinstance(found, dict) else {path.name: found}
    notes = ["read as save_to_disk of the datasets library wrote it"]
    return TableSource(name, str(path), tables_of(splits, str(path), notes), spec, notes)
