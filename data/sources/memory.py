"""Rows that a caller holds in memory: a DataFrame, a list of dicts or tuples, a `Dataset` or `DatasetDict`.

They are written below a folder named by a digest of their content, and are an ordinary source from there on: the same data gives
the same path, so that a run can be continued and judged from its config long after the program that held the data has ended.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from data.errors import DataError
from data.schema import UNSPLIT
from data.sources.cells import NUMBER
from data.sources.columns.score_range import excerpt
from data.sources.columns.truth_words import plain_word, truth_of
from data.sources.columns.verdict_words import Speaks, speaks
from data.sources.hub import HubTable, splits_of
from data.storage import DIGEST_BYTES, atomic_path, staged_folder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from datasets import Dataset, DatasetDict

FORMAT = 1
"""Raised when the same data must be written in another way; part of the digest."""
DIGITS = 16
"""Hexadecimal digits of the digest in a folder's name."""
NAME = "rows"
"""Name of the file, and thereby of the data set in reports."""
BATCH_ROWS = 5000
"""Rows of a `Dataset` that are in memory at once."""

FEWEST_LABELS, MOST_LABEL_WORDS = 4, 3
"""Rows a word, on average, and words of each, where the third texts of tuples are labels."""

TAKEN = "a pandas DataFrame, a list of dicts, a list of tuples, a datasets.Dataset or a datasets.DatasetDict"
TUPLES = "rows are (anchor, positive), (anchor, positive, negative) or (text, text, score)"


def store(frame: object, folder: Path) -> Path:
    """Write rows that are held in memory below `folder`, whole or not at all; what is there already is used again.

    Args:
        frame: a DataFrame, whose index is not used; a list of dicts; a list of tuples, which are pairs (anchor, positive), pairs
            with a negative (anchor, positive, negative) or, with a number last, scored pairs (text, text, score); a `Dataset`; or
            a `DatasetDict`, of which the splits are kept.
        folder: made if need be.

    Returns:
        The path of `<digest>/rows.parquet` (rows.jsonl where a column mixes types, so that each cell is read as it was), or of a
        folder `<digest>/rows` with a file a split.

    Raises:
        DataError: it is empty, of another type, or its rows differ in shape.
        OSError: the file cannot be written.
    """
    parts = _parts(frame)
    found = hashlib.blake2b(f"{FORMAT}\n".encode(), digest_size=DIGEST_BYTES)
    for split, part in parts.items():
        found.update(f"{split}\n{json.dumps(part.columns)}\n".encode())
        for line in part.lines():
            found.update(line.encode())
    alone = parts.get(UNSPLIT)
    path = folder / found.hexdigest()[:DIGITS] / (NAME if alone is None else f"{NAME}{alone.suffix}")
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    if alone is not None:
        with atomic_path(path) as temporary:
            alone.write(temporary)
        return path
    try:
        with staged_folder(path) as staged:
            for split, part in parts.items():
                part.write(staged / f"{split}{part.suffix}")
    except OSError:
        if not path.is_dir():  # otherwise another process was faster, with the same content
            raise
    return path


@dataclass(frozen=True)
class _Part:
    """The rows of one split.

    Attributes:
        columns: their names.
        suffix: of the file that they are written to.
        lines: gives each row as JSON; the digest follows from these, not from the bytes of the file.
        write: writes them to a path.
    """

    columns: list[str]
    suffix: str
    lines: Callable[[], Iterator[str]]
    write: Callable[[Path], None]


def _parts(frame: object) -> dict[str, _Part]:
    """Return the rows by split; under `UNSPLIT` where they have none."""
    if _is_dataset_dict(frame):
        return _splits(frame)
    if _is_dataset(frame):
        return {UNSPLIT: _of_dataset(frame, "the Dataset")}
    if _is_frame(frame):
        return {UNSPLIT: _held(_columns_of_frame(frame), "the DataFrame")}
    if isinstance(frame, Sequence) and not isinstance(frame, str | bytes):
        return {UNSPLIT: _held(_columns_of_rows(frame), "the list")}
    kind = type(frame).__name__
    hint = f"give {TAKEN}, or name a file, a folder or a data set of the Hub"
    if isinstance(frame, Mapping):
        hint = f"of a dict of columns make a DataFrame: pandas.DataFrame(data); taken are {TAKEN}"
    elif isinstance(frame, Iterable):
        hint = f"make a list of its rows: list(data); taken are {TAKEN}"
    raise DataError(f"rows cannot be taken from an object of type {kind}", where="data", hint=hint)


