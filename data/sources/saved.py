"""A folder that `Dataset.save_to_disk` or `DatasetDict.save_to_disk` of the `datasets` library wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.errors import DataError, reason
from data.schema import Source
from data.sources.classes.source import open_tables
from data.sources.hub import HubTable, splits_of
from data.sources.table import Table
from data.spec import DatasetSpec


def is_saved(path: Path) -> bool:
    """Tell whether a folder was written so: it holds several splits, or one table."""
    one = all((path / name).is_file() for name in ("state.json", "dataset_info.json"))
    return one or (path / "dataset_dict.json").is_file()


class SavedTable(HubTable):
    """One split that lies in a folder."""

    def digest(self) -> bytes:
        """Hash its files: the fingerprint that was saved may follow from the code that made the rows, not from what that read."""
        found = hashlib.sha256()
        for file in sorted(file["filename"] for file in self.data.cache_files):
            with Path(file).open("rb") as content:
                found.update(hashlib.file_digest(content, "sha256").digest())
        return found.digest()


def saved_source(path: Path, name: str, spec: DatasetSpec) -> Source:
    """Open its splits, which are memory-mapped where they lie.

    Raises:
        DataError: it is damaged, or no split is called train, dev or test.
    """
    import datasets
    import pyarrow as pa

    try:
        found = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise DataError(
            f"a folder written by save_to_disk that cannot be loaded: {reason(error)}", where=str(path), hint="save it again"
        ) from None
    loaded = found if isinstance(found, dict) else {path.name: found}
    notes = ["read as the datasets library's save_to_disk wrote it"]
    splits = splits_of(list(loaded), str(path), notes)
    tables: list[tuple[str, Table]] = [(split, SavedTable(original, loaded[original])) for split, original in splits.items()]
    return open_tables(name, str(path), tables, spec, notes)
