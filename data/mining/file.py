"""Rows with their mined negatives, as a table for training and as a file that loads again with no options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import TableFacts, open_table, write_table
from data.errors import DataError
from data.mining.mine import Mined
from data.mining.texts import MiningTexts
from data.storage import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

SUFFIXES = (".jsonl", ".parquet")
"""Kinds of files that mined rows are written to."""
ROWS = 5000
"""Rows written at once."""


def mined_table(rows: Dataset, texts: MiningTexts, mined: Mined, path: Path, fingerprint: str) -> Dataset:
    """Return the rows that have negatives, with the columns `negative_1`, … behind their own, memory-mapped from `path`."""
    names = [f"negative_{i}" for i in range(1, mined.documents.shape[1] + 1)]
    batches = (part for part, _ in _parts(rows, texts, mined, names))
    write_table(path, [*rows.column_names, *names], batches, TableFacts(fingerprint))
    return open_table(path)


def has_groups(rows: Dataset) -> bool:
    """Tell whether any row says to which group it belongs."""
    return any(rows.data.table.column("group").unique().to_pylist())


def mined_rows(split: str, rows: Dataset, texts: MiningTexts, mined: Mined, *, grouped: bool) -> Iterator[pa.Table]:
    """Yield the rows that have negatives, as they are saved.

    Columns: `split`, `anchor`, `positive`, `negative_1`, …; `group` where `grouped`, which all splits of a file must agree on;
    `positive_score` and the lists `negative_scores` and `negative_ranks` (0: drawn from outside the window); `from`, the row that
    it was made of.
    """
    import pyarrow as pa

    names = [f"negative_{i}" for i in range(1, mined.documents.shape[1] + 1)]
    for part, numbers in _parts(rows, texts, mined, names):
        columns = {"split": pa.array([split] * len(numbers)), **{c: part.column(c) for c in ("anchor", "positive", *names)}}
        if grouped:
            columns["group"] = part.column("group")
        columns["positive_score"] = pa.array(_rounded(mined.positive_scores[numbers]))
        columns["negative_scores"] = pa.array(_rounded(mined.scores[numbers]))
        columns["negative_ranks"] = pa.array(mined.ranks[numbers].tolist())
        columns["from"] = part.column("row")
        yield pa.table(columns)


def _rounded(scores: np.ndarray) -> list[object]:
    rounded: list[object] = np.round(scores.astype(np.float64), 6).tolist()
    return rounded


def _parts(rows: Dataset, texts: MiningTexts, mined: Mined, names: list[str]) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Yield some thousand rows at a time with their negatives, and their numbers; rows without negatives are left out."""
    import pyarrow as pa

    begin = 0
    for batch in rows.data.table.to_batches(max_chunksize=ROWS):
        chosen = np.flatnonzero(mined.complete[begin : begin + batch.num_rows])
        numbers = chosen + begin
        begin += batch.num_rows
        own = batch.take(pa.array(chosen))
        negatives = [
            pa.array([texts.documents[i] for i in column], pa.string()) for column in mined.documents[numbers].T.tolist()
        ]
        arrays = [*own.columns, *negatives]
        yield pa.record_batch(arrays, names=[*batch.schema.names, *names]), numbers


def check_file(path: Path) -> None:
    """Find out whether mined rows can be written to `path`.

    Raises:
        DataError: another kind of file, something is there already, or no folder to put it in.
    """
    if path.suffix not in SUFFIXES:
        raise DataError("mined rows are written as .jsonl or .parquet", where=str(path), hint=f"name it {path.stem}.jsonl, say")
    if path.exists():
        raise DataError("something is there already", where=str(path), hint="name another file, or remove this one")
    if not path.absolute().parent.is_dir():
        raise DataError("there is no such folder", where=str(path.parent), hint="create it, or name another place")


def write_rows(path: Path, parts: Iterator[pa.Table]) -> int:
    """Write rows to a `.jsonl` or `.parquet` file, complete or not at all; return their number.

    Raises:
        DataError: see `check_file`; or it cannot be written.
    """
    check_file(path)
    try:
        with atomic_path(path) as temporary:
            return _write_jsonl(temporary, parts) if path.suffix == ".jsonl" else _write_parquet(temporary, parts)
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", where=str(path), hint="name another place") from None


def _write_jsonl(path: Path, parts: Iterator[pa.Table]) -> int:
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for part in parts:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in part.to_pylist())
            number += part.num_rows
    return number


def _write_parquet(path: Path, parts: Iterator[pa.Table]) -> int:
    import pyarrow.parquet as pq

    number, writer = 0, None
    try:
        for part in parts:
            writer = writer or pq.ParquetWriter(path, part.schema)
            writer.write_table(part.cast(writer.schema))
            number += part.num_rows
    finally:
        if writer is not None:
            writer.close()
    return number
