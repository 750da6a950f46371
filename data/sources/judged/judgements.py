"""A file of judgements: which document belongs to which query, in the forms that people have.

BEIR (a header, three columns), TREC (no header, four columns, of which the second means nothing), three columns or two without a
header, further columns, and tables with named columns (CSV, JSON, JSONL, Parquet).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from data.errors import DataError
from data.schema import SPLITS
from data.sources.columns.column_roles import SPLIT_NAMES, plain, show
from data.sources.columns.score_range import parse_score
from data.sources.compressed import kind_of
from data.sources.joins.looks import cell, cells
from data.sources.readers import READERS, lines, open_reader
from data.sources.rows import SPLIT_ALIASES
from data.sources.table import Table

HEADER = "query-id, corpus-id, score, separated by tabs"
LINED = frozenset({".tsv", ".txt", ".csv", ".qrels", ".qrel", ".trec"})
"""Kinds of files that are read by line; others have named columns."""
BEIR_CELLS, TREC_CELLS, RUN_CELLS = 3, 4, 6
HEAD_LINES = 1000
"""Lines by which the form of a file is told."""

TREC_NOTE = "read as TREC's judgements: query, iteration (not used), document, grade"

QUERY_NAMES = ("queryid", "qid", "query", "questionid", "question", "topic", "topicid")
DOCUMENT_NAMES = (
    *("corpusid", "docid", "documentid", "pid", "passageid", "did", "docno", "corpus", "document", "doc", "passage"),
    *("articleid", "answerid", "positiveid", "positiveids", "docids", "documentids", "corpusids", "relevantdocs", "relevantids"),
    *("positives", "relevantdocids", "passageids"),
)
GRADE_NAMES = ("score", "relevance", "label", "grade", "rel", "judgement", "judgment", "rating", "relevant", "qrel")
"""Names of columns without case and separators."""

Judgement = tuple[int, str, str, float]
"""Line, query id, document id, grade."""


@dataclass(frozen=True)
class Form:
    """How the lines of a file are read.

    Attributes:
        cut: makes cells of a line.
        places: of query, document and grade among the cells; without a place for the grade all have grade 1.
        header: whether the first line names the columns.
        cells: how many each line has; None: at least as many as are read.
        note: what the user should know.
        split: place of the split of each judgement, None where the file has one for all.
    """

    cut: Callable[[str], list[str]]
    places: tuple[int, int, int | None]
    header: bool
    cells: int | None = None
    note: str = ""
    split: int | None = None


class Judged(Protocol):
    """Some judgements of one split: `path` is the file that holds them, `shown` its name in row ids, `place` that for errors."""

    path: Path
    shown: str
    place: str
    notes: list[str]

    def where(self, number: int) -> str:
        """Return the place of a judgement for a message."""

    def rows(self) -> Iterator[Judgement]:
        """Yield each judgement, those of grade 0 too."""


class Judgements:
    """One file of judgements; of `split` those alone that a column of the file says to be of it."""

    def __init__(self, path: Path, shown: str, split: str | None = None) -> None:
        self.path, self.shown, self.place, self.split = path, shown, str(path), split
        self.notes: list[str] = []
        self._table: Table | None = None
        self._names: tuple[str, str, str | None] = ("", "", None)
        self._split_name: str | None = None
        self._form: Form | None = None
        if kind_of(path) in LINED:
            self._form = _form_of(path)
            note = self._form.note
        else:
            self._table = open_reader(path, shown)
            self._names, note = _named(self._table)
            self._split_name = _one(self._table.columns(), SPLIT_NAMES)
        if note:
            self.notes.append(f"{shown}: {note}")

    @property
    def graded(self) -> bool:
        """Whether it has grades: rows without are pairs of ids."""
        return (self._names[2] if self._form is None else self._form.places[2]) is not None

    def splits(self) -> dict[str, Judgements]:
        """Return the judgements by split, where a column names it; nothing otherwise, as of a table with other words there.

        Raises:
            DataError: a file of lines has another word there.
        """
        if self._table is not None and any(one.strip().lower() not in SPLIT_ALIASES for _, one in self._split_cells()):
            self._split_name = None
        found = {self._split_of(cell, number) for number, cell in self._split_cells()}
        return {split: Judgements(self.path, self.shown, split) for split in SPLITS if split in found}

    def _split_cells(self) -> Iterator[tuple[int, str]]:
        if self._table is not None and self._split_name is not None:
            for number, values in self._table.rows([self._split_name]):
                yield number, str(values.get(self._split_name))
        elif self._form is not None and (place := self._form.split) is not None:
            header = True
            for number, text in lines(self.path, self.place):
                cells = self._form.cut(text)
                if text.strip() and not header and len(cells) > place:
                    yield number, cells[place]
                header = header and not text.strip()

    def _split_of(self, written: str, number: int) -> str:
        split = SPLIT_ALIASES.get(written.strip().lower())
        if split is None:
            raise DataError(
                f"{written[:60]!r} is not a split", where=self.where(number), hint="write train, dev (or validation) or test"
            )
        return split

    def where(self, number: int) -> str:
        """Return the place of a judgement for a message."""
        return f"{self.place}, line {number}" if self._table is None else self._table.where(number)

    def rows(self) -> Iterator[Judgement]:
        """Yield each judgement, those of grade 0 too. Raises `DataError` for one that cannot be read."""
        return self._of_lines(self._form) if self._form is not None else self._of_table()

    def _of_lines(self, form: Form) -> Iterator[Judgement]:
        header: list[str] | None = [] if form.header else None
        query, document, grade = form.places
        least = max(place for place in form.places if place is not None) + 1
        for number, text in lines(self.path, self.place):
            if not text.strip():
                continue
            cells = form.cut(text)
            if header and cells == header:
                continue  # files that were put together bring a header each
            where = self.where(number)
            if len(cells) != form.cells if form.cells is not None else len(cells) < least:
                hint = f"write three columns: {HEADER}"
                found = f"{len(cells)} columns separated by tabs" if len(cells) > 1 else "no tab in the line"
                raise DataError(f"{found}, where three columns are expected", where=where, hint=hint)
            if header is not None and not header:
                header = cells
                continue
            if form.split is not None and len(cells) > form.split and not self._is_wanted(cells[form.split], number):
                continue
            score = 1.0 if grade is None else parse_score(cells[grade], f'{where}, column "score"')
            yield number, cells[query], cells[document], score

    def _is_wanted(self, written: str, number: int) -> bool:
        return self.split is None or self._split_of(written, number) == self.split

    def _of_table(self) -> Iterator[Judgement]:
        if self._table is None:
            raise ValueError("a file of judgements has lines or columns")
        query, document, grade = self._names
        for number, values in self._table.rows([name for name in (*self._names, self._split_name) if name]):
            if self._split_name is not None and not self._is_wanted(str(values.get(self._split_name)), number):
                continue
            asked, found = cell(values.get(query)), cells(values.get(document))
            for column, there in ((query, asked), (document, found)):
                if not there:
                    sample = f'{{"{query}": "q1", "{document}": "d1", "{grade or "score"}": 1}}'
                    raise DataError(f"no {column}", where=self.where(number), hint=f"write {sample}")
            score = 1.0 if grade is None else parse_score(values.get(grade), self._table.where(number, grade))
            for one in found:
                yield number, str(asked), one, score


def _named(table: Table) -> tuple[tuple[str, str, str | None], str]:
    """Return the columns of query, document and grade, and what is said about them."""
    columns = table.columns()
    found = [_one(columns, names) for names in (QUERY_NAMES, DOCUMENT_NAMES, GRADE_NAMES)]
    query, document, grade = found
    if query is None or document is None:
        raise DataError(
            f"the names of the columns do not say which hold the ids. Columns found: {show(columns)}",
            where=table.place,
            hint='call them query-id, corpus-id and score: {"query-id": "q1", "corpus-id": "d1", "score": 1}',
        )
    said = f"query from {query!r}, document from {document!r}, " + (f"grade from {grade!r}" if grade else "each judged relevant")
    return (query, document, grade), said


def _one(columns: Sequence[str], names: Sequence[str]) -> str | None:
    return next((column for name in names for column in columns if plain(column) == name), None)


def _by_tab(text: str) -> list[str]:
    return [cell.strip() for cell in text.rstrip("\r\n").split("\t")]


def _by_blank(text: str) -> list[str]:
    return text.split()


def _by_comma(text: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([text.rstrip("\r\n")], skipinitialspace=True), [])]


def _form_of(path: Path) -> Form:
    """Tell the form of a file from its first lines; BEIR's, which reports what is wrong, where no other fits."""
    head = [text for _, text in islice(((n, t) for n, t in lines(path, str(path)) if t.strip()), HEAD_LINES)]
    beir = Form(_by_tab, (0, 1, 2), header=True, cells=BEIR_CELLS)
    if not head:
        return beir
    cut = _by_tab if "\t" in head[0] else _by_comma if "," in head[0] else _by_blank
    if cut is _by_blank and len(head[0].split()) == 1:
        return beir
    rows = [cut(text) for text in head]
    first = rows[0]
    if len(first) == RUN_CELLS and first[1].upper() == "Q0":
        raise DataError(
            "this is a ranking of documents (a TREC run), not judgements",
            where=str(path),
            hint=f"give a file of judgements: {HEADER}",
        )
    names = [plain(name) for name in first]
    if _is_header(names, first):
        return _headed(first, names, rows[1:], cut, path)
    return _bare(rows, cut, path)


