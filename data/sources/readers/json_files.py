"""JSON and JSONL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.sources.readers.base import Reader, Row, lines

HEAD_ROWS = 10_000
"""Objects of a JSON or JSONL file whose keys count as its columns."""


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


def is_json_lines(path: Path) -> bool:
    """Tell whether the first two lines of a .json file are an object each, as many exports have it."""
    first_two = list(islice((text for _, text in lines(path, str(path)) if text.strip()), 2))
    try:
        return len(first_two) == 2 and all(isinstance(json.loads(text), dict) for text in first_two)
    except (ValueError, RecursionError):
        return False
