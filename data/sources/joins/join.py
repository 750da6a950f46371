"""Tables in which a column names documents rather than holding them: recognised, looked up, and said; or refused.

Only where nearly all values are found is anything joined. Rows whose name is not found are then bad rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.schema import Document, RowKind, Source
from data.sources.classes.source import open_tables
from data.sources.column_roles import ANCHOR_NAMES, POSITIVE_NAMES, SCORE_NAMES, plain, recognise
from data.sources.joins.looks import are_file_names, are_ids, cells, could_be_names
from data.sources.joins.lookups import Lookup, find_in_files, find_in_tables, sibling_tables
from data.sources.joins.text_files import TextFiles, files_below
from data.sources.rows import TableSource
from data.sources.table import Table
from data.spec import ColumnSpec, DatasetSpec

SAMPLE_ROWS = 200
"""Rows by which it is decided whether a column is worth looking up."""

QUERY_ID_NAMES = ("qid", "queryid", "questionid")
DOCUMENT_ID_NAMES = (
    *("docid", "documentid", "pid", "passageid", "corpusid", "did", "answerid", "positiveid", "articleid"),
    *("docfile", "docpath", "documentfile", "documentpath", "file", "filename", "filepath", "path"),
)
"""Names of columns that hold names of queries or documents, without case and separators."""

IN_MEMORY = re.compile(r"/[0-9a-f]{16}/rows(?:/\w+)?\.\w+$")
"""Where `data.sources.memory` keeps rows that a caller gave: nothing lies beside them."""

LITERAL = "if these are the texts themselves, say so: data.literal=true"


class JoinedTable:
    """A table with the texts in place of their names."""

    def __init__(self, table: Table, lookups: Mapping[str, Lookup]) -> None:
        self.table, self.lookups = table, lookups
        self.shown, self.place, self.notes = table.shown, table.place, table.notes
        self.on_bad: Callable[[DataError], None] | None = None

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return self.table.columns()

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""
        return self.table.where(number, column)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the rows, with texts; a row with a name that was not found is a bad row."""
        self.table.on_bad = self.on_bad
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
        return texts if isinstance(value, list) else texts[0]

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
    if spec.literal or IN_MEMORY.search(own[0].as_posix()):
        return open_tables(name, location, tables, spec, notes)
    found = _Joiner([table for _, table in tables], spec, own).run()
    if not found.lookups:
        return open_tables(name, location, tables, spec, notes)
    joined = [(split, JoinedTable(table, found.lookups)) for split, table in tables]
    source = JoinedSource(name, location, joined, spec.model_copy(update={"columns": found.columns}), [*notes, *found.notes])
    source.corpus = found.lookups.get(found.positive)
    return source