def _is_header(names: Sequence[str], first: Sequence[str]) -> bool:
    known = {*QUERY_NAMES, *DOCUMENT_NAMES, *GRADE_NAMES}
    return (len(first) >= BEIR_CELLS and not any(is_number(one) for one in first[2:])) or sum(n in known for n in names) >= 2


def _headed(first: list[str], names: list[str], rows: list[list[str]], cut: Callable[[str], list[str]], path: Path) -> Form:
    """Return the form of a file with a header: by its names where these are known, otherwise in BEIR's order."""
    query, document = ([i for i, n in enumerate(names) if n in known] for known in (QUERY_NAMES, DOCUMENT_NAMES))
    grade = [i for i, n in enumerate(names) if n in GRADE_NAMES]
    split = next((i for i, name in enumerate(names) if name in SPLIT_NAMES), None)
    if len(query) == len(document) == 1 and len(grade) <= 1:
        rest = [i for i in range(len(first)) if i not in (query[0], document[0], split)]
        third = (
            rest[0]
            if rest and len(first) == BEIR_CELLS and any(len(row) > rest[0] and is_number(row[rest[0]]) for row in rows)
            else None
        )
        places = (query[0], document[0], grade[0] if grade else third)
    elif len(first) == BEIR_CELLS:
        places = (0, 1, 2)
    else:
        raise DataError(
            f"{len(first)} columns, whose names do not say which are query, document and score. Columns found: {show(first)}",
            where=f"{path}, line 1",
            hint=f"write three columns: {HEADER}",
        )
    plainly = cut is _by_tab and places == (0, 1, 2) and len(first) == BEIR_CELLS
    lengths = {len(row) for row in rows}
    if (plainly and BEIR_CELLS in lengths) or not lengths:
        return Form(cut, places, header=True, cells=BEIR_CELLS if plainly else None)
    more = [repr(first[i]) for i in range(len(first)) if i not in (*places, split)]
    note = f"columns not used: {', '.join(more)}" if more else ""
    if (plainly and lengths == {BEIR_CELLS + 1}) or (not more and min(lengths) > len(first)):
        note = "the first line names three columns, and the rows have more: what comes after the score is not used"
        return Form(cut, places, header=True, note=note)
    if plainly:
        return Form(cut, places, header=True, cells=BEIR_CELLS)
    return Form(cut, places, header=True, cells=None, note=note, split=split)


