"""The header of a grid of cells, and what it leaves open: columns without a name, blank ones, one that counts the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from data.errors import DataError
from data.sources.columns.column_roles import (
    ANCHOR_NAMES,
    ANSWER_NAMES,
    NEGATIVE,
    PAIRED_NAMES,
    POSITIVE_NAMES,
    SCORE_NAMES,
    is_known,
    plain,
    recognise,
)
from data.spec import ColumnSpec

COUNTER = re.compile(r"\d+(\.0)?")


class Header:
    """The names of columns by position.

    Args:
        names: the cells of the header.
        first: the cells of the first rows below it.

    Attributes:
        names: of every position, "" where it has none.
        columns: the names that can be used: without positions that have neither a name nor texts.
        width: cells that a row must have: up to the last position with a name.
        note: what the user should read, if anything.
        counter: whether the first column counts the rows.
    """

    def __init__(self, names: Sequence[str], first: Sequence[Sequence[str]]) -> None:
        self.note = ""
        self.names = list(names)
        if _has_row_names(self.names, first):
            self.names.insert(0, "")
            self.note = "the rows begin with their number, for which the header has no name"
        self.columns = [name for i, name in enumerate(self.names) if name or not _is_idle(first, i)]
        self.width = max((i + 1 for i, name in enumerate(self.names) if name), default=0)
        self.counter = not self.names[0] and bool(first) and _counts(first, 0) and not self.note
        if self.counter:
            self.note = "column 1 has no name and counts the rows: not used"

    def fits(self, cells: Sequence[str]) -> bool:
        """Tell whether a row has a cell for each name, and nothing but blanks beyond."""
        return self.width <= len(cells) and not any(map(str.strip, cells[len(self.names) :]))

    def is_blank(self, cells: Sequence[str]) -> bool:
        """Tell whether a row holds nothing, or its number alone."""
        return not any(map(str.strip, cells[1:] if self.counter else cells))


def is_header(names: Sequence[str]) -> bool:
    """Tell whether some cells are names by which it is known what a row holds."""
    try:
        recognise(names, ColumnSpec(), "")
    except DataError:
        return False
    return True


def distinct(names: Sequence[str], place: str) -> list[str]:
    """Return the names, those that occur more than once with the numbers of their columns.

    Raises:
        DataError: such a name is one of a text or score, so that which is meant matters.
    """
    twice = {name for name in names if name and names.count(name) > 1}
    roles = {*ANCHOR_NAMES, *POSITIVE_NAMES, *ANSWER_NAMES, *SCORE_NAMES, *(name for pair in PAIRED_NAMES for name in pair)}
    for name in sorted(twice):
        if plain(name) in roles or NEGATIVE.fullmatch(plain(name)):
            raise DataError(f"the header names {name!r} twice", where=place, hint="give each column its own name")
    return [f"{name} (column {i})" if name in twice else name for i, name in enumerate(names, start=1)]


def _cells(first: Sequence[Sequence[str]], position: int) -> list[str]:
    return [cells[position].strip() for cells in first if len(cells) > position]


def _is_idle(first: Sequence[Sequence[str]], position: int) -> bool:
    """Tell whether a column is blank, or counts the rows."""
    return bool(first) and (not any(_cells(first, position)) or _counts(first, position))


def _counts(first: Sequence[Sequence[str]], position: int) -> bool:
    """Tell whether the cells of a column are whole numbers that go up, with nothing between two rows but rows left out."""
    found = [cell for cell in _cells(first, position) if cell]
    if not found or not all(map(COUNTER.fullmatch, found)):
        return False
    numbers = [int(cell.partition(".")[0]) for cell in found]
    return all(one < two for one, two in pairwise(numbers))


def _has_row_names(names: Sequence[str], first: Sequence[Sequence[str]]) -> bool:
    """Tell whether every row has one cell more than the header, in front, as R writes row names.

    Only below a first name that is known as one of texts: "id,text" above `1,one, two` lacks quotes.
    """
    if not is_known(names[0]):
        return False
    filled = [cells for cells in first if any(map(str.strip, cells))]
    return len(filled) > 1 and all(len(cells) == len(names) + 1 for cells in filled) and _counts(filled, 0)
