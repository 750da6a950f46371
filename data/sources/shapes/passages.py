"""Cells that hold objects with a text, or lists of them, as Tevatron's `positive_passages` and DPR's `positive_ctxs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import DataError
from data.sources.column_roles import is_known
from data.sources.shapes.form import Look, Where

TEXT_KEYS = ("text", "contents", "content", "passage", "passage_text")
TITLE = "title"


class PassageShape:
    """The objects of some columns as texts: "title text"."""

    def __init__(self, columns: Sequence[str], read: Mapping[str, str], *, titled: bool) -> None:
        self._columns, self.read = list(columns), dict(read)
        self.identity = f"passages {sorted(self.read.items())}"
        names = " and ".join(f'"{column}"' for column in self.read)
        keys = " and ".join([*([TITLE] if titled else []), *dict.fromkeys(self.read.values())])
        self.notes = [f"{names}: {keys} of each object {'are' if titled else 'is'} read as the text"]

    def columns(self) -> list[str]:
        """Return the same columns."""
        return self._columns

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the same columns."""
        return list(columns)

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the row with texts where objects were."""
        return {**values, **{c: _read(values[c], key, where(c)) for c, key in self.read.items() if c in values}}


def _read(cell: object, key: str, place: str) -> object:
    """Return a cell with texts in place of objects."""
    if isinstance(cell, list):
        return [_read(item, key, f"{place}, item {i}") for i, item in enumerate(cell, start=1)]
    if not isinstance(cell, Mapping):
        return cell
    text, title = cell.get(key), cell.get(TITLE)
    if isinstance(text, list):  # an object of lists, as the datasets library gives a list of objects
        titles = title if isinstance(title, list) else [None] * len(text)
        return [_joined(*pair, f"{place}, item {i}") for i, pair in enumerate(zip(titles, text, strict=False), start=1)]
    if key not in cell:
        what = f"the object has no {key!r}, which the first rows have; its keys are {_listed(cell)}"
        raise DataError(what, where=place, hint="write it as the others are, or write the text itself")
    return _joined(title, text, place)


def _joined(title: object, text: object, place: str) -> object:
    """Return title and text with a blank between them; what is no text is returned as it is, and reported as such later."""
    if not isinstance(text, str):
        return text
    if title is not None and not isinstance(title, str):
        what = f"the title is of type {type(title).__name__}, not a text"
        raise DataError(what, where=place, hint="write it in quotes, or leave it out")
    return " ".join(part for part in ((title or "").strip(), text.strip()) if part)


def _listed(found: Mapping[object, object]) -> str:
    return ", ".join(repr(str(key)) for key in list(found)[:10])


def find(look: Look) -> PassageShape | None:
    """Return how objects in columns of texts are read; what holds no text is reported by whoever needs one."""
    read: dict[str, str] = {}
    titled = False
    for column in look.columns:
        if not (is_known(column) or column in look.named):
            continue
        objects = [(number, item) for number, cell in look.cells(column) for item in _objects(cell)]
        if not objects:
            continue
        keys = [key for key in TEXT_KEYS if all(key in item for _, item in objects)]
        if keys:
            read[column] = keys[0]
            titled = titled or any(isinstance(item.get(TITLE), str | list) and item[TITLE] for _, item in objects)
    return PassageShape(look.columns, read, titled=titled) if read else None


def _objects(cell: object) -> list[Mapping[object, object]]:
    return [item for item in (cell if isinstance(cell, list) else [cell]) if isinstance(item, Mapping)]