def _bare(rows: list[list[str]], cut: Callable[[str], list[str]], path: Path) -> Form:
    """Return the form of a file without a header."""
    lengths = {len(row) for row in rows}
    if lengths == {TREC_CELLS}:
        if len({row[1] for row in rows}) == 1 and all(is_number(row[3]) for row in rows):
            return Form(
                cut, (0, 2, 3), header=False, note="read as TREC's judgements: query, iteration (not used), document, grade"
            )
        if all(is_number(row[2]) for row in rows) and not all(is_number(row[3]) for row in rows):
            note = "no header; read as query, document, grade; a fourth column is not used"
            return Form(cut, (0, 1, 2), header=False, note=note)
    if lengths == {BEIR_CELLS} and all(is_number(row[2]) for row in rows):
        return Form(cut, (0, 1, 2), header=False, note="no header; read as query, document, grade")
    if lengths == {2}:
        return Form(cut, (0, 1, None), header=False, note="no header; read as query and document, each judged relevant")
    raise DataError(
        "the header is missing" if len(rows[0]) == BEIR_CELLS else f"{len(rows[0])} columns, of which the meaning is not clear",
        where=f"{path}, line 1",
        hint=f"add a first line: {HEADER}",
    )


def is_number(text: str) -> bool:
    """Tell whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def readable_kind(path: Path) -> bool:
    """Tell whether a file may be one of judgements, by its suffix."""
    return kind_of(path) in LINED or kind_of(path) in READERS
