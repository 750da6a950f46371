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
