"""JSON and JSONL: one object or array a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.foreign_errors import EXTRA_DATA
from data.sources.columns.column_roles import is_known
from data.sources.readers.base import ARRAY, Reader, Row, TextReader, lines
from data.sources.readers.json_forms import rows_of
from data.sources.readers.json_texts import values_in
from data.sources.unpacked import MOST_BYTES

HEAD_ROWS = 10_000
"""Objects of a JSON or JSONL file whose keys count as its columns."""

ROW = '{"query": "...", "document": "..."}'
ARRAY_ROW = '["...", "..."]'


def _parsed(text: str, reader: Reader, first_line: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{reader.place}, line {first_line + error.lineno - 1}, character {error.colno}"
        hint = "correct or remove the line"
        if EXTRA_DATA.said_by(error):
            hint = "write all rows as one array, [{...}, {...}], or one object per line: `jq -c . OLD.json > NEW.jsonl`"
        raise DataError(f"broken JSON: {error.msg}", where=place, hint=hint) from None
    except RecursionError:
        place = f"{reader.place}, line {first_line}"
        hint = "write rows of texts, with few levels of brackets"
        raise DataError("broken JSON: too many brackets within each other", where=place, hint=hint) from None
    except ValueError as error:
        place = f"{reader.place}, line {first_line}"
        raise DataError(f"broken JSON: {error}", where=place, hint="correct or remove the line") from None


def _keys(objects: Iterator[Row]) -> list[str]:
    """Return the keys of the first objects, each once, in order of appearance."""
    seen: dict[str, None] = {}
    for _, (_, values) in zip(range(HEAD_ROWS), objects, strict=False):
        seen.update(dict.fromkeys(values))
    return list(seen)


def _names(first: object) -> list[str] | None:
    """Return the names of columns, where the first of many arrays holds such instead of texts."""
    if not isinstance(first, list) or not all(isinstance(item, str) for item in first) or len(set(first)) < len(first):
        return None
    return first if sum(map(is_known, first)) > 1 else None


class _JsonRows(TextReader):
    """What is common to rows of JSON: an item is a row if it is of the kind of the first one, an object or an array."""

    def _items(self) -> Iterable[tuple[int, object]]:
        raise NotImplementedError

    def columns(self) -> list[str]:
        """Return the keys of the first objects."""
        keys = _keys(self.rows(()))
        if not keys:
            raise self._no_rows()
        return keys

    def _no_rows(self) -> DataError:
        """Return what is wrong with the first line, where no line is a row."""
        kept, self.on_bad = self.on_bad, None
        try:
            next(self.rows(()), None)
        except DataError as error:
            return DataError(error.what, where=error.where, hint=f"write each row on a line of its own, such as {ROW}")
        finally:
            self.on_bad = kept
        return DataError("the file holds no rows", where=self.place, hint=f"give rows such as {ROW}")

    def _text(self) -> str:
        """Return the whole file."""
        found, size = [], 0
        for _, line in lines(self.path, self.place):
            found.append(line)
            size += len(line)
            if size > MOST_BYTES:
                what = "the file is read whole, and holds more than 2 GiB"
                raise DataError(what, where=self.place, hint="write one object per line in a file that ends in .jsonl")
        return "".join(found)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows; blank lines and empty objects are skipped."""
        kind: type = type(None)
        names: list[str] | None = None
        for number, item in self._items():
            if kind is dict and item and type(item) is dict:
                yield number, item
                continue
            if kind is type(None) and isinstance(item, dict | list) and item:
                kind = type(item)
                if names := _names(item):
                    continue
            if isinstance(item, dict) and kind is dict:
                if item or self.keep_blank:
                    yield number, item
            elif isinstance(item, list) and kind is list and names is None:
                yield number, {ARRAY: item}
            elif isinstance(item, list) and names is not None and len(item) == len(names):
                yield number, dict(zip(names, item, strict=True))
            elif item not in ({}, []):
                self._bad(self._misfit(number, item, kind, names))

    def _misfit(self, number: int, item: object, kind: type, names: Sequence[str] | None) -> DataError:
        where = self.where(number)
        if names is not None and isinstance(item, list):
            what = f"{len(item)} values, but the first {self.unit} names {len(names)} columns"
            return DataError(what, where=where, hint="give the row a value for each column")
        expected, row = ("array", ARRAY_ROW) if kind is list else ("object", ROW)
        what = f"a JSON {type(item).__name__} where an {expected} was expected"
        return DataError(what, where=where, hint=f"write the row as the others are, for instance {row}")


class JsonLinesReader(_JsonRows):
    """One JSON object or array a line; or several values in another form that is told by the first line."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        self.commas = False
        self._values: list[tuple[int, object]] = []
        first = next((text for _, text in lines(path, self.place) if text.strip()), "").strip()
        if not first or _is_row(first):
            return
        self.commas = _is_row(first.rstrip(", "))
        if self.commas:
            self.notes.append(f"{shown}: the commas at the ends of the lines are passed over")
        elif self._values_of_text():
            self.notes.append(f"{shown}: not a line for each row: read as JSON values one after another")

    def _values_of_text(self) -> bool:
        with suppress(DataError):  # what is wrong with a line is reported where the lines are read
            self._values = values_in(self._text())
        return bool(self._values)

    def _items(self) -> Iterator[tuple[int, object]]:
        if self._values:
            yield from self._values
            return
        for number, text in lines(self.path, self.place):
            if not text.strip():
                continue
            try:
                yield number, _parsed(text.rstrip(", \t\r\n" if self.commas else "\r\n"), self, number)
            except DataError as error:
                self._bad(error)


def _is_row(text: str) -> bool:
    """Tell whether a line is a row: an object, or an array that is no list of objects."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found)


class JsonReader(_JsonRows):
    """An array of rows, or an object that holds such an array or is one in another form. Read whole."""

    unit = "row"

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        self._rows: list[tuple[int, object]] | None = None

    def _items(self) -> list[tuple[int, object]]:
        if self._rows is None:
            text = self._text()
            if not text.strip():
                raise DataError("the file is empty", where=self.place, hint="give an array of objects")
            rows, note = self._rows_of(text)
            if note:
                self.notes.append(f"{self.shown}: {note}")
            self._rows = list(enumerate(rows, start=1))
        return self._rows

    def _rows_of(self, text: str) -> tuple[Sequence[object], str]:
        try:
            content = _parsed(text, self, 1)
        except DataError:
            if not (values := values_in(text)):
                raise
            return [value for _, value in values], "no sound array: read as JSON values one after another"
        return rows_of(content, self.place)


def is_json_lines(path: Path) -> bool:
    """Tell whether the first two lines of a .json file are an object each, or an array each, as many exports have it."""
    first_two = list(islice((text for _, text in lines(path, str(path)) if text.strip()), 2))
    try:
        found = [json.loads(text) for text in first_two]
    except (ValueError, RecursionError):
        return False
    return len(found) == 2 and (all(isinstance(row, Mapping) for row in found) or all(isinstance(row, list) for row in found))