def _is_frame(frame: object) -> TypeGuard[pd.DataFrame]:
    pandas = sys.modules.get("pandas")  # nobody can hold one who has not loaded the library
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _is_dataset(frame: object) -> TypeGuard[Dataset]:
    datasets = sys.modules.get("datasets")
    return datasets is not None and isinstance(frame, datasets.Dataset)


def _is_dataset_dict(frame: object) -> TypeGuard[DatasetDict]:
    datasets = sys.modules.get("datasets")
    return datasets is not None and isinstance(frame, datasets.DatasetDict)


def _columns_of_frame(frame: pd.DataFrame) -> dict[str, list[object]]:
    if frame.columns.nlevels > 1:
        levels = ", ".join(map(repr, frame.columns[:3]))
        hint = "flatten them first, as in frame.columns = ['_'.join(name) for name in frame.columns]"
        raise DataError(f"its columns have names of several levels ({levels})", where="the DataFrame", hint=hint)
    names = [str(name) for name in frame.columns]
    _refuse_twice(names, "the DataFrame")
    return {name: [_plain(cell) for cell in frame.iloc[:, number].tolist()] for number, name in enumerate(names)}


def _refuse_twice(names: Sequence[str], where: str) -> None:
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise DataError(f"it has two columns called {twice!r}", where=where, hint="give each column its own name")


def _columns_of_rows(rows: Sequence[object]) -> dict[str, list[object]]:
    if not rows:
        raise DataError("it holds no rows", where="the list", hint=f"give rows; {TUPLES}")
    first = rows[0]
    if isinstance(first, Mapping):
        return _columns_of_dicts(rows)
    if isinstance(first, tuple | list):
        return _columns_of_tuples(rows, len(first))
    what = f"a row is an object of type {type(first).__name__}, not a dict or a tuple"
    raise DataError(what, where="the list, row 1", hint=f"{TUPLES}; a row as a dict: {{'query': '…', 'document': '…'}}")


def _columns_of_dicts(rows: Sequence[object]) -> dict[str, list[object]]:
    """Return the values by key; a row that lacks a key has no value there, as in a file of JSON objects."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            what = f"the row is of type {type(row).__name__}, the first row is a dict"
            raise DataError(what, where=f"the list, row {number}", hint="give all rows the same form")
        for name in row:
            if not isinstance(name, str):
                what = f"the key {excerpt(name)} is of type {type(name).__name__}, not a text"
                raise DataError(what, where=f"the list, row {number}", hint="name columns by texts")
            names[name] = None
    if not names:
        raise DataError("its rows are empty dicts", where="the list", hint="give rows such as {'query': '…', 'document': '…'}")
    return {name: [_plain(row.get(name)) for row in rows if isinstance(row, Mapping)] for name in names}


def _columns_of_tuples(rows: Sequence[object], width: int) -> dict[str, list[object]]:
    if width not in (2, 3):
        what = f"the row has {width} {'value' if width == 1 else 'values'}"
        raise DataError(what, where="the list, row 1", hint=f"{TUPLES}; for other columns give dicts or a DataFrame")
    found: list[list[object]] = []
    for number, row in enumerate(rows, start=1):
        where = f"the list, row {number}"
        if not isinstance(row, tuple | list):
            what = f"the row is of type {type(row).__name__}, the first row is a {type(rows[0]).__name__}"
            raise DataError(what, where=where, hint="give all rows the same form")
        if len(row) != width:
            raise DataError(f"the row has {len(row)} values, the first row has {width}", where=where, hint=TUPLES)
        found.append([_plain(cell) for cell in row])
    columns = [list(column) for column in zip(*found, strict=True)]
    if width == 2:
        return dict(zip(("anchor", "positive"), columns, strict=True))
    scored = isinstance(next((cell for cell in columns[2] if cell is not None), None), int | float)
    for number, cell in enumerate(columns[2], start=1):
        if cell is not None and isinstance(cell, int | float) != scored:
            expected = "a number, as in the rows before it" if scored else "a text, as in the rows before it"
            what = f"the third value {excerpt(cell)} is of type {type(cell).__name__}, not {expected}"
            raise DataError(what, where=f"the list, row {number}", hint=TUPLES)
    names = ("sentence1", "sentence2", "score") if scored else ("anchor", "positive", "negative")
    if not scored and _are_labels([cell for cell in columns[2] if isinstance(cell, str)]):
        names = ("sentence1", "sentence2", "label")  # "yes" and "no" are no negatives
    return dict(zip(names, columns, strict=True))


def _are_labels(texts: Sequence[str]) -> bool:
    """Tell whether the third texts of tuples are verdicts, numbers or a few short words, and no negatives."""
    words = Counter(map(plain_word, texts))
    if truth_of(words.keys()) or speaks(words) >= Speaks.POLAR or (words and all(map(NUMBER.fullmatch, words))):
        return True
    return len(texts) >= FEWEST_LABELS * max(len(words), 1) and all(len(word.split()) <= MOST_LABEL_WORDS for word in words)


def _plain(cell: object) -> object:
    """Return a cell as a Python object; None for what pandas and NumPy write where a value is missing."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and math.isnan(cell):
        return None
    if type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(cell, np.ndarray | list | tuple):
        return [_plain(one) for one in cell]
    if isinstance(cell, Mapping):
        return {str(key): _plain(value) for key, value in cell.items()}
    return cell


