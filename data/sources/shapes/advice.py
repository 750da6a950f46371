"""What is most likely wrong with a table of which no column is known: decided by its rows, not by the names alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from data.sources.columns.column_roles import SCORE_NAMES, is_known, plain
from data.sources.columns.roles import setting
from data.sources.shapes.form import Look, ShapedTable

ROW = '{"query": "...", "document": "..."}'
NAMES = "a first line with the names of the columns (query,document)"
MARKS = ".?!"

LONGEST_NAME, LONGEST_NAME_CHARACTERS = 3, 60
"""Words and characters; what is longer is a text rather than the name of a column."""


def advice(look: Look) -> str:
    """Return the beginning of a hint, or nothing."""
    table = look.table
    while isinstance(table, ShapedTable):
        table = table.table
    if inside := _inside(look):
        return inside
    if hasattr(table, "header") and (said := _of_header(look, table.header.names)):
        return said
    if len(look.columns) == 1:
        return f"a row needs two texts that belong together, as in {ROW}; "
    return _command(look)


def _command(look: Look) -> str:
    """Return the settings for a table of which two columns hold texts, with the first as the question."""
    texts = [
        c for c in look.columns if look.holds(c, str) and not all(_is_number(str(cell).strip()) for _, cell in look.cells(c))
    ]
    if len(texts) != 2 or look.named:
        return ""
    first, second = texts
    return f"if {second!r} is what {first!r} should find set {setting('anchor', first)} {setting('positive', second)}; otherwise "


def _inside(look: Look) -> str:
    """Name a column whose cells hold rows of their own."""
    for column in look.columns:
        inner = [item for _, cell in look.cells(column) if isinstance(cell, list) for item in cell if isinstance(item, dict)]
        if inner:
            keys = ", ".join(repr(str(key)) for key in list(inner[0])[:10])
            return f'"{column}" holds lists of objects with the keys {keys}: write a row for each pair of texts in it; otherwise '
    return ""


def _of_header(look: Look, names: Sequence[str]) -> str:
    """Say what a header lacks, or that there is none."""
    columns = look.columns
    if "" in columns:
        return f"give column {names.index('') + 1} a name in the first line; or "
    if len(columns) == 1:
        return "separate the columns with commas, semicolons, tabs or bars; then "
    votes = [vote for column in columns for vote in _votes(column, [str(cell).strip() for _, cell in look.cells(column)])]
    if not votes and any(len(name.split()) > LONGEST_NAME or len(name) > LONGEST_NAME_CHARACTERS for name in columns):
        votes = [True, False]
    if True not in votes:
        return ""
    if False in votes:
        return f"where the first line holds texts instead of names add {NAMES}; otherwise "
    return f"the file seems to have no header: add {NAMES}; otherwise "


def _votes(name: str, cells: Sequence[str]) -> list[bool]:
    """Return what speaks for a name that is a cell like those below it (True), or for one that is none (False)."""
    if is_known(name) or plain(name) in SCORE_NAMES:
        return [False]
    if not cells:
        return []
    if name in cells:
        return [True]
    if all(map(_is_number, cells)):
        return [_is_number(name)]
    mark, count = Counter(cell[-1] if cell[-1] in MARKS else "" for cell in cells).most_common(1)[0]
    own = name[-1] if name[-1] in MARKS else ""
    if count < 0.8 * len(cells) or mark == own == "":
        return []
    words = [len(cell.split()) for cell in cells]
    return [mark == own and min(words) / 2 <= len(name.split()) <= 2 * max(words)]


def _is_number(cell: str) -> bool:
    return cell.replace(",", ".", 1).replace(".", "", 1).lstrip("+-").isdigit()
