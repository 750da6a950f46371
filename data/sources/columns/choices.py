"""Answers that are no texts to find: letters and numbers of options, and verdicts such as yes and no."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

from data.errors import DataError
from data.sources.columns.label_columns import command
from data.sources.columns.roles import Roles, setting
from data.sources.columns.truth_words import plain_word, truth_of
from data.sources.columns.verdict_words import Speaks, speaks
from data.sources.table import Table

HEAD_ROWS = 500
FEWEST_ROWS = 8
"""Rows from which on the same few answers are no chance."""
MOST_ANSWERS = 10
LETTER = re.compile(r"\(?[A-Ja-j][).]?")


def refuse_choices(table: Table, roles: Roles, location: str) -> None:
    """Refuse rows whose text to find is the name of an option, or a verdict alone; what the user names is left alone.

    Raises:
        DataError: the first rows are of this kind.
    """
    if roles.texts_given or roles.score is not None:
        return
    rows: list[Mapping[str, object]] = []
    with suppress(DataError):  # it is reported where the rows are read
        rows = [values for _, values in islice(table.rows([roles.second, *roles.ignored]), HEAD_ROWS)]
    cells = [values.get(roles.second) for values in rows]
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    if len(rows) < FEWEST_ROWS:
        return
    where = f'{location}, column "{roles.second}"'
    options = [
        column for column in roles.ignored if any(isinstance(values.get(column), list) and values[column] for values in rows)
    ]
    if not texts and options and all(isinstance(cell, int) and 0 <= cell < MOST_ANSWERS for cell in cells):
        raise _of_options(roles, options, where, location, "number")
    distinct = sorted(set(texts))
    if len(texts) < len(rows) or not 2 <= len(distinct) <= MOST_ANSWERS:
        return
    if set(distinct) <= set(roles.ignored):
        body = f"t[{roles.second!r}] = [row[row[{roles.second!r}]] for _, row in t.iterrows()]; t"
        way = command(location, body, "pairs") or "write the text of that column instead"
        what = f"each row names one of the columns {_listed(distinct)}, and its text is what should be found"
        raise DataError(what, where=where, hint=f"write that text into the column: {way}; {_as_it_is(roles)}")
    if all(LETTER.fullmatch(text) for text in distinct):
        raise _of_options(roles, options, where, location, "letter")
    words = {plain_word(text): texts.count(text) for text in distinct}
    if truth_of(words) or speaks(words) >= Speaks.POLAR:
        others = [column for column in roles.ignored if _holds_texts([values.get(column) for values in rows])]
        way = f"name the column of the texts to find: {setting('positive', others[0] if others else 'NAME')}"
        what = f"all texts to find are one of {_listed(distinct)}: that is a verdict, and no text that a search could find"
        raise DataError(what, where=where, hint=f"{way}; {_as_it_is(roles)}")


def _of_options(roles: Roles, options: Sequence[str], where: str, location: str, what: str) -> DataError:
    inside = f" of an option in {options[0]!r}" if options else " of an option"
    place = f"row[{roles.second!r}]" if what == "number" else f"'ABCDEFGHIJ'.index(row[{roles.second!r}].strip('(). ').upper())"
    body = f"t[{roles.second!r}] = [row[{(options or [''])[0]!r}][{place}] for _, row in t.iterrows()]; t"
    way = (command(location, body, "pairs") if options and not location.endswith((".csv", ".tsv")) else None) or "as a text"
    hint = f"write the option itself into the column: {way}"
    hint += "" if what == "number" else f"; {_as_it_is(roles)}"
    return DataError(f"each row holds the {what}{inside}, and no text that a search could find", where=where, hint=hint)


def _as_it_is(roles: Roles) -> str:
    return f"if these are the texts to find, {roles.as_pairs()}"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(repr, values))


def _holds_texts(cells: Sequence[object]) -> bool:
    return sum(isinstance(cell, str) and len(cell.split()) > 2 for cell in cells) > len(cells) / 2
