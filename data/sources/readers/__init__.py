"""Raw rows out of one file: CSV, TSV, JSON, JSONL, Parquet, Excel. What the columns mean is decided elsewhere.

Every reader streams, but for a JSON array, which is read whole. Errors name the file and the line (or the row, where a
format has no lines).
"""

from __future__ import annotations

from pathlib import Path

from data.errors import DataError
from data.sources.compressed import kind_of
from data.sources.foreign import SUFFIXES
from data.sources.readers.base import Reader, Row, decoded, lines, readable
from data.sources.readers.delimited import DelimitedReader
from data.sources.readers.excel import ExcelReader
from data.sources.readers.json_files import JsonLinesReader, JsonReader, is_json_lines
from data.sources.readers.parquet import ParquetReader

__all__ = ["READERS", "JsonLinesReader", "Reader", "Row", "decoded", "lines", "open_reader", "readable"]

READERS: dict[str, type[Reader]] = {
    ".csv": DelimitedReader,
    ".tsv": DelimitedReader,
    ".json": JsonReader,
    ".jsonl": JsonLinesReader,
    ".ndjson": JsonLinesReader,
    ".parquet": ParquetReader,
    ".xlsx": ExcelReader,
    ".xlsm": ExcelReader,
}
"""Reader by file name suffix."""


def open_reader(path: Path, shown: str, sheet: str | None = None, setting: str | None = "data.sheet") -> Reader:
    """Open the reader for `path` by its suffix; of a workbook that for `sheet`, or for the one that is likely meant.

    `setting` is that by which a user can name the sheet, if there is one.

    Raises:
        DataError: a suffix that is not in `READERS`, a file that cannot be opened, or a sheet of what is no workbook.
    """
    reader = READERS.get(kind_of(path))
    if reader is None:
        known = " ".join(READERS)
        hint = SUFFIXES.get(kind_of(path), "save the texts in one of these")
        raise DataError(f"unknown kind of file {path.suffix or path.name!r}", where=str(path), hint=f"{hint} (read are {known})")
    if reader is ExcelReader:
        return ExcelReader(path, shown, sheet, setting)
    if sheet is not None:
        raise DataError("sheet has no meaning for a file that is no workbook", where=str(path), hint="remove sheet (data.sheet)")
    if reader is JsonReader and is_json_lines(path):
        lines_reader = JsonLinesReader(path, shown)
        lines_reader.notes.append(f"{shown}: read as one JSON object per line")
        return lines_reader
    return reader(path, shown)
