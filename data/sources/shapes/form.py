"""What a form is to the others: the first rows that it is recognised by, and a table that is read through it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from data.errors import DataError
from data.sources.columns.column_roles import recognise
from data.sources.table import Table, WrappedTable
from data.spec import ColumnSpec

LOOK_ROWS = 100
"""Rows by which a form is recognised."""

Where = Callable[[str | None], str]
"""Gives the place of a row, or of its cell in a column, for a message."""


@dataclass(frozen=True)
class Look:
    """The first rows of a table.

    Attributes:
        table: that they are of.
        columns: its columns.
        spec: the columns that the user names.
        rows: number and values of each.
    """

    table: Table
    columns: tuple[str, ...]
    spec: ColumnSpec
    rows: tuple[tuple[int, Mapping[str, object]], ...]

    @property
    def named(self) -> frozenset[str]:
        """Columns that the user names."""
        return frozenset(self.spec.named())

    def cells(self, column: str) -> list[tuple[int, object]]:
        """Return the cells of a column that hold something, with the numbers of their rows."""
        return [(number, values[column]) for number, values in self.rows if values.get(column) not in (None, "")]

    def holds(self, column: str, kind: type) -> bool:
        """Tell whether a column has cells, and all of them are of one type."""
        cells = self.cells(column)
        return bool(cells) and all(isinstance(cell, kind) for _, cell in cells)

    def is_enough_without(self, columns: Sequence[str]) -> bool:
        """Tell whether the other columns, or those that the user names, already say what a row is."""
        others = [c for c in self.columns if c not in columns]
        if not self.named <= set(others):
            return False
        try:
            recognise(others, self.spec, "")
        except DataError:
            return False
        return True


class Shape(Protocol):
    """How raw rows of one form become flat ones.

    Attributes:
        identity: says what it does, as a part of fingerprints.
        notes: what the user should read.
    """

    identity: str
    notes: list[str]

    def columns(self) -> list[str]:
        """Return the names of the flat columns."""

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that must be read for flat ones; none where all of them must."""

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return a flat row.

        Raises:
            DataError: the row is not of this form.
        """


Find = Callable[[Look], Shape | None]
"""Returns how the rows become flat; None where they are not of its form."""


def look_at(table: Table, spec: ColumnSpec) -> Look:
    """Read the first rows. Rows that cannot be read are passed over here; whoever reads all rows reports them."""
    kept, table.on_bad = table.on_bad, lambda error: None
    try:
        rows = tuple(islice(table.rows(()), LOOK_ROWS))
    finally:
        table.on_bad = kept
    return Look(table, tuple(table.columns()), spec, rows)


class ShapedTable(WrappedTable):
    """A table whose rows are read through a form."""

    def __init__(self, table: Table, shape: Shape) -> None:
        super().__init__(table)
        self.shape = shape

    def columns(self) -> list[str]:
        """Return the flat columns."""
        return self.shape.columns()

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield flat rows."""
        raw = self.shape.raw(columns) if columns else []
        for number, values in self.table.rows(raw):
            try:
                flat = self.shape.flat(values, lambda column, number=number: self.where(number, column))  # type: ignore[misc]
            except DataError as error:
                if self.on_bad is None:
                    raise
                self.on_bad(error)
                continue
            yield number, flat

    def digest(self) -> bytes:
        """Hash the content and how it is read."""
        return hashlib.sha256(self.table.digest() + self.shape.identity.encode("utf-8", "surrogatepass")).digest()
