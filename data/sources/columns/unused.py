"""What stands in the columns that are not used, so that a verdict among them is seen before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

from data.errors import DataError
from data.sources.cells import is_blank
from data.sources.table import Table

HEAD_ROWS = 100
MOST_COLUMNS = 12
"""Columns whose values are shown; of a wide table the others are only named."""
MOST_VALUES = 3
MOST_CHARACTERS = 15


def first_values(table: Table, columns: Sequence[str]) -> dict[str, list[str]]:
    """Return the first distinct values of some columns, shortened: all where they are few, else two and an ellipsis."""
    found: dict[str, dict[str, None]] = {column: {} for column in columns[:MOST_COLUMNS]}
    if not found:
        return {}
    with suppress(DataError):  # it is reported where the rows are read
        for _, values in islice(table.rows(list(found)), HEAD_ROWS):
            _add(values, found)
    return {column: _shown(list(values)) for column, values in found.items()}


def _add(values: Mapping[str, object], found: Mapping[str, dict[str, None]]) -> None:
    for column, seen in found.items():
        if not is_blank(value := values.get(column)) and len(seen) <= MOST_VALUES:
            seen[shortened(value)] = None


def _shown(values: Sequence[str]) -> list[str]:
    if not values:
        return ["blank"]
    return list(values) if len(values) <= MOST_VALUES else [*values[: MOST_VALUES - 1], "…"]


def shortened(value: object) -> str:
    """Return at most 15 characters of a cell, on one line.

    >>> shortened("a long  explanation"), shortened(3.0)
    ('a long explana…', '3.0')
    """
    text = " ".join(str(value).split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
