"""Tables in which a column names documents rather than holding them: recognised, looked up, and said; or refused.

Only where nearly all values are found is anything joined. Rows whose name is not found are then bad rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from data.errors import DataError
from data.schema import Document, RowKind, Source
from data.sources.classes.source import open_tables
from data.sources.joins.joiner import Joiner, pass_over
from data.sources.joins.looks import cells
from data.sources.joins.lookups import Lookup
from data.sources.rows import TableSource
from data.sources.shapes import shaped_tables
from data.sources.table import Table, WrappedTable
from data.spec import DatasetSpec

IN_MEMORY = re.compile(r"/[0-9a-f]{16}/rows(?:/\w+)?\.\w+$")
"""Where `data.sources.memory` keeps rows that a caller gave: nothing lies beside them."""


class JoinedTable(WrappedTable):
    """A table with the texts in place of their names."""

    def __init__(self, table: Table, lookups: Mapping[str, Lookup]) -> None:
        super().__init__(table)
        self.lookups = lookups

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return self.table.columns()

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the rows, with texts; a row with a name that was not found is a bad row."""
        for number, values in self.table.rows(columns):
            try:
                joined = {column: self._joined(values.get(column), column, number) for column in self.lookups if column in values}
            except DataError as error:
                if self.on_bad is None:
                    raise
                self.on_bad(error)
                continue
            yield number, {**values, **joined}

    def _joined(self, value: object, column: str, number: int) -> object:
        names = cells(value)
        if not names:
            return value
        texts = [self._text(name, column, number) for name in names]
        return texts if isinstance(value, list) or len(texts) > 1 else texts[0]

    def _text(self, name: str, column: str, number: int) -> str:
        lookup = self.lookups[column]
        text = lookup.texts.get(name)
        if text:
            return text
        what = f"{name[:60]!r} is none of the {lookup.kind}" if text is None else f"{name[:60]!r} has no text"
        where = self.where(number, column)
        raise DataError(what, where=where, hint=f"correct the name, or add its text to {lookup.place}")

    def digest(self) -> bytes:
        """Return the hash of the table and of all that is joined."""
        whole = hashlib.sha256(self.table.digest())
        for column, lookup in self.lookups.items():
            whole.update(f"\0{column}\0".encode("utf-8", "surrogatepass") + lookup.digest)
        return whole.digest()


class JoinedSource(TableSource):
    """A source of joined tables. Where documents stand in a table of their own, all of it is the corpus."""

    corpus: Lookup | None = None

    def documents(self) -> Iterator[Document] | None:
        """Return the documents of the joined table, None where there is none."""
        scored = self.recognised.kind is RowKind.SCORED
        return None if self.corpus is None or self.corpus.table is None or scored else self.corpus.documents()


def table_source(
    name: str, location: str, tables: Sequence[tuple[str, Table]], spec: DatasetSpec, notes: Sequence[str], own: Sequence[Path]
) -> Source:
    """Return the source of tables that are files; names of documents are replaced by their texts.

    Args:
        own: the files of the tables; texts are looked for beside the first and below its folder.

    Raises:
        DataError: a column holds names rather than texts, and these are not found.
    """
    return joined_source(name, location, tables, spec, notes, own) or open_tables(name, location, tables, spec, notes)


def joined_source(
    name: str, location: str, tables: Sequence[tuple[str, Table]], spec: DatasetSpec, notes: Sequence[str], own: Sequence[Path]
) -> JoinedSource | None:
    """Return the source of tables in which names were replaced; None where there is nothing to join. See `table_source`."""
    if spec.literal or IN_MEMORY.search(own[0].as_posix()):
        return None
    for _, table in tables:
        table.on_bad = pass_over
    try:
        shaped, shape_notes = shaped_tables(tables, spec.columns, written=not spec.literal)
        shaped[0][1].columns()
    except DataError:
        return None  # it is reported where the rows are read
    found = Joiner([table for _, table in shaped], spec, own).run()
    if not found.lookups:
        return None
    joined = [(split, JoinedTable(table, found.lookups)) for split, table in shaped]
    spec = spec.model_copy(update={"columns": found.columns})
    source = JoinedSource(name, location, joined, spec, [*notes, *shape_notes, *found.notes])
    source.corpus = found.lookups.get(found.positive)
    return source
