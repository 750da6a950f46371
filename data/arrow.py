"""Rows on disk: a source's examples streamed into Arrow files that are memory-mapped.

A table file is complete or absent: it is written under a temporary name and renamed, its `.json` beside it last. A
complete file of the same fingerprint is used again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from data.errors import DataError
from data.schema import PAIR_COLUMNS, SCORED_COLUMNS, Document, RowId, RowKind, Source
from data.storage import atomic_path, write_text

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from datasets import Dataset
    from sentence_transformers import InputExample

BATCH_ROWS = 5000
ELSEWHERE = "choose another place for runs and their data cache with output_dir=…"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of the operating system when nothing more can be written: disk full, quota used up, file-size limit."""
NUMBERS = ("score", "grade")
"""Columns of 64-bit floats; all others are strings."""

T = TypeVar("T")
Columns = Sequence[Sequence[object]]
"""Some rows: a list of values for each column."""
Batch: TypeAlias = "pa.RecordBatch | Columns"


@dataclass
class TableFacts:
    """What is known about a table besides its rows. `whole` are the rows that it is a sample of, 0 where it is none."""

    fingerprint: str
    rows: int = 0
    dropped: int = 0
    dropped_examples: list[str] = field(default_factory=list)
    whole: int = 0


def facts_of(path: Path) -> TableFacts | None:
    """Return the facts beside a complete table file, None where there is none."""
    try:
        return TableFacts(**json.loads(path.with_suffix(".json").read_text("utf-8"))) if path.exists() else None
    except (OSError, ValueError, TypeError):
        return None


def rows_table(source: Source, split: str, folder: Path, tick: Callable[[int], None] = lambda rows: None) -> Dataset:
    """Return the rows of one split of `source` as a memory-mapped `datasets.Dataset` in `folder`.

    Columns are `SCORED_COLUMNS`, or `PAIR_COLUMNS` followed by `negative_1`, … in a tuple. `tick` gets the number of rows of each
    lot that was read.

    Raises:
        DataError: a bad row, or no rows at all; no file is left behind.
    """
    path = folder / f"{split}.arrow"
    facts = TableFacts(source.fingerprint())
    if not _complete(path, facts.fingerprint):
        examples = source.examples(split)
        first = next(examples, None)
        if first is None:
            raise DataError(f"no rows in {split}", where=source.location, hint="give a source with rows")
        columns = _columns(source.recognised.kind, len(first.texts or ()))
        rows = _row_batches(chain([first], examples), columns)
        write_table(path, columns, _ticked(rows, tick), facts, lambda: _note_dropped(source, split, facts))
    return open_table(path)


def corpus_table(documents: Iterable[Document], fingerprint: str, folder: Path) -> Dataset:
    """Return `documents` as a memory-mapped `datasets.Dataset` with the columns `id` and `text`."""
    path = folder / "corpus.arrow"
    if not _complete(path, fingerprint):
        batches = ([[d.id for d in batch], [d.text for d in batch]] for batch in _batches(documents))
        write_table(path, ("id", "text"), batches, TableFacts(fingerprint))
    return open_table(path)


def take_rows(table: Dataset, rows: np.ndarray, path: Path, fingerprint: str) -> Dataset:
    """Return the rows with the numbers `rows` (ascending) of `table` in a file of their own, in that order."""
    if not _complete(path, fingerprint):
        write_table(path, table.column_names, _taken(table, rows), TableFacts(fingerprint))
    return open_table(path)


def open_table(path: Path) -> Dataset:
    """Open the table in a complete file, memory-mapped."""
    from datasets import Dataset

    return Dataset.from_file(str(path))


def batches_of(table: Dataset, columns: Sequence[str]) -> Iterator[list[list[str]]]:
    """Yield the values of `columns`, which hold texts, as Python lists, a few thousand rows at a time."""
    data = table.data.table.select(list(columns))
    for batch in data.to_batches(max_chunksize=BATCH_ROWS):
        yield [batch.column(i).to_pylist() for i in range(len(columns))]


def write_table(
    path: Path, columns: Sequence[str], batches: Iterable[Batch], facts: TableFacts, at_end: Callable[[], None] | None = None
) -> None:
    """Write `batches` (a list of values a column, or an Arrow record batch) to `path`, complete or not at all.

    `at_end` is called when all batches were read, before `facts` are written.

    Raises:
        DataError: the folder cannot be made, or the disk is full.
    """
    import pyarrow as pa

    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the folder cannot be made ({error.strerror})", where=str(path.parent), hint=ELSEWHERE) from None
    schema = pa.schema([(name, pa.float64() if name in NUMBERS else pa.string()) for name in columns])
    try:
        with atomic_path(path) as temporary:  # several ranks, on several machines, may write the same file at once
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
                for batch in batches:
                    record = batch if isinstance(batch, pa.RecordBatch) else _record_batch(batch, schema)
                    facts.rows += record.num_rows
                    writer.write_batch(record)
            if at_end is not None:
                at_end()
        write_text(path.with_suffix(".json"), json.dumps(asdict(facts), ensure_ascii=False))
    except BaseException as error:
        for folder in made:
            with suppress(OSError):  # another process may have written there meanwhile
                folder.rmdir()
        if isinstance(error, OSError) and error.errno in FULL:
            what = f"the disk is full: the rows could not be written to the data cache ({os.strerror(error.errno)})"
            hint = f"make room on the disk, or {ELSEWHERE}"
            raise DataError(what, where=str(path), hint=hint) from None
        raise


def _record_batch(values: Columns, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch([pa.array(v, f.type) for v, f in zip(values, schema, strict=True)], schema=schema)


def _complete(path: Path, fingerprint: str) -> bool:
    facts = facts_of(path)
    return facts is not None and facts.fingerprint == fingerprint


def _note_dropped(source: Source, split: str, facts: TableFacts) -> None:
    facts.dropped = getattr(source, "dropped", {}).get(split, 0)
    facts.dropped_examples = getattr(source, "dropped_examples", {}).get(split, [])
    facts.whole = getattr(source, "whole", {}).get(split, 0)


def _columns(kind: RowKind, texts: int) -> tuple[str, ...]:
    if kind is RowKind.SCORED:
        return SCORED_COLUMNS
    return (*PAIR_COLUMNS, *(f"negative_{i}" for i in range(1, texts - 1)))


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


def _row_batches(examples: Iterable[InputExample], columns: Sequence[str]) -> Iterator[Columns]:
    values = _scored_values if columns == SCORED_COLUMNS else _pair_values
    for batch in _batches(examples):
        yield list(zip(*(values(example) for example in batch), strict=True))


def _ticked(batches: Iterable[Columns], tick: Callable[[int], None]) -> Iterator[Columns]:
    for batch in batches:
        yield batch
        tick(len(batch[0]))


def _scored_values(example: InputExample) -> tuple[str | float, ...]:
    row = RowId.parse(example.guid)
    return (row.row, row.group, *(example.texts or ()), float(example.label))


def _pair_values(example: InputExample) -> tuple[str | float, ...]:
    row = RowId.parse(example.guid)
    return (row.row, row.group, row.query_id, row.document_id, float(example.label), *(example.texts or ()))


def _taken(table: Dataset, rows: np.ndarray) -> Iterator[pa.RecordBatch]:
    import numpy as np

    begin = 0
    for batch in table.data.table.to_batches(max_chunksize=BATCH_ROWS):
        low, high = np.searchsorted(rows, [begin, begin + batch.num_rows])
        if high > low:
            yield batch.take(rows[low:high] - begin)
        begin += batch.num_rows
