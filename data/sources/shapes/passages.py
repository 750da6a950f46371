"""Cells that hold objects with a text, or lists of them, as Tevatron's `positive_passages` and DPR's `positive_ctxs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import DataError
from data.sources.columns.column_roles import is_known
from data.sources.shapes.form import Look, Where

TEXT_KEYS = ("text", "contents", "content", "passage", "passage_text", "page_content", "paragraph_text")
TITLE = "title"
MOST_UNUSED = 8
"""Keys that are named in a note."""


class PassageShape:
    """The objects of some columns as texts: "title text"."""

    def __init__(self, columns: Sequence[str], read: Mapping[str, str], *, titled: bool, unused: Sequence[str] = ()) -> None:
        self._columns, self.read = list(columns), dict(read)
        self.identity = f"passages {sorted(self.read.items())}"
        names = " and ".join(f'"{column}"' for column in self.read)
        keys = " and ".join([*([TITLE] if titled else []), *dict.fromkeys(self.read.values())])
        self.notes = [f"{names}: {keys} of each object {'are' if titled else 'is'} read as the text"]
        if unused:
            self.notes[0] += f"; not used: {', '.join(map(repr, unused))}"

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
        return [joined(*pair, f"{place}, item {i}") for i, pair in enumerate(zip(titles, text, strict=False), start=1)]
    if key not in cell:
        what = f"the object has no {key!r}, which the first rows have; its keys are {_listed(cell)}"
        raise DataError(what, where=place, hint="write it as the others are, or write the text itself")
    return joined(title, text, place)


def joined(title: object, text: object, place: str) -> object:
    """Return title and text with a blank between them; what is no text is returned as it is, and reported as such later."""
    if not isinstance(text, str):
        return text
    if title is not None and not isinstance(title, str):
        what = f"the title is of type {type(title).__name__}, not a text"
        raise DataError(what, where=place, hint="write it in quotes, or leave it out")
    return " ".join(part for part in ((title or "").strip(), text.strip()) if part)


def text_key(objects: Sequence[Mapping[str, object]]) -> str | None:
    """Return the key under which all objects have their text; None where there is none."""
    return next((key for key in TEXT_KEYS if objects and all(key in item for item in objects)), None)


def _listed(found: Mapping[object, object]) -> str:
    return ", ".join(repr(str(key)) for key in list(found)[:10])


def find(look: Look) -> PassageShape | None:
    """Return how objects in columns of texts are read; what holds no text is reported by whoever needs one."""
    read: dict[str, str] = {}
    titled = False
    unused: dict[str, None] = {}
    for column in look.columns:
        if not (is_known(column) or column in look.named):
            continue
        objects = [(number, item) for number, cell in look.cells(column) for item in _objects(cell)]
        if not objects:
            continue
        key = text_key([item for _, item in objects])
        if key is not None:
            read[column] = key
            unused |= dict.fromkeys(str(other) for _, item in objects for other in item if other not in (key, TITLE))
            titled = titled or any(isinstance(item.get(TITLE), str | list) and item[TITLE] for _, item in objects)
    return PassageShape(look.columns, read, titled=titled, unused=list(unused)[:MOST_UNUSED]) if read else None


def _objects(cell: object) -> list[Mapping[str, object]]:
    return [item for item in (cell if isinstance(cell, list) else [cell]) if isinstance(item, Mapping)]
