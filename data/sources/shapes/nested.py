"""Objects within a row: their values as columns that are named by a dotted path, as in `ticket.subject`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from data.sources.shapes.form import Look, Where

DEEPEST = 8
"""Parts of a path; what lies deeper stays an object."""
MOST_PATHS = 500
"""Columns; objects with more keys are tables of their own, such as one of words."""


class NestedShape:
    """The values within objects by their paths. `paths` gives the keys of each; a column without objects is its own path."""

    notes: list[str]

    def __init__(self, columns: Sequence[str], paths: Mapping[str, tuple[str, ...]]) -> None:
        self.paths = dict(paths)
        self.notes = []
        self.whole = [c for c in columns if all(keys[0] != c for keys in paths.values()) and c not in paths]
        self.identity = f"nested {sorted(self.paths)}"

    def columns(self) -> list[str]:
        """Return the columns without objects, and the paths."""
        return [*self.whole, *self.paths]

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that the paths begin at."""
        return list(dict.fromkeys(self.paths[c][0] if c in self.paths else c for c in columns))

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the values at the paths; None where a row has none."""
        found: dict[str, object] = {c: values[c] for c in self.whole if c in values}
        for path, keys in self.paths.items():
            value: object = values
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            found[path] = value
        return found


def find(look: Look) -> NestedShape | None:
    """Return the paths into the objects of the rows, where the columns beside them do not say what a row is."""
    objects = [c for c in look.columns if look.holds(c, dict)]  # an object among texts is a broken row
    if not objects or look.is_enough_without(objects):
        return None
    paths: dict[str, tuple[str, ...]] = {}
    for column in objects:
        for _, cell in look.cells(column):
            for keys in _paths(cell, (column,)):
                paths.setdefault(".".join(keys), keys)
    clash = set(paths) & set(look.columns)
    paths = {path: keys for path, keys in paths.items() if path not in clash and len(keys) > 1}
    return NestedShape(look.columns, paths) if 0 < len(paths) <= MOST_PATHS else None


def _paths(value: object, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(value, Mapping) or not value or len(keys) >= DEEPEST:
        yield keys
        return
    for key, inner in value.items():
        yield from _paths(inner, (*keys, str(key)))
