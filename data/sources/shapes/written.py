"""Lists and objects written as text, as a table without lists holds them: `["a", "b"]` in a cell of a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import DataError
from data.sources.columns.column_roles import ANCHOR_NAMES, NEGATIVE, PAIRED_NAMES, is_known, last_part, plain
from data.sources.shapes.form import Look, Where
from data.sources.shapes.literals import is_bracketed, parse, seems_written
from data.sources.shapes.passages import TEXT_KEYS
from data.sources.shapes.spellings import Spelling, separator_of, spelling_of

NEARLY_ALL = 0.9
"""Share of the cells by which a column of lists or objects is known that has a few broken ones."""
CHATS = frozenset({"messages", "positivemessages", "negativemessages", "conversation", "conversations", "set", "texts"})
AS_JSON = 'write each as JSON: ["...", "..."]'
LITERAL = "if the cells are meant as they stand set data.literal=true"
PLURAL = frozenset(
    {"positives", "negatives", "hardnegatives", "negs", "passages", "documents", "answers", "responses", "contexts"}
)
"""Columns of several texts a row."""
SINGLE = frozenset({*ANCHOR_NAMES, *(name for pair in PAIRED_NAMES for name in pair)})
"""Columns of one text a row: a list of one is that text."""


class SpelledShape:
    """What the cells of some columns spell as a program shows it."""

    def __init__(self, columns: Sequence[str], read: Mapping[str, Spelling]) -> None:
        self._columns, self.read = list(columns), dict(read)
        self.identity = f"spelled {[(column, spelling.name) for column, spelling in read.items()]}"
        self.notes = [f'"{column}": {spelling.name} are read as the texts in them' for column, spelling in read.items()]

    def columns(self) -> list[str]:
        """Return the same columns."""
        return self._columns

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the same columns."""
        return list(columns)

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the row with the texts in place of their spelling."""
        return {**values, **{c: self._read(values[c], c, where(c)) for c in self.read if c in values}}

    def _read(self, cell: object, column: str, place: str) -> object:
        spelling = self.read[column]
        if not isinstance(cell, str) or not cell.strip() or spelling.read is None:
            return cell
        found = spelling.read(cell.strip())
        if found is None:
            what = f"the cell does not hold {spelling.name}, as those of the first rows do"
            raise DataError(what, where=place, hint="write it as the others are")
        return found[0] if isinstance(found, list) and len(found) == 1 else found


class WrittenShape:
    """The lists and objects that the cells of some columns spell out."""

    def __init__(self, columns: Sequence[str], read: Sequence[str]) -> None:
        self._columns, self.read = list(columns), list(read)
        self.identity = f"written {self.read}"
        names = " and ".join(f'"{column}"' for column in read)
        self.notes = [f"{names}: lists and objects that are written as text are read as such"]

    def columns(self) -> list[str]:
        """Return the same columns."""
        return self._columns

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the same columns."""
        return list(columns)

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the row with lists in place of their spelling."""
        return {**values, **{c: _read(values[c], c, where(c)) for c in self.read if c in values}}


def _read(cell: object, column: str, place: str) -> object:
    if not isinstance(cell, str) or not cell.strip():
        return cell
    found = parse(cell)
    if found is None:
        raise DataError(
            "the text is no list, as the cells of the first rows are", where=place, hint='write it as JSON: ["...", "..."]'
        )
    return found[0] if isinstance(found, list) and len(found) == 1 and plain(last_part(column)) in SINGLE else found


def find_spelled(look: Look) -> SpelledShape | None:
    """Return which columns hold what programs print.

    Raises:
        DataError: it cannot be read with certainty; or nearly all cells of a column of several texts have them in one.
    """
    read: dict[str, Spelling] = {}
    for column in look.columns:
        cells = [(number, cell) for number, cell in look.cells(column) if isinstance(cell, str) and cell.strip()]
        if not cells or not _is_text_column(look, column):
            continue
        texts = [cell for _, cell in cells]
        spelling = spelling_of(texts, NEARLY_ALL)
        where = look.table.where(cells[0][0], column)
        if spelling is not None and spelling.read is None:
            what = f'the cells of "{column}" are {spelling.name}: where one text ends cannot be known'
            raise DataError(what, where=where, hint=f"{AS_JSON}; {LITERAL}")
        if spelling is not None:
            read[column] = spelling
        elif (sign := _between(texts, plain(last_part(column)))) is not None:
            what = f'the cells of "{column}" hold several texts each, with {sign.strip()!r} between them'
            raise DataError(what, where=where, hint=f"{AS_JSON}; {LITERAL}")
    return SpelledShape(look.columns, read) if read else None


def _between(texts: Sequence[str], name: str) -> str | None:
    """Return what stands between several texts of a cell in a column of positives or negatives."""
    if not (name in PLURAL or NEGATIVE.fullmatch(name) or name.startswith("pos")):
        return None
    return separator_of(texts, plural=name in PLURAL)


def find(look: Look) -> WrittenShape | None:
    """Return which columns hold lists or objects as text.

    Raises:
        DataError: nearly all cells of a column are such, but not all; or they are objects without a text.
    """
    read = [column for column in look.columns if _is_text_column(look, column) and _is_written(look, column)]
    return WrittenShape(look.columns, read) if read else None


def _is_text_column(look: Look, column: str) -> bool:
    return column in look.named or is_known(column) or plain(column) in CHATS


def _is_written(look: Look, column: str) -> bool:
    cells = [(number, cell) for number, cell in look.cells(column) if isinstance(cell, str) and cell.strip()]
    few = len(cells) * NEARLY_ALL
    if not cells or sum(is_bracketed(cell) for _, cell in cells) < few:
        return False
    found = [(number, parse(cell)) for number, cell in cells]
    broken = [number for number, value in found if value is None]
    if not broken:
        return not any(_is_other_object(value) for _, value in found) or _objects_are_read(look, column, found)
    seeming = sum(value is not None or seems_written(cell) for (_, value), (_, cell) in zip(found, cells, strict=True))
    if seeming < few:
        return False
    what = f'the cells of "{column}" are lists or objects written as text, but this one cannot be read as such'
    raise DataError(what, where=look.table.where(broken[0], column), hint='write each as JSON: ["...", "..."]')


def _is_other_object(value: object) -> bool:
    return isinstance(value, dict) and not any(key in value for key in TEXT_KEYS)


def _objects_are_read(look: Look, column: str, found: Sequence[tuple[int, object]]) -> bool:
    """Refuse objects without a text, unless the user names their column: then the texts are meant as they are written."""
    if column in look.named:
        return False
    number, value = next((number, value) for number, value in found if _is_other_object(value))
    keys = ", ".join(repr(str(key)) for key in list(value)[:10]) if isinstance(value, dict) else ""
    name = plain(last_part(column))
    role = "anchor" if name in SINGLE else "negatives" if NEGATIVE.fullmatch(name) else "positive"
    what = f"the cell holds an object that is written as text; its keys are {keys}"
    hint = f"to train on it as it is written set data.columns.{role}={column}; otherwise write the text that is meant in the cell"
    raise DataError(what, where=look.table.where(number, column), hint=hint)
