"""Rows in the envelopes of servers (Elasticsearch's `_source`, GraphQL's `node`), and two texts in one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import DataError
from data.sources.columns.column_roles import ANCHOR_NAMES, NEGATIVE, PAIRED_NAMES, POSITIVE_NAMES, plain
from data.sources.shapes.form import Look, Where

ENVELOPES = ("_source", "node")
"""Keys that hold the row itself; what stands beside them is about where it was found."""
ASKED = ("userinput", "userquery", "searchquery", "querytext", "text")
FOUND = ("relevantpassages", "relevantdocuments", "relevantdocs", "relevantpassage", "relevantdocument", "referencecontexts")
"""What queries and texts to find are called by Ragas, LlamaIndex, Cohere and others, where nothing has a usual name."""


class EnvelopeShape:
    """The object under one key in place of the row."""

    def __init__(self, look: Look, key: str) -> None:
        self.key = key
        self._columns = list(dict.fromkeys(str(inner) for _, cell in look.cells(key) if isinstance(cell, dict) for inner in cell))
        self.identity = f"envelope {key}"
        others = [column for column in look.columns if column != key]
        self.notes = [f'the rows are under "{key}"' + (f"; not used: {', '.join(map(repr, others[:8]))}" if others else "")]

    def columns(self) -> list[str]:
        """Return the keys of the objects."""
        return self._columns

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the key."""
        return [self.key]

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the object."""
        found = values.get(self.key)
        if not isinstance(found, Mapping):
            raise DataError(
                "no object there, which the other rows have", where=where(self.key), hint="write it as the others are"
            )
        return found


class TwoTextsShape:
    """Two texts in a list within an object as two columns."""

    def __init__(self, look: Look, column: str, key: str) -> None:
        self.column, self.key = column, key
        self.others = [c for c in look.columns if c != column]
        self.identity = f"two texts {column}.{key}"
        self.notes = [f'the two texts of "{column}" are read as sentence1 and sentence2']

    def columns(self) -> list[str]:
        """Return the names of the texts, and the other columns."""
        return ["sentence1", "sentence2", *self.others]

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the column of the object, and the others that are wanted."""
        return [self.column, *(c for c in columns if c in self.others)]

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the two texts by name."""
        found = _two_texts(values.get(self.column))
        if found is None or found[0] != self.key:
            raise DataError(
                "no list of two texts, which the other rows have", where=where(self.column), hint="write it as they are"
            )
        return {"sentence1": found[1][0], "sentence2": found[1][1], **{c: values.get(c) for c in self.others}}


class NamedShape:
    """The same rows, with the usual names of the columns."""

    def __init__(self, columns: Sequence[str], names: Mapping[str, str]) -> None:
        self._columns, self.names = list(columns), dict(names)
        self.identity = f"named {sorted(self.names.items())}"
        self.notes = [", ".join(f"{column!r} is read as the {role}" for column, role in self.names.items())]

    def columns(self) -> list[str]:
        """Return the names."""
        return [self.names.get(column, column) for column in self._columns]

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the columns as they are called in the table."""
        return [column for column in self._columns if self.names.get(column, column) in columns]

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the row under the usual names."""
        return {self.names.get(column, column): value for column, value in values.items()}


def find_envelope(look: Look) -> EnvelopeShape | None:
    """Return the key under which the rows are."""
    key = next((key for key in ENVELOPES if key in look.columns and look.holds(key, dict)), None)
    if key is None or look.named & set(look.columns) or any(name.startswith(f"{key}.") for name in look.named):
        return None
    return None if key == "node" and look.is_enough_without([key]) else EnvelopeShape(look, key)


def find_two_texts(look: Look) -> TwoTextsShape | None:
    """Return the object that holds the two texts of a row, as the questions of Quora's data set on the Hub."""
    for column in look.columns:
        found = [_two_texts(cell) for _, cell in look.cells(column)]
        keys = {pair[0] for pair in found if pair is not None}
        if found and None not in found and len(keys) == 1 and not look.named and not look.is_enough_without([column]):
            return TwoTextsShape(look, column, keys.pop())
    return None


def _two_texts(cell: object) -> tuple[str, list[str]] | None:
    """Return the only list of two texts in an object, with its key."""
    if not isinstance(cell, Mapping):
        return None
    lists = [(key, value) for key, value in cell.items() if isinstance(value, list)]
    texts = [(str(key), value) for key, value in lists if len(value) == 2 and all(isinstance(text, str) for text in value)]
    return texts[0] if len(texts) == 1 and len(lists) == len(cell) else None


def find_named(look: Look) -> NamedShape | None:
    """Return the usual names of columns that some tools call otherwise, where the row is not known without them."""
    called = {plain(column): column for column in look.columns}
    if look.named or any(name in called for pair in PAIRED_NAMES for name in pair):
        return None
    anchor = any(name in ANCHOR_NAMES for name in called)
    positive = any(name in POSITIVE_NAMES for name in called)
    found = [] if positive else [called[name] for name in FOUND if name in called]
    asked = [] if anchor else [called[name] for name in ASKED if name in called]
    if not (positive or found) or not (anchor or asked) or len(found) > 1 or not (found or asked):
        return None
    explicit = found or any(name.startswith("pos") or NEGATIVE.fullmatch(name) for name in called)
    if not explicit:
        return None
    names = {**dict.fromkeys(asked[:1], "anchor"), **dict.fromkeys(found, "positive")}
    return None if set(names.values()) & (set(look.columns) - set(names)) else NamedShape(look.columns, names)
