"""A table that calls its columns as the first table of its data set does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from data.sources.columns.column_roles import plain
from data.sources.table import Table, WrappedTable


class RenamedTable(WrappedTable):
    """The same rows under other names of columns.

    Args:
        table: to be read.
        names: the name of each column that is renamed, by its own.
    """

    def __init__(self, table: Table, names: Mapping[str, str]) -> None:
        super().__init__(table)
        self.names = dict(names)
        read = ", ".join(f"{own!r} as {name!r}" for own, name in names.items())
        self.notes = [*table.notes, f"{table.shown}: {read}"]

    def columns(self) -> list[str]:
        """Return the new names."""
        return [self.names.get(column, column) for column in self.table.columns()]

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the rows under the new names."""
        own = {name: column for column, name in self.names.items()}
        for number, values in self.table.rows([own.get(column, column) for column in columns]):
            yield number, {self.names.get(column, column): value for column, value in values.items()}

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message, with the name that the file gives the column."""
        own = {name: given for given, name in self.names.items()}
        return self.table.where(number, own.get(column, column) if column else column)

    def digest(self) -> bytes:
        """Hash the content and the names."""
        return hashlib.sha256(self.table.digest() + json.dumps(self.names, sort_keys=True).encode()).digest()


def called_alike(column: str, columns: Sequence[str]) -> str | None:
    """Return the only one of some columns that has a name with other capitals or separators; None where there is none."""
    found = [other for other in columns if plain(other) == plain(column)]
    return found[0] if len(found) == 1 else None
