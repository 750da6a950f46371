"""Texts to embed, one a row, with an id each: a text file, a table, or standard input. Streams; nothing is held.

Unlike a source of training rows it keeps every row in its place: a row that cannot be used ends the work, unless the user says
what to do with it.
"""

from __future__ import annotations

import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from numbers import Number
from pathlib import Path
from typing import IO, Literal

from data.errors import DataError, nearest
from data.sources.cells import INVISIBLE, PLACEHOLDERS, clean_text
from data.sources.readers import READERS, Reader, Row, decoded, lines, open_reader, readable
from data.sources.shapes import shaped
from data.sources.table import Table
from data.sources.text_folder import FolderReader
from data.spec import ColumnSpec

MEMORY = "the texts in memory"
"""Stands for a file's name in messages."""
STDIN = "-"
"""Stands for standard input, a text a line."""
LINES = frozenset({".txt", ".text"})
"""Suffixes of files with a text a line."""

TEXT_NAMES = ("text", "texts", "document", "passage", "content", "sentence", "query", "question")
ID_NAMES = ("_id", "id", "doc_id", "docid", "document_id", "query_id")
"""Columns that are taken where none is named, the first that is there."""

INDEX_NAMES = ("Unnamed: 0", "index", "__index_level_0__")
"""Columns in which pandas leaves the numbers of rows."""

Empty = Literal["fail", "skip", "keep"]
"""What to do with a row without a text: end, leave it out, or embed the empty text."""
EMPTY_HINT = "give the text; --empty skip leaves such rows out, --empty keep embeds the empty text"
LONGEST_PLACEHOLDER = max(map(len, PLACEHOLDERS))
LOOKED_AT = 1000
"""Rows from the beginning that are looked at to tell a column of numbers from a number among texts."""


def nothing_in(value: object) -> str | None:
    """Return how a cell says that it holds nothing, in words; None of one that holds something.

    >>> nothing_in(float("nan")), nothing_in(None), nothing_in(" "), nothing_in("a"), nothing_in(0)
    ('the cell is empty (NaN)', 'the cell is empty (null)', 'the text is empty', None, None)
    """
    if value is None:
        return "the cell is empty (null)"
    kind = type(value).__name__
    if kind in ("NAType", "NaTType"):  # of pandas, which need not be there
        return f"the cell is empty ({kind.removesuffix('Type')})"
    if isinstance(value, float) and math.isnan(value):
        return "the cell is empty (NaN)"
    return "the text is empty" if isinstance(value, str) and not value.strip() else None


def is_number(value: object) -> bool:
    """Tell whether a cell holds a number; a truth value is none."""
    return isinstance(value, Number) and not isinstance(value, bool)


def what_is(value: object) -> str:
    """Return what a cell holds that is no text, in words.

    >>> what_is(5), what_is(True), what_is([1]), what_is({})
    ('the number 5', 'the truth value True', 'a list', 'an object')
    """
    if isinstance(value, bool):
        return f"the truth value {value}"
    if is_number(value):
        return f"the number {value}"
    named = {"dict": "an object", "list": "a list", "bytes": "bytes"}
    return named.get(type(value).__name__, f"a {type(value).__name__}")


@dataclass(frozen=True)
class TextRow:
    """One text. `id` is what the id column says, or the number of its line or row, from 1."""

    id: str
    text: str


class LinesReader(Reader):
    """A text a line, as the column "text"."""

    def columns(self) -> list[str]:
        """Return the one column."""
        return ["text"]

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the lines, without line ends."""
        for number, text in lines(self.path, self.place):
            yield number, {"text": text.rstrip("\r\n")}


class StdinReader(LinesReader):
    """Standard input, a text a line. It can be read once."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(Path(STDIN), "standard input")
        self.place = "standard input"
        self._stream = stream

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the lines, without line ends."""
        for number, text in decoded(self._stream, self.place):
            yield number, {"text": text.rstrip("\r\n")}


class MemoryReader(LinesReader):
    """Texts in memory as the column "text", with ids of their own as the column "id"."""

    unit = "text"

    def __init__(self, texts: Sequence[str], ids: Sequence[str] | None) -> None:
        super().__init__(Path(MEMORY), MEMORY)
        self._texts, self._ids = texts, ids

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Give the texts, numbered from 1."""
        for number, text in enumerate(self._texts, start=1):
            yield number, {"text": text} if self._ids is None else {"text": text, "id": self._ids[number - 1]}