def _held(columns: dict[str, list[object]], where: str) -> _Part:
    """Return columns as a part; all are of one length."""
    if not columns or not next(iter(columns.values())):
        raise DataError("it holds no rows", where=where, hint="give rows with texts")

    def lines() -> Iterator[str]:
        for number, cells in enumerate(zip(*columns.values(), strict=True), start=1):
            yield _line(dict(zip(columns, cells, strict=True)), f"{where}, row {number}")

    def write_lines(path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(lines())

    table = _as_table(columns)
    if table is None:
        return _Part(list(columns), ".jsonl", lines, write_lines)

    def write_table(path: Path) -> None:
        import pyarrow.parquet as pq

        pq.write_table(table, path)

    return _Part(list(columns), ".parquet", lines, write_table)


def _as_table(columns: Mapping[str, Sequence[object]]) -> pa.Table | None:
    """Return columns of one type each; None where one mixes types, or holds a text that is not valid Unicode."""
    import pyarrow as pa

    try:
        return pa.table({name: pa.array(cells) for name, cells in columns.items()})
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return None


def _line(row: Mapping[str, object], where: str) -> str:
    """Return a row as a line of JSON."""
    try:
        return f"{json.dumps(row, default=_written)}\n"
    except TypeError:
        pass
    for name, cell in row.items():
        try:
            json.dumps(cell, default=_written)
        except TypeError:
            what = f"an object of type {type(cell).__name__} cannot be written to a file"
            hint = f"leave the column out: frame.drop(columns=[{name!r}])"
            raise DataError(what, where=f'{where}, column "{name}"', hint=hint) from None
    raise AssertionError("a row whose cells can be written can be written")


def _written(cell: object) -> str:
    """Return a value that JSON does not know, and that is the same in every process, as a text."""
    if isinstance(cell, date | time | timedelta | Decimal | bytes):
        return str(cell)
    raise TypeError(type(cell).__name__)


def _splits(given: DatasetDict) -> dict[str, _Part]:
    known = splits_of([str(name) for name in given], "the DatasetDict", [])
    parts = {split: _of_dataset(given[name], f"split {name!r} of the DatasetDict") for split, name in known.items()}
    # of splits that are not used a file without rows: the loader then says that they are not
    unused = [name for name in map(str, given) if name not in known.values()]
    return parts | {f"other-{name}": _of_dataset(given[name].select([]), "", empty=True) for name in unused}


def _of_dataset(given: Dataset, where: str, *, empty: bool = False) -> _Part:
    """Return a `Dataset` as a part. It may be larger than memory: it is read once for the digest, and once to be written."""
    if not len(given) and not empty:
        raise DataError("it holds no rows", where=where, hint="give rows with texts")
    table = HubTable(where, given)

    def lines() -> Iterator[str]:
        for number, row in table.rows(()):
            yield _line(row, f"{where}, row {number}")

    def write(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        # labels in words are read as words, see `HubTable.rows`
        words = table.labels()
        schema = pa.schema(
            pa.field(field.name, pa.string() if field.name in words else field.type) for field in given.features.arrow_schema
        )
        rows = (row for _, row in table.rows(()))
        with pq.ParquetWriter(path, schema) as writer:
            while batch := list(islice(rows, BATCH_ROWS)):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))

    return _Part(list(given.column_names), ".parquet", lines, write)
