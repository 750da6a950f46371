"""What is said of the first row that cannot be used: how many others are like it, how many stay, and the ways out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from data.errors import DataError
from data.sources.columns.roles import Roles, setting
from data.sources.columns.score_range import DROP_HINT, without_drop
from data.sources.table import Table

COUNTED = 200_000
"""Rows that are counted: a message should not take minutes."""

MISSING = ("the text is missing", "the text is empty", "the list of texts is empty", "the score is missing")
"""How the errors of cells begin that hold nothing."""


@dataclass
class BadRows:
    """Counts of rows.

    Attributes:
        rows: all of them.
        bad: those that cannot be used.
        alike: those of them with the same fault as the first.
        partly: whether there are more rows than were counted.
    """

    rows: int = 0
    bad: int = 0
    alike: int = 0
    partly: bool = False


def count(first: DataError, tables: Iterable[Table], columns: list[str], make: Callable[..., object]) -> BadRows:
    """Count the rows of all tables.

    Args:
        first: the error of the first row that cannot be used.
        tables: hold the rows.
        columns: that are read.
        make: gets table, number and values of a row; raises `DataError` where it cannot be used.
    """
    found = BadRows()

    def unreadable(_: DataError) -> None:
        found.rows += 1
        found.bad += 1

    for table in tables:
        before, table.on_bad = table.on_bad, unreadable
        try:
            for number, values in table.rows(columns):
                if found.rows == COUNTED:
                    found.partly = True
                    return found
                found.rows += 1
                try:
                    make(table, number, values)
                except DataError as error:
                    found.bad += 1
                    found.alike += _kind(error) == _kind(first)
        finally:
            table.on_bad = before
    return found


def explained(first: DataError, found: BadRows, roles: Roles, values: Mapping[str, object]) -> DataError:
    """Return the error of the first row with how many there are of its kind, and advice that helps.

    Args:
        first: the error.
        found: what was counted.
        roles: of the columns.
        values: of the row.
    """
    column, missing = _kind(first)
    stay = found.rows - found.bad
    what, hint = first.what, first.hint or ""
    if lacking := _lacking(column, missing, roles, found.alike):
        total = f"the first {found.rows:,}" if found.partly else f"{found.rows:,}"
        what += f"; {found.alike:,} of {total} rows {lacking}"
        what += f", and {found.bad - found.alike:,} more cannot be used" if found.bad > found.alike else ""
    role = next((role for role, name in (("anchor", roles.first), ("positive", roles.second)) if name == column), None)
    if role is not None and found.alike == found.rows > 1 and isinstance(values.get(column), int | float):
        hint = f"name a column that holds texts: {setting(role, 'NAME')}; or, where the numbers are the texts, store them so"
    if stay:
        some = "" if found.partly else f" ({stay:,} of {found.rows:,} stay)"
        hint = hint.replace(DROP_HINT, f"leave such rows out{some}: data.bad_rows=drop")
    else:
        hint = without_drop(hint)
    if column in roles.negatives and missing:
        hint += f"; or train on the pairs without negatives: {roles.as_pairs()}"
    return DataError(what, where=first.where, hint=hint, plain=first.plain)


def _kind(error: DataError) -> tuple[str, bool]:
    """Return the column that an error is about ("" where it is about none), and whether its cell holds nothing."""
    _, _, column = (error.where or "").partition(', column "')
    return column.rpartition('"')[0] if '", item ' not in column else column.partition('", item ')[0], error.what.startswith(
        MISSING
    )


def _lacking(column: str, missing: bool, roles: Roles, rows: int) -> str:
    """Say of some rows what they lack; "" where it is neither a text nor a score."""
    have, lack = ("has", "lacks") if rows == 1 else ("have", "lack")
    if column in roles.negatives:
        return f"{lack} the negative" if missing else f"{have} no negative that can be used"
    if column == roles.score:
        return f"{lack} the score" if missing else f"{have} no score that can be read"
    if column in (roles.first, roles.second):
        return f"{have} no text there" + ("" if missing else " that can be used")
    return ""