@dataclass
class TextRows:
    """The texts of a file; iterating reads it from its start.

    Attributes:
        reader: of the file.
        columns: that are joined by a blank into the text; of several, those without a value in a row are left out.
        id_column: None for line or row numbers.
        empty: what to do with a row without a text.
        notes: what the user should read.
        skipped: rows that the last pass left out.
        placeholders: texts of the last pass that stand for a missing one, such as "nan", with how often each came.
        empty_hint: what helps where a row without a text ends the work.
    """

    reader: Table
    columns: tuple[str, ...]
    id_column: str | None
    empty: Empty = "fail"
    notes: list[str] = field(default_factory=list)
    skipped: int = 0
    placeholders: Counter[str] = field(default_factory=Counter)
    empty_hint: str = EMPTY_HINT

    @property
    def once(self) -> bool:
        """Whether it can be read only once."""
        return isinstance(self.reader, StdinReader)

    def __iter__(self) -> Iterator[TextRow]:
        """Yield the rows, in the order of the file.

        Raises:
            DataError: a row has no text or no id, or the file is broken there.
        """
        self.skipped = 0
        self.placeholders.clear()
        wanted = [*self.columns, *([self.id_column] if self.id_column else [])]
        for number, values in self.reader.rows(wanted):
            parts = [self._part(values.get(column), number, column) for column in self.columns]
            text = " ".join(part for part in parts if part)
            if not text or (not text.isascii() and all(unicodedata.category(sign) in INVISIBLE for sign in text)):
                if self.empty == "skip":
                    self.skipped += 1
                    continue
                if self.empty == "fail":
                    what = nothing_in(values.get(self.columns[0])) or "the text is empty: it holds invisible characters only"
                    raise DataError(what, where=self.reader.where(number, self._shown_column()), hint=self.empty_hint)
            else:
                text = self._checked(text, number)
                if (
                    len(text) <= LONGEST_PLACEHOLDER
                    and text.casefold() in PLACEHOLDERS
                    and not isinstance(self.reader, LinesReader)
                ):
                    self.placeholders[text] += 1
            yield TextRow(str(number) if self.id_column is None else self._id(values.get(self.id_column), number), text)

    def _shown_column(self) -> str | None:
        return None if isinstance(self.reader, LinesReader) or len(self.columns) > 1 else self.columns[0]

    def _part(self, value: object, number: int, column: str) -> str:
        if nothing_in(value) is not None:
            return ""
        if isinstance(value, str):
            return value.strip()
        where = self.reader.where(number, column)
        hint = "name a column that holds texts: --column NAME"
        if is_number(value):
            if not self._has_texts(column):
                others = ", ".join(name for name in self.reader.columns() if name not in (*self.columns, self.id_column))
                hint += f" (there are {others})" if others else ""
                raise DataError("the column holds numbers, not texts", where=where, hint=hint)
            hint = f'write it as a text ("{value}"), or remove the row'
        raise DataError(f"the cell holds {what_is(value)}, not a text", where=where, hint=hint)

    def _has_texts(self, column: str) -> bool:
        """Tell whether a text is in one of the first rows of a column; a stream has nothing else."""
        rows = islice(self.reader.rows([column]), LOOKED_AT)
        return self.once or any(isinstance(values.get(column), str) for _, values in rows)

    def _checked(self, text: str, number: int) -> str:
        try:
            return clean_text(text, self.reader.where(number, self._shown_column()))
        except DataError as error:
            raise DataError(error.what, where=error.where, hint="correct the text, or remove the row") from None

    def _id(self, value: object, number: int) -> str:
        if isinstance(value, float) and value.is_integer():  # as pandas writes whole numbers beside an empty cell
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            missing = nothing_in(value) is not None
            what = "the id is missing" if missing else f"the cell holds {what_is(value)}, not an id"
            hint = "give each row an id, a text or a whole number; or take another column with --id-column NAME"
            raise DataError(what, where=self.reader.where(number, self.id_column), hint=hint)
        return str(value)


