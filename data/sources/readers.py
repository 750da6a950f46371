"""Raw rows out of one file: CSV, TSV, JSON, JSONL, Parquet. What the columns mean is decided elsewhere.

Every reader streams, but for a JSON array, which is read whole. Errors name the file and the line (or the row, where a
format has no lines).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from data.errors import DataError, reason
from data.foreign_errors import CSV_AFTER_QUOTE, CSV_CARRIAGE_RETURN, CSV_QUOTE_OPEN
from data.sources.compressed import kind_of, opened
from data.sources.foreign import SUFFIXES, refuse_foreign

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Row = tuple[int, Mapping[str, object]]
"""Number of the line or row (from 1) and the values by column."""

SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""What may stand between two columns; tried in this order where the one that the suffix promises is not in the header."""

QUOTE_HINT = 'close the quote; a quote that is part of a text is doubled ("") in a quoted cell'
CSV_ERRORS = (
    (CSV_QUOTE_OPEN, "a quote opens in this row and is never closed", QUOTE_HINT),
    (CSV_AFTER_QUOTE, "a quoted cell continues after its closing quote", QUOTE_HINT),
    (
        CSV_CARRIAGE_RETURN,
        "there is a carriage return in the line (old Macintosh line ends?)",
        "convert it: `tr '\\r' '\\n' < OLD > NEW`",
    ),
)
"""What the csv module says, what that means, and the way out."""

HEAD_ROWS = 10_000
"""Objects of a JSON or JSONL file whose keys count as its columns."""

UTF8_HINT = (
    'save the file as UTF-8 (in a spreadsheet: "CSV UTF-8"), or convert it, for instance with'
    " `iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW`"
)


@contextmanager
def readable(path: Path, shown: str) -> Iterator[None]:
    """Turn what the operating system says about `path` into a `DataError`."""
    try:
        yield
    except PermissionError:
        hint = f"allow it: {_permission(path)} (or ask the owner)"
        raise DataError("may not be read: permission denied", where=shown, hint=hint) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=shown, hint="look at the path and the disk") from None


def _permission(path: Path) -> str:
    """Return the command that gives the right to read `path`: to the first folder on the way that is closed, or to itself."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return f"chmod u+rx {folder}"
    return f"chmod u+rx {path}" if os.path.isdir(path) else f"chmod u+r {path}"  # noqa: PTH112 (Path.is_dir may raise here)


def lines(path: Path, shown: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file with their numbers from 1, line ends included; a byte-order mark is left out.

    Read as bytes, so that an encoding error can name its line and byte.
    """
    with readable(path, shown), opened(path, shown) as file:
        yield from decoded(file, shown)


def decoded(file: Iterable[bytes], shown: str) -> Iterator[tuple[int, str]]:
    """Yield lines of bytes as `lines` gives them."""
    offset = 0
    for number, raw in enumerate(file, start=1):
        yield number, _decoded(raw, number, offset, shown)
        offset += len(raw)


def _decoded(raw: bytes, number: int, offset: int, shown: str) -> str:
    if number == 1:
        refuse_foreign(raw, shown)
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            hint = "save the file as UTF-8, or convert it: `iconv -f UTF-16 -t UTF-8 OLD > NEW`"
            raise DataError("the file is UTF-16, not UTF-8", where=shown, hint=hint)
        raw = raw.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in raw:
        what = f"the line contains a NUL byte, at position {offset + raw.index(0)} of the file"
        hint = "remove it: `tr -d '\\000' < OLD > NEW`; where every other byte is NUL the file is UTF-16: save it as UTF-8"
        raise DataError(what, where=f"{shown}, line {number}", hint=hint)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte 0x{raw[error.start]:02x} at position {offset + error.start} of the file"
        raise DataError(what, where=f"{shown}, line {number}", hint=UTF8_HINT) from None


