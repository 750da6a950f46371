"""Logs of clicks: how often the document of a pair was clicked is not used, and pairs that were clicked once are often chance."""

from __future__ import annotations

from dataclasses import replace

from data.errors import DataError
from data.schema import RowKind
from data.sources.columns.column_roles import plain
from data.sources.rows import TableSource

NAMES = ("clicks", "clickcount", "clickscount", "numclicks", "nclicks", "totalclicks", "numberofclicks")
"""Names of columns of counts, without case and separators."""
FEW = 2
"""Clicks below which a pair may be chance."""
MOST = 0.5
"""Share of the rows with few clicks from which that is worth a word."""


def mention_clicks(source: TableSource) -> TableSource:
    """Say of a source of pairs with a column of clicks that these are not used, and how rows with few are left out."""
    found = [column for column in source.recognised.ignored if plain(column) in NAMES]
    if source.recognised.kind is RowKind.SCORED or len(found) != 1:
        return source
    column, rows, few = found[0], 0, 0
    try:
        for _, table in source.tables:
            for _, values in table.rows([column]):
                count = _number(values.get(column))
                rows += count is not None
                few += count is not None and count < FEW
    except DataError:
        return source  # it is reported where the rows are read
    note = f"{column!r} is not used: every row counts the same, however often it was clicked"
    if rows and few > MOST * rows:
        name = source.tables[0][1].shown
        keep = f"d[d['{column}'] >= {FEW}]"
        note += (
            f"; {few:,} of {rows:,} rows have fewer than {FEW} clicks, which is often chance. To leave these out:"
            f" python -c \"import pandas; d = pandas.read_csv('{name}'); {keep}.to_csv('clicked.csv', index=False)\""
        )
    source.recognised = replace(source.recognised, notes=(*source.recognised.notes, note))
    return source


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