def texts_in_memory(texts: Sequence[str], ids: Sequence[str] | None = None, empty: Empty = "fail") -> TextRows:
    """Give texts in memory as if they stood in a file.

    Args:
        texts: N texts.
        ids: N ids; by default the numbers of the texts, from 1.
        empty: what to do with an empty text.

    Raises:
        DataError: there is not one id a text.
    """
    if ids is not None and len(ids) != len(texts):
        raise DataError(f"{len(ids):,} ids for {len(texts):,} texts", where=MEMORY, hint="give one id per text")
    return TextRows(MemoryReader(texts, ids), ("text",), None if ids is None else "id", empty)


def open_texts(
    place: str, columns: Sequence[str] = (), id_column: str | None = None, empty: Empty = "fail", stdin: IO[bytes] | None = None
) -> TextRows:
    """Open the texts of a file, or of standard input.

    Args:
        place: path of a .txt file (a text a line), of a table (CSV, TSV, JSON, JSONL, Parquet, Excel) or of a folder of
            files of one text each (.md, .txt, .html, .rst), or "-".
        columns: that hold the text; found by their usual names where none is named.
        id_column: that holds the id; the same.
        empty: what to do with a row without a text.
        stdin: what "-" reads; by default standard input.

    Raises:
        DataError: there is no such file or column, or it is not clear which column is meant.
    """
    if place == STDIN:
        reader: Reader = StdinReader(sys.stdin.buffer if stdin is None else stdin)
    else:
        path = Path(place).expanduser()
        with readable(path, place):
            folder = path.is_dir()
            if not folder and not path.is_file():
                hint = f"name one file: .txt {' '.join(READERS)}, a folder of texts, or - for standard input"
                raise DataError("no such file", where=place, hint=hint)
        if folder:
            reader = FolderReader(path, path.resolve().name)
        else:
            reader = LinesReader(path, path.name) if path.suffix.lower() in LINES else open_reader(path, path.name, setting=None)
    if isinstance(reader, LinesReader):
        if columns or id_column:
            raise DataError("lines of text have no columns", where=reader.place, hint="leave out --column and --id-column")
        return TextRows(reader, ("text",), None, empty)
    unit = reader.unit
    # lists and objects that are written as text stay the texts that they are
    table, shape_notes = shaped(reader, ColumnSpec(negatives=[*columns, *([id_column] if id_column else [])]), written=False)
    texts = _chosen(table, columns, id_column, empty, unit, shape_notes)
    reader.keep_blank = texts.id_column is None  # of texts with an id none depends on its place
    return texts


def _chosen(
    reader: Table, columns: Sequence[str], id_column: str | None, empty: Empty, unit: str, shape_notes: Sequence[str]
) -> TextRows:
    """Return the texts of a table, in the columns that are named or usual."""
    present = reader.columns()
    for name in (*columns, *([id_column] if id_column else [])):
        _check_column(name, present, reader)
    chosen = tuple(columns) or _text_columns(present, reader)
    ids = id_column or next((name for name in ID_NAMES if name in present and name not in chosen), None)
    notes = [*reader.notes, *shape_notes]
    if not columns or (ids and not id_column):
        notes.append(f"{reader.shown}: text from {' and '.join(chosen)}, id from {ids or f'the {unit} number'}")
    return TextRows(reader, chosen, ids, empty, notes)


def _text_columns(present: Sequence[str], reader: Table) -> tuple[str, ...]:
    """Choose the column or columns of the text, where the user names none."""
    if "_id" in present and "text" in present and "title" in present:
        return ("title", "text")  # a BEIR corpus, whose documents are both
    others = [name for name in present if name not in (*ID_NAMES, *INDEX_NAMES)]
    if len(others) == 1:
        return (others[0],)
    found = [name for name in TEXT_NAMES if name in present]
    if len(found) == 1:
        return (found[0],)
    what = "several columns could hold the text" if found else "no column has a usual name for texts"
    raise DataError(what, where=reader.place, hint=f"choose with --column NAME; columns are {', '.join(present)}")


def _check_column(name: str, present: Sequence[str], reader: Table) -> None:
    if name in present:
        return
    near = nearest(name, present)
    hint = f"did you mean {near!r}?" if near else f"columns are {', '.join(present)}"
    raise DataError(f"there is no column {name!r}", where=reader.place, hint=hint)