class Reader:
    """One file. `shown` is its name in row ids and notes, `place` its path for errors, `unit` what its rows are counted in.

    `on_bad` gets the errors of rows that cannot be read, if the others can; without it the first of them is an error.
    """

    unit = "line"
    on_bad: Callable[[DataError], None] | None = None

    def __init__(self, path: Path, shown: str) -> None:
        self.path, self.shown, self.place = path, shown, str(path)
        self.notes: list[str] = []

    def columns(self) -> list[str]:
        """Return the names of the columns. Raises `DataError` where the file is empty or broken."""
        raise NotImplementedError

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows in file order; each has at least those of `columns` that the row has a value for."""
        raise NotImplementedError

    def _bad(self, error: DataError) -> None:
        if self.on_bad is None:
            raise error
        self.on_bad(error)

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""
        place = f"{self.place}, {self.unit} {number}"
        return place if column is None else f'{place}, column "{column}"'

    def digest(self) -> bytes:
        """Return the SHA-256 of the content."""
        with readable(self.path, self.place), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()


class DelimitedReader(Reader):
    """CSV and TSV with a header line. Cells may span lines when quoted."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        # The limit is global to the csv module; long documents in a cell are legitimate.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        self.delimiter = "\t" if kind_of(path) == ".tsv" else ","
        self.quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
        self.header = self._read_header()
        if self.delimiter == "\t":
            self._try_plain_tabs()

    def _read_header(self) -> list[str]:
        first = next((text for _, text in lines(self.path, self.place) if text.strip()), None)
        if first is None:
            raise DataError("the file is empty", where=self.place, hint="give a file with a header line and rows")
        if self.delimiter not in first:
            other = max(SIGNS, key=first.count)
            if other in first:
                self.delimiter = other
                self.notes.append(f"{self.shown}: columns are separated by {SIGNS[other]}s")
        header = [name.strip() for name in next(self._records())[1]]
        if twice := sorted({name for name in header if name and header.count(name) > 1}):
            raise DataError(f"the header names {twice[0]!r} twice", where=self.place, hint="give each column its own name")
        return header

    def _count(self) -> int:
        """Count the records, where all can be read and have as many cells as the header; otherwise return 0."""
        number = 0
        try:
            for _, cells in self._records():
                if len(cells) != len(self.header):
                    return 0
                number += 1
        except DataError:
            return 0
        return number

    def _try_plain_tabs(self) -> None:
        """Read quotes as part of the texts where every line then has its cells and there are more rows.

        Files separated by tabs often have quotes that mean nothing, two of which would make one row of all that lies between.
        """
        quoted = self._count()
        self.quoting = csv.QUOTE_NONE
        if self._count() > quoted:
            self.notes.append(f"{self.shown}: quotes are read as part of the texts")
        else:
            self.quoting = csv.QUOTE_MINIMAL

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line on which a record begins, and its cells; blank lines are skipped."""
        numbered = lines(self.path, self.place)
        # strict: without it an unclosed quote silently swallows the rest of the file into one cell
        # where a blank follows the comma, a quote behind it would be a part of the text otherwise
        reader = csv.reader(
            (text for _, text in numbered),
            delimiter=self.delimiter,
            quoting=self.quoting,
            skipinitialspace=self.delimiter != "\t",
            strict=True,
        )
        begin = 1
        try:
            for cells in reader:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield begin, cells
                begin = reader.line_num + 1
        except csv.Error as error:
            what, hint = next((words for said, *words in CSV_ERRORS if said.said_by(error)), (str(error), QUOTE_HINT))
            raise DataError(f"broken row: {what}", where=self.where(begin), hint=hint) from None

    def columns(self) -> list[str]:
        """Return the header."""
        return self.header

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows; each must have as many cells as the header."""
        header = self.header
        records = self._records()
        next(records)
        for number, cells in records:
            if len(cells) != len(header):
                hint = "complete the row, or remove it; a text that spans lines needs double quotes"
                if len(cells) > len(header):
                    hint = f"put a text that contains a {SIGNS[self.delimiter]} in double quotes"
                what = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}, but the header has {len(header)} columns"
                self._bad(DataError(what, where=self.where(number), hint=hint))
                continue
            yield number, dict(zip(header, cells, strict=True))


