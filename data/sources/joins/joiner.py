"""Which columns of a data set name their texts, and where these texts are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.sources.columns.column_roles import ANCHOR_NAMES, ANSWER_NAMES, POSITIVE_NAMES, SCORE_NAMES, is_known, plain, recognise
from data.sources.columns.roles import setting
from data.sources.joins.looks import are_file_names, are_ids, are_nothing_but_ids, cells, could_be_names
from data.sources.joins.lookups import LITERAL, Lookup, find_in_files, find_in_tables, sibling_tables
from data.sources.joins.text_files import TextFiles, files_below
from data.sources.table import Table
from data.sources.text_tables import keys_of, query_text
from data.spec import ColumnSpec, DatasetSpec

NO_NAMES = ("id", "idx", "index")
"""Columns that number the rows themselves."""

SAMPLE_ROWS = 200
"""Rows by which it is decided whether a column is worth looking up."""

QUERY_ID_NAMES = ("qid", "queryid", "questionid")
DOCUMENT_ID_NAMES = (
    *("docid", "documentid", "pid", "passageid", "corpusid", "did", "answerid", "positiveid", "articleid"),
    *("docids", "documentids", "passageids", "corpusids", "answerids", "articleids", "posid", "posids", "positiveids", "goldid"),
    *("positivedocid", "positivedocids", "positivedocumentid", "positivedocumentids", "positivepassageid", "positivepassageids"),
    *("relevantdocids", "relevantdocumentids", "relevantids", "goldids"),
    *("docfile", "docpath", "documentfile", "documentpath", "file", "filename", "filepath", "path"),
)
"""Names of columns that hold names of queries or documents, without case and separators."""
QUERY_TEXT_NAMES = ("querytext", "questiontext")
NEGATIVE_ID = re.compile(r"(?:hard)?neg(?:ative)?s?(?:doc(?:ument)?s?|passages?|corpus)?ids?\d*")
"""Names of columns that hold names of negatives."""


@dataclass
class Joiner:
    """Looks at the columns of texts, and looks up those that hold names."""

    tables: Sequence[Table]
    spec: DatasetSpec
    files: Sequence[Path]
    lookups: dict[str, Lookup] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    columns: ColumnSpec = field(default_factory=ColumnSpec)
    positive: str = ""
    queries: Sequence[str] = ()
    _below: TextFiles | None = None

    def run(self) -> Joiner:
        """Look up what the columns of texts name. Raises `DataError` where names are not found."""
        self.columns = self.spec.columns
        first = self.tables[0]
        for table in self.tables:
            table.on_bad = pass_over
        columns = [column for column in first.columns() if column]
        try:
            roles = recognise(columns, self.columns, first.place)
        except DataError:
            self._without_roles(columns)
            return self
        self.positive, self.queries = roles.second, [roles.first]
        self._look_at(self.queries, queries=True)
        self._look_at([roles.second, *roles.negatives], queries=False)
        return self

    def _without_roles(self, columns: Sequence[str]) -> None:
        """Join where the names of the columns do not say what belongs together, but one is called after ids, or holds some."""
        given = self.spec.columns
        if given.anchor or given.positive or given.sentence1 or given.category:
            return
        anchor = _one(columns, ANCHOR_NAMES) or _one(columns, QUERY_TEXT_NAMES) or _one(columns, QUERY_ID_NAMES)
        anchor = anchor or query_text(columns) or self._only_texts(columns)
        named = _one(columns, POSITIVE_NAMES) or _one(columns, DOCUMENT_ID_NAMES)
        if anchor is None or anchor == named:
            return
        called = named is not None and plain(named) in DOCUMENT_ID_NAMES
        self.queries = [anchor]
        self._look_at(self.queries, queries=True, surely=named is not None and plain(anchor) in QUERY_ID_NAMES)
        if named is not None:
            self._look_at_named(named, [column for column in columns if column not in (anchor, named)], called)
        else:
            named = self._by_value([column for column in columns if column != anchor])
        if named is None:
            self.lookups.clear()
            return
        self.positive = named
        negatives = [column for column in columns if NEGATIVE_ID.fullmatch(plain(column)) and named in self.lookups]
        self._look_at(negatives, queries=False, surely=True)
        score = given.score or (None if negatives else _one(columns, SCORE_NAMES))
        roles = {"anchor": anchor, "positive": named, "score": score, "negatives": list(given.negatives) or negatives}
        self.columns = given.model_copy(update=roles)

    def _look_at_named(self, named: str, others: Sequence[str], called: bool) -> None:
        """Look up a column of names; where none is found, but the texts stand in a column beside it, that is said."""
        try:
            self._look_at([named], queries=False, surely=called)
        except DataError as error:
            texts = [column for column in others if not could_be_names(self._values(column, SAMPLE_ROWS))]
            if len(texts) != 1 or not called:
                raise
            score = _one(others, SCORE_NAMES)
            settings = [
                setting("anchor", self.queries[0]),
                setting("positive", texts[0]),
                *([setting("score", score)] if score else []),
            ]
            hint = f"if the texts are in {texts[0]!r}, name the columns: {' '.join(settings)}; otherwise {error.hint}"
            raise DataError(error.what, where=error.where, hint=hint) from None

    def _only_texts(self, columns: Sequence[str]) -> str | None:
        """Return the only column of texts beside one that is called after ids, whatever these are called."""
        if not any(plain(column).endswith(("id", "ids")) and plain(column) not in NO_NAMES for column in columns):
            return None
        found = [column for column in columns if not could_be_names(self._values(column, SAMPLE_ROWS))]
        return found[0] if len(found) == 1 else None

    def _by_value(self, columns: Sequence[str]) -> str | None:
        """Return the only column whose values are found in a table or as files; None where there is none, or more than one."""
        before, notes, found = dict(self.lookups), list(self.notes), []
        for column in columns:
            if plain(column) in NO_NAMES or (not plain(column).endswith("id") and all(map(str.isdigit, self._values(column)))):
                continue  # stars and years are among the ids of any table
            self._look_at([column], queries=False, refuse=False)
            if column in self.lookups:
                found.append(column)
        if len(found) != 1:
            self.lookups, self.notes = before, notes
            return None
        return found[0]

    def _values(self, column: str, most: int | None = None) -> set[str]:
        """Return the distinct cells of a column, which may be lists; of the first rows of each table, or of all."""
        found: set[str] = set()
        for table in self.tables:
            with suppress(DataError):  # it is reported where the rows are made
                for _, values in islice(table.rows([column]), most):
                    found.update(cells(values.get(column)))
        return found

    def _look_at(self, group: Sequence[str], queries: bool, surely: bool = False, refuse: bool = True) -> None:
        """Look up the names in those columns that hold such. `surely`: the first is called so. `refuse`: what is not found."""
        if not group:
            return
        columns = [column for column in group if could_be_names(self._values(column, SAMPLE_ROWS))]
        if not columns or columns[0] != group[0]:
            return
        names = set[str]().union(*(self._values(column) for column in columns))
        if len(names) < 2 or not could_be_names(names):
            return
        if plain(columns[0]) in ANSWER_NAMES and all(map(str.isdigit, names)):
            return  # sums have such answers
        column = ", ".join(columns)
        folder = self.files[0].parent
        siblings = sibling_tables(folder, self.files, queries)
        lookup, part = find_in_tables(names, siblings, queries)
        files = None
        if lookup is None and (surely or not queries or are_file_names(names) or are_ids(names)):
            files = self._files(folder)
            lookup, there = find_in_files(names, files)
            part = part or there
        if (
            lookup is not None
            and lookup.guessed
            and not self._is_called_so(columns[0], lookup)
            and not are_nothing_but_ids(names)
        ):
            if refuse and not queries:  # of queries it is more likely that people search for them as they stand
                raise self._guess(columns[0], lookup)
            return
        if lookup is not None:
            self.lookups |= dict.fromkeys(columns, lookup)
            number = sum(name in lookup.texts for name in names)
            shown = f" ({lookup.example()})" if lookup.guessed else ""
            self.notes.append(f"{column}: {number:,} {lookup.kind}, read from there{shown}")
            self.notes += lookup.notes
            return
        expected = any(sibling.expected and keys_of(sibling.columns, queries) for sibling in siblings)
        if refuse and (surely or part or (are_file_names(names) and len(names) > 2) or (are_ids(names) and expected)):
            raise self._refusal(columns[0], names, [sibling.reader.shown for sibling in siblings], files, part)

    def _is_called_so(self, column: str, lookup: Lookup) -> bool:
        """Tell whether the name of a column says that it holds ids, or is that of the ids in the table."""
        name = plain(column)
        return name.endswith(("id", "ids")) or (lookup.table is not None and name == plain(lookup.table.keys.id))

    def _guess(self, column: str, lookup: Lookup) -> DataError:
        """Say that the texts of a column stand in a table, too, as ids perhaps, and how either is settled."""
        table = Path(lookup.place)
        rename = f"mv {shlex.quote(str(table))} {shlex.quote(str(table.with_name(f'documents{table.suffix}')))}"
        return DataError(
            f"the texts of column {column!r} are {lookup.kind} as well ({lookup.example()}): are they texts, or do they stand"
            " for those?",
            where=self.tables[0].place,
            hint=f"{LITERAL}; to read the texts of {table.name} in their place: {rename}",
        )

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
            outside = any((folder / name).is_file() for name in names)
            where = f"move {self.files[0].name} above them: files outside of its folder are not read"
            more = where if outside else f"put the files below {folder}/"
        elif part or tables:
            more = f"correct the {kind}, or add the texts that are missing there"
        return DataError(
            f"column {column!r} holds {kind} ({some}) rather than texts; {found} ({sought})",
            where=self.tables[0].place,
            hint=f"{more}; {LITERAL}" + ("" if is_known(column) else f" {setting('positive', column)}"),
        )


def _one(columns: Sequence[str], names: Sequence[str]) -> str | None:
    found = [column for column in columns if plain(column) in names]
    return found[0] if len(found) == 1 else None


def pass_over(error: DataError) -> None:
    """Skip a row that cannot be read."""
