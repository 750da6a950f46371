"""What the rows are read from: one protocol for a file and a split of a Hub data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from data.errors import DataError


class Table(Protocol):
    """One file, or one split of a Hub data set."""

    shown: str
    place: str
    notes: list[str]
    on_bad: Callable[[DataError], None] | None

    def columns(self) -> list[str]:
        """Return the names of the columns."""

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the number and values of each row."""

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""

    def digest(self) -> bytes:
        """Return the hash of the content."""


class WrappedTable:
    """What a table that is read through another one has of that: its places, its notes, and what becomes of bad rows."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.shown, self.place, self.notes = table.shown, table.place, table.notes

    @property
    def on_bad(self) -> Callable[[DataError], None] | None:
        """See `Table`; the same for the table below."""
        return self.table.on_bad

    @on_bad.setter
    def on_bad(self, value: Callable[[DataError], None] | None) -> None:
        self.table.on_bad = value

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""
        return self.table.where(number, column)