def _parsed(text: str, reader: Reader, first_line: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{reader.place}, line {first_line + error.lineno - 1}, character {error.colno}"
        raise DataError(f"broken JSON: {error.msg}", where=place, hint="correct or remove the line") from None
    except (ValueError, RecursionError) as error:
        place = f"{reader.place}, line {first_line}"
        raise DataError(f"broken JSON: {error}", where=place, hint="correct or remove the line") from None


def _keys(objects: Iterator[Row]) -> list[str]:
    """Return the keys of the first objects, each once, in order of appearance."""
    seen: dict[str, None] = {}
    for _, (_, values) in zip(range(HEAD_ROWS), objects, strict=False):
        seen.update(dict.fromkeys(values))
    return list(seen)


class JsonLinesReader(Reader):
    """One JSON object a line."""

    def columns(self) -> list[str]:
        """Return the keys of the first objects."""
        keys = _keys(self.rows(()))
        if not keys:
            raise DataError("the file holds no rows", where=self.place, hint="give a file with one JSON object per line")
        return keys

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the objects; blank lines are skipped."""
        for number, text in lines(self.path, self.place):
            if not text.strip():
                continue
            try:
                values = _parsed(text.rstrip("\r\n"), self, number)
            except DataError as error:
                self._bad(error)
                continue
            if isinstance(values, dict):
                yield number, values
                continue
            what = f"a JSON {type(values).__name__} where an object was expected"
            hint = 'one object per line: {"query": "...", "document": "..."}'
            self._bad(DataError(what, where=self.where(number), hint=hint))


class JsonReader(Reader):
    """An array of objects, or an object with that array under "data". Read whole."""

    unit = "row"

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        self._rows: list[Row] | None = None

    def _objects(self) -> list[Row]:
        if self._rows is None:
            text = "".join(line for _, line in lines(self.path, self.place))
            if not text.strip():
                raise DataError("the file is empty", where=self.place, hint="give an array of objects")
            content = _parsed(text, self, 1)
            array = content.get("data") if isinstance(content, dict) else content
            if not isinstance(array, list):
                hint = 'write [{"query": "...", "document": "..."}, ...], or one object per line in a file that ends in .jsonl'
                raise DataError('neither an array of objects nor an object with one under "data"', where=self.place, hint=hint)
            self._rows = list(enumerate(array, start=1))
        return self._rows

    def columns(self) -> list[str]:
        """Return the keys of the first objects."""
        keys = _keys(self.rows(()))
        if not keys:
            raise DataError("the file holds no rows", where=self.place, hint="give an array of objects")
        return keys

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the objects."""
        for number, item in self._objects():
            if isinstance(item, dict):
                yield number, item
                continue
            what = f"a JSON {type(item).__name__} where an object was expected"
            self._bad(DataError(what, where=self.where(number), hint="every element of the array must be an object"))


class ParquetReader(Reader):
    """A Parquet file, read by record batches."""

    unit = "row"

    def _open(self) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with readable(self.path, self.place):
            try:
                return pq.ParquetFile(self.path)
            except pa.ArrowInvalid as error:
                what = f"not a readable Parquet file ({reason(error, most=120)})"
                raise DataError(what, where=self.place, hint="write the file again") from None

    def columns(self) -> list[str]:
        """Return the top-level columns."""
        return list(self._open().schema_arrow.names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows, with `columns` only."""
        import pyarrow as pa

        file = self._open()
        # pyarrow reads a dot as a path into a nested column
        wanted = None if not columns or any("." in c for c in columns) else [c for c in columns if c in self.columns()]
        number = 0
        try:
            for batch in file.iter_batches(batch_size=1000, columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield number, values
        except (pa.ArrowInvalid, OSError) as error:
            what = f"broken Parquet data ({reason(error, most=120)})"
            raise DataError(what, where=self.where(number + 1), hint="write the file again") from None


READERS: dict[str, type[Reader]] = {
    ".csv": DelimitedReader,
    ".tsv": DelimitedReader,
    ".json": JsonReader,
    ".jsonl": JsonLinesReader,
    ".ndjson": JsonLinesReader,
    ".parquet": ParquetReader,
}
"""Reader by file name suffix."""


def open_reader(path: Path, shown: str) -> Reader:
    """Open the reader for `path` by its suffix.

    Raises:
        DataError: a suffix that is not in `READERS`, or a file that cannot be opened.
    """
    reader = READERS.get(kind_of(path))
    if reader is None:
        known = " ".join(READERS)
        hint = SUFFIXES.get(kind_of(path), "save the texts in one of these")
        raise DataError(f"unknown kind of file {path.suffix or path.name!r}", where=str(path), hint=f"{hint} (read are {known})")
    if reader is JsonReader and _is_json_lines(path):
        lines_reader = JsonLinesReader(path, shown)
        lines_reader.notes.append(f"{shown}: read as one JSON object per line")
        return lines_reader
    return reader(path, shown)


def _is_json_lines(path: Path) -> bool:
    """Tell whether the first two lines of a .json file are an object each, as many exports have it."""
    first_two = list(islice((text for _, text in lines(path, str(path)) if text.strip()), 2))
    try:
        return len(first_two) == 2 and all(isinstance(json.loads(text), dict) for text in first_two)
    except (ValueError, RecursionError):
        return False
