"""What a whole JSON file can be: an array of rows, or one of the objects that tools write in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.errors import DataError
from data.sources.columns.column_roles import is_known
from data.sources.readers.json_known import known_form

SPLIT_KEYS = frozenset({"train", "training", "dev", "development", "validation", "valid", "val", "eval", "test", "testing"})
WAYS_OUT = 'write [{"query": "...", "document": "..."}, ...], or one object per line in a file that ends in .jsonl'
SHOWN_KEYS = 10
DEEPEST = 3
"""Objects within each other in which an array of rows is looked for."""


def rows_of(content: object, place: str) -> tuple[Sequence[object], str]:
    """Return the rows of a JSON file, and in words where they were found, if that is not usual.

    Raises:
        DataError: they are not found, or several arrays could be meant.
    """
    if (known := known_form(content, place)) is not None:
        return known
    if isinstance(content, list):
        return content, ""
    if not isinstance(content, dict):
        raise DataError(f"the file holds a JSON {type(content).__name__}, not rows", where=place, hint=WAYS_OUT)
    if isinstance(rows := content.get("data"), list):
        columns = content.get("columns")
        if isinstance(columns, list) and rows and all(isinstance(row, list) and len(row) == len(columns) for row in rows):
            return [
                dict(zip(map(str, columns), row, strict=True)) for row in rows
            ], 'the rows are under "data", "columns" names their columns'
        return rows, ""
    return _under_a_key(content, place)


def _under_a_key(content: dict[str, Any], place: str) -> tuple[Sequence[object], str]:
    """Return the rows of the only array of objects, or of several that are named after splits."""
    arrays = {key: value for key, value in content.items() if _is_rows(value)}
    if len(arrays) > 1 and all(key.lower() in SPLIT_KEYS for key in arrays):
        rows = [{"split": key, **row} for key, array in arrays.items() for row in array if isinstance(row, dict)]
        return rows, f"the splits are {' and '.join(map(repr, arrays))}"
    if len(arrays) > 1:
        what = f"several arrays of objects, under {_listed(arrays)}"
        raise DataError(what, where=place, hint="save the one that is meant to a file of its own")
    if not arrays and len(inner := list(_arrays_within(content))) == 1:
        path, array = inner[0]
        return array, f"the rows are under {'.'.join(path)!r}"
    if arrays:
        key, array = next(iter(arrays.items()))
        return array, f"the rows are under {key!r}"
    return _other(content, place)


def _other(content: Mapping[str, object], place: str) -> tuple[Sequence[object], str]:
    """Return the rows of an object of columns, or of one with a row under each key."""
    values = list(content.values())
    if len(values) > 1 and all(isinstance(value, list) and not any(isinstance(i, dict) for i in value) for value in values):
        lengths = {key: len(value) for key, value in content.items() if isinstance(value, list)}
        if len(set(lengths.values())) > 1:
            what = "the columns differ in length: " + ", ".join(f"{key!r} {n:,}" for key, n in list(lengths.items())[:SHOWN_KEYS])
            raise DataError(what, where=place, hint="give each column a value for each row")
        return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)], "read as an object of columns"
    objects = [value for value in values if isinstance(value, dict)]
    if not objects or len(objects) < len(values):
        what = f"neither an array of objects nor an object with one; its keys are {_listed(content)}"
        raise DataError(what, where=place, hint=WAYS_OUT)
    ids = list(objects[0])
    counted = ids == [str(i) for i in range(len(ids))] or (any(map(is_known, content)) and not any(map(is_known, ids)))
    if len(objects) > 1 and all(list(value) == ids for value in objects) and counted:
        rows = [{key: value[i] for key, value in zip(content, objects, strict=True)} for i in ids]
        return rows, "read as an object of columns"
    shared = set(objects[0]).intersection(*objects)
    if shared and all(len(value) <= 2 * len(shared) for value in objects):
        return objects, f"read as one row under each key ({_listed(content, most=2)} ...)"
    what = f"neither an array of objects nor an object with one; its keys are {_listed(content)}"
    raise DataError(what, where=place, hint=WAYS_OUT)


def _arrays_within(content: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[object]]]:
    """Yield the arrays of objects within objects, as answers of servers have them, with the keys that lead to each."""
    for key, value in content.items():
        if isinstance(value, list) and _is_rows(value):
            yield (*path, key), value
        elif isinstance(value, dict) and len(path) < DEEPEST:
            yield from _arrays_within(value, (*path, key))


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _listed(found: Mapping[str, object], most: int = SHOWN_KEYS) -> str:
    more = f" and {len(found) - most} more" if len(found) > most > 2 else ""
    return ", ".join(repr(key[:60]) for key in list(found)[:most]) + more
