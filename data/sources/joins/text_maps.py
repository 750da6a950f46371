"""A JSON file that is one object of texts by their ids: {"d1": "..."} or {"d1": {"title": "...", "text": "..."}}."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from data.errors import DataError
from data.sources.columns.column_roles import is_known, plain
from data.sources.compressed import kind_of
from data.sources.joins.looks import are_ids
from data.sources.readers import Reader, Row, lines, open_reader
from data.sources.text_tables import DOCUMENT_KEYS, ID_KEYS, QUERY_KEYS

ID = "_id"
"""The column of the ids."""


class MapReader(Reader):
    """Such a file as a table of ids and texts."""

    unit = "text"

    def __init__(self, path: Path, shown: str, content: Mapping[str, object]) -> None:
        super().__init__(path, shown)
        self._rows: list[Mapping[str, object]] = [
            {**text, ID: identity} if isinstance(text, dict) else {ID: identity, "text": text}
            for identity, text in content.items()
        ]
        self.notes.append(f"{shown}: read as texts by their ids")

    def columns(self) -> list[str]:
        """Return the id and the keys of the texts."""
        return list(dict.fromkeys([ID, *(key for row in self._rows for key in row)]))

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the texts, numbered from 1."""
        yield from enumerate(self._rows, start=1)


def open_table(path: Path, shown: str) -> Reader:
    """Open a table of texts, which may be an object of texts by their ids. Raises `DataError`, see `open_reader`."""
    content = _map_of(path) if kind_of(path) == ".json" else None
    return open_reader(path, shown) if content is None else MapReader(path, shown, content)


def _map_of(path: Path) -> Mapping[str, object] | None:
    """Return the object of a JSON file whose keys are ids and whose values are texts; None for any other file."""
    try:
        content = json.loads("".join(text for _, text in lines(path, str(path))))
    except (ValueError, RecursionError, DataError):
        return None  # its reader says where it is broken
    if not isinstance(content, dict) or len(content) < 2 or any(is_known(key) or plain(key) in ID_KEYS for key in content):
        return None
    if all(isinstance(text, str) for text in content.values()):
        return content
    held = all(
        isinstance(text, dict) and any(plain(key) in (*DOCUMENT_KEYS, *QUERY_KEYS) for key in text) for text in content.values()
    )
    own = any(plain(key) in ID_KEYS for text in content.values() if isinstance(text, dict) for key in text)
    return content if held and not own and are_ids(content) else None
