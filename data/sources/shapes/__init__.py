"""Rows in a form that is known but not flat, brought to flat columns before their roles are recognised.

A few rows of each table are looked at. A table that is flat is handed on as it is; otherwise it is wrapped, and what was
done is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from data.sources.shapes import chat, labelled, nested, passages, preferences, sets, wrapped
from data.sources.shapes.form import Find, ShapedTable, look_at
from data.sources.shapes.written import find as find_written
from data.sources.shapes.written import find_spelled
from data.sources.table import Table
from data.spec import ColumnSpec

__all__ = ["shaped", "shaped_tables"]

FORMS: tuple[Find, ...] = (
    *(wrapped.find_envelope, chat.find, sets.find, labelled.find, passages.find, wrapped.find_two_texts),
    *(preferences.find, wrapped.find_named, nested.find),
)
"""Tried in this order, and again on what the one that fits makes of the rows."""
MOST_FORMS = 6
"""Forms within each other: an object, in which a list of objects is, and so on."""


def shaped(table: Table, spec: ColumnSpec, *, written: bool = True) -> tuple[Table, list[str]]:
    """Return a table with flat columns, and what was done to get them; the same table where it is flat already.

    Args:
        table: of which the first rows are looked at.
        spec: the columns that the user names; they are left as they are where that can be.
        written: whether lists and objects that are written as text are read as such.

    Raises:
        DataError: the form is known, and the rows are not of it; or the file cannot be read.
    """
    notes: list[str] = []
    for _ in range(MOST_FORMS):
        look = look_at(table, spec)
        forms = (find_written, find_spelled, *FORMS) if written else FORMS
        shape = next((found for find in forms if (found := find(look)) is not None), None)
        if shape is None:
            break
        table = ShapedTable(table, shape)
        notes += shape.notes
    return table, notes


def shaped_tables(
    tables: Sequence[tuple[str, Table]], spec: ColumnSpec, *, written: bool = True
) -> tuple[list[tuple[str, Table]], list[str]]:
    """Return the tables of a source as `shaped` gives each; a note that holds for all of them once."""
    found = [(split, table, *shaped(table, spec, written=written)) for split, table in tables]
    same = len({tuple(notes) for *_, notes in found}) == 1
    all_notes = found[0][3] if same else [f"{table.shown}: {note}" for _, table, _, notes in found for note in notes]
    return [(split, wrapped) for split, _, wrapped, _ in found], all_notes