@dataclass
class _Joiner:
    """Looks at the columns of texts, and looks up those that hold names."""

    tables: Sequence[Table]
    spec: DatasetSpec
    files: Sequence[Path]
    lookups: dict[str, Lookup] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    positive: str = ""
    queries: Sequence[str] = ()
    _below: TextFiles | None = None

    def run(self) -> _Joiner:
        self.columns = self.spec.columns
        first = self.tables[0]
        for table in self.tables:
            table.on_bad = _pass_over
        try:
            columns = first.columns()
        except DataError:
            return self  # it is reported where the source is made
        try:
            roles = recognise(columns, self.columns, first.place)
        except DataError:
            roles = None
        if roles is not None:
            anchors, documents, by_name = [roles.first], [roles.second, *roles.negatives], False
        else:
            named = self._named_for_ids(columns)
            if named is None:
                return self  # the error is that of the columns
            self.columns, by_name = named, True
            anchors, documents = [str(named.anchor)], [str(named.positive)]
        self.positive, self.queries = documents[0], anchors
        for group in (anchors, documents):
            self._look_at(group, group is anchors, by_name and plain(group[0]) in (*QUERY_ID_NAMES, *DOCUMENT_ID_NAMES))
        return self

    def _named_for_ids(self, columns: Sequence[str]) -> ColumnSpec | None:
        """Return the columns of query and document where one is called after ids ("doc_id"); otherwise None."""
        if self.spec.columns.anchor or self.spec.columns.positive or self.spec.columns.sentence1:
            return None

        def one(*families: Sequence[str]) -> str | None:
            for names in families:
                if found := [column for column in columns if plain(column) in names]:
                    return found[0] if len(found) == 1 else None
            return None

        anchor = one(ANCHOR_NAMES, QUERY_ID_NAMES)
        positive = one(POSITIVE_NAMES, DOCUMENT_ID_NAMES)
        if anchor is None or positive is None:
            return None
        given = {"anchor": anchor, "positive": positive, "score": self.spec.columns.score or one(SCORE_NAMES)}
        return self.spec.columns.model_copy(update=given)

    def _values(self, column: str, most: int | None = None) -> set[str]:
        """Return the distinct cells of a column, which may be lists; of the first rows of each table, or of all."""
        found: set[str] = set()
        for table in self.tables:
            with suppress(DataError):  # it is reported where the rows are made
                for _, values in islice(table.rows([column]), most):
                    found.update(cells(values.get(column)))
        return found

    def _look_at(self, group: Sequence[str], queries: bool, surely: bool) -> None:
        """Look up the names in some columns, those that hold such. `surely`: the first is called so."""
        columns = [column for column in group if could_be_names(self._values(column, SAMPLE_ROWS))]
        if not columns or columns[0] != group[0]:
            return
        names = set[str]().union(*(self._values(column) for column in columns))
        if len(names) < 2 or not could_be_names(names):
            return
        column = ", ".join(columns)
        folder = self.files[0].parent
        siblings = sibling_tables(folder, self.files, queries)
        lookup, part = find_in_tables(names, siblings, queries)
        files = None
        if lookup is None and (surely or are_file_names(names) or are_ids(names) or not _words(names)):
            files = self._files(folder)
            lookup, there = find_in_files(names, files)
            part = part or there
        if lookup is not None:
            self.lookups |= dict.fromkeys(columns, lookup)
            number = sum(name in lookup.texts for name in names)
            self.notes.append(f"{column}: {number:,} {lookup.kind}, read from there")
            self.notes += lookup.notes
            return
        expected = [sibling.reader.shown for sibling in siblings if sibling.expected]
        if surely or part or (are_file_names(names) and len(names) > 2) or (are_ids(names) and expected):
            raise self._refusal(columns[0], names, [sibling.reader.shown for sibling in siblings], files, part)

    def _files(self, folder: Path) -> TextFiles:
        if self._below is None or self._below.folder != folder:
            self._below = files_below(folder)
        return self._below

    def _refusal(self, column: str, names: set[str], tables: Sequence[str], files: TextFiles | None, part: str) -> DataError:
        """Say that a column holds names of texts that were not found, and where these were looked for."""
        by_file = are_file_names(names)
        kind = "names of files" if by_file else "ids"
        some = ", ".join(repr(name[:60]) for name in sorted(names)[:3])
        folder = self.files[0].parent
        looked = [*tables[:5], *([] if files is None else [f"{len(files.sizes):,} files of text below {folder}/"])]
        sought = f"looked for in {' and '.join(looked)}" if looked else f"no other file is in {folder}/"
        found = part or "none of these texts was found"
        table = "queries" if column in self.queries else "documents"
        more = f"put a file {table}.csv with the columns id and text into {folder}/"
        if by_file:
            more = f"put the files below {folder}/"
        elif part or tables:
            more = f"correct the {kind}, or add the texts that are missing there"
        return DataError(
            f"column {column!r} holds {kind} ({some}) rather than texts; {found} ({sought})",
            where=self.tables[0].place,
            hint=f"{more}; {LITERAL}",
        )


def _words(names: Iterable[str]) -> bool:
    """Tell whether the cells are mere words, which name a file only by chance."""
    return not any(sign.isdigit() or sign in "./\\" for name in names for sign in name)


def _pass_over(error: DataError) -> None:
    """Skip a row that cannot be read."""
