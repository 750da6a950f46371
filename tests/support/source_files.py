"""Writes the files that tests of sources read, and reads them as a source."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import DataError
from data.schema import UNSPLIT, RowId
from data.sources import open_source
from data.spec import DatasetSpec

PAIRS = "query,document\nhow to list files,ls\nhow to remove a file,rm\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def opened(path: Path | str, **options: object):
    return open_source(DatasetSpec(source=str(path), **options))


def texts(source, split: str = UNSPLIT) -> list[list[str]]:
    return [example.texts for example in source.examples(split)]


def rows(source, split: str = UNSPLIT) -> list[str]:
    return [RowId.parse(example.guid).row for example in source.examples(split)]


def message(path: Path | str, **options: object) -> str:
    """Return the error that reading everything ends in."""
    with pytest.raises(DataError) as error:
        source = opened(path, **options)
        for split in source.splits():
            list(source.examples(split))
    assert "What to do:" in str(error.value)
    return str(error.value)


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path
