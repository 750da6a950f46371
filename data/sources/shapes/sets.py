"""Rows that are one array: `["a", "b"]`, `{"set": ["a", "b"]}`, `{"texts": ["a", "b", "c"], "label": 0.8}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import DataError
from data.sources.columns.column_roles import SCORE_NAMES, plain
from data.sources.readers.base import ARRAY
from data.sources.shapes.form import Look, Where

EQUAL = frozenset({"set", "sets", "paraphrases"})
"""Names of arrays of any length whose texts all mean the same."""
ORDERED = frozenset({"texts", "triplet", "triplets", "triple"})
"""Names of arrays of which the third text is a negative, as it is in an array without a name."""
NAMES = EQUAL | ORDERED | {"pair", "pairs", "sentences", "sentencepair", "textpair"}
WAYS_OUT = '{"query": "…", "document": "…"}, or with a negative {"query": "…", "document": "…", "negative": "…"}'


class SetShape:
    """The texts of one array as columns, by their places in it. `names` is None for texts that all mean the same."""

    def __init__(self, column: str, names: tuple[str, ...] | None, others: Sequence[str]) -> None:
        self.column, self.names, self.others = column, names, list(others)
        self.shown = "each row" if column == ARRAY else f'"{column}"'
        self.identity = f"set {column} {names}"
        if names is None:
            self.notes = [f"{self.shown} holds texts that belong together: the first is the anchor, each other one a positive"]
        else:
            self.notes = [f"{self.shown} is an array, read by its order as {', '.join(names)}"]

    def columns(self) -> list[str]:
        """Return the names of the texts, and the other columns."""
        return [*(self.names or ("anchor", "positive")), *self.others]

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the column of the array, and the others that are wanted."""
        return [self.column, *(c for c in columns if c in self.others)]

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the texts by name."""
        array = values.get(self.column)
        place = where(None if self.column == ARRAY else self.column)
        if not isinstance(array, list):
            hint = f"write the row as the others are, or the texts with names: {WAYS_OUT}"
            raise DataError("no array, which the first rows are", where=place, hint=hint)
        rest = {c: values.get(c) for c in self.others}
        if self.names is None:
            if len(array) < 2:
                raise DataError("fewer than two texts", where=place, hint="give two or more texts that mean the same")
            return {"anchor": array[0], "positive": array[1] if len(array) == 2 else array[1:], **rest}
        if len(array) != len(self.names):
            what = f"{len(array)} {'text' if len(array) == 1 else 'texts'}, but the first rows have {len(self.names)}"
            raise DataError(what, where=place, hint=f"write the row as the others are: {', '.join(self.names)}")
        return {**dict(zip(self.names, array, strict=True)), **rest}


def find(look: Look) -> SetShape | None:
    """Return how the arrays are read, where each row is one.

    Raises:
        DataError: the arrays differ in length, or hold something else than texts.
    """
    column = _column(look)
    if column is None and look.columns == (ARRAY,):
        raise _unreadable(look)
    if column is None or look.is_enough_without([column]):
        return None
    cells = [(number, cell) for number, cell in look.cells(column) if isinstance(cell, list)]
    others = [c for c in look.columns if c not in (column, "anchor", "positive", "negative", "sentence1", "sentence2")]
    label = any(plain(c) in SCORE_NAMES and not look.holds(c, str) for c in others)
    if plain(column) in EQUAL and not label:
        return SetShape(column, None, others)
    lengths = {len(cell) for _, cell in cells}
    if max(lengths) > 2 and column != ARRAY and plain(column) not in ORDERED:
        what = f'"{column}" holds {max(lengths)} texts: whether the third is a positive or a negative cannot be known'
        raise DataError(what, where=look.table.where(cells[0][0]), hint=f"name the texts: {WAYS_OUT}")
    first, array = cells[0]
    if len(lengths) > 1 or max(lengths) < 2:
        number = next((number for number, cell in cells if len(cell) != len(array)), first)
        what = f"the arrays hold {min(lengths)} to {max(lengths)} texts: what each is cannot be known"
        if len(lengths) == 1:
            what = "the array holds one text: to which other one it belongs cannot be known"
        raise DataError(what, where=look.table.where(number), hint=f"name the texts: {WAYS_OUT}")
    return SetShape(column, _names(look, column, cells, label=label), others)


def _column(look: Look) -> str | None:
    """Return the column of the array: the only one with texts in it, or one with a usual name for it."""
    if look.named & set(look.columns):
        return None
    arrays = [c for c in look.columns if look.holds(c, list) and all(map(_texts, (cell for _, cell in look.cells(c))))]
    if len(arrays) != 1:
        return None
    if arrays[0] != ARRAY and plain(arrays[0]) not in NAMES and any(look.holds(c, str) for c in look.columns):
        return None
    if plain(arrays[0]) in NAMES or arrays[0] == ARRAY or len(look.columns) == 1:
        return arrays[0]
    return None


def _unreadable(look: Look) -> DataError:
    number = next((number for number, values in look.rows if not _texts(values[ARRAY])), look.rows[0][0])
    what = "the array does not hold texts alone, nor two texts and a number"
    return DataError(what, where=look.table.where(number), hint=f'write ["…", "…"], or name the texts: {WAYS_OUT}')


def _texts(array: object) -> bool:
    """Tell whether an array begins with a text, and all else in it is texts, arrays of texts or, at the end, a number."""
    if not isinstance(array, list) or not array or not isinstance(array[0], str):
        return False
    *body, last = array
    texts = all(isinstance(item, str) or (isinstance(item, list) and all(isinstance(i, str) for i in item)) for item in body)
    return texts and (isinstance(last, str | list) or (_is_number(last) and len(array) == 3))


def _is_number(item: object) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _names(look: Look, column: str, cells: Sequence[tuple[int, list[object]]], *, label: bool) -> tuple[str, ...]:
    """Return what the texts are by their places."""
    length = len(cells[0][1])
    numbers = [_is_number(cell[-1]) for _, cell in cells]
    if any(numbers):
        if not all(numbers):
            number = cells[numbers.index(not numbers[0])][0]
            what = "some arrays end in a number, others do not"
            raise DataError(what, where=look.table.where(number), hint=f"name what they hold: {WAYS_OUT}")
        return ("sentence1", "sentence2", "score")
    if label and length == 2:
        return ("sentence1", "sentence2")
    return ("anchor", "positive", *(["negative"] if length == 3 else [f"negative_{i}" for i in range(1, length - 1)]))
