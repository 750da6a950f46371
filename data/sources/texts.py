"""Texts to embed, one a row, with an id each: a text file, a table, or standard input. Streams; nothing is held.

Unlike a source of training rows it keeps every row in its place: a row that cannot be used ends the work, unless the user says
what to do with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from data.errors import DataError, nearest
from data.sources.cells import clean_text
from data.sources.readers import READERS, Reader, Row, decoded, lines, open_reader, readable
from data.sources.text_folder import FolderReader

MEMORY = "the texts in memory"
"""Stands for a file's name in messages."""
STDIN = "-"
"""Stands for standard input, a text a line."""
LINES = frozenset({".txt", ".text"})
"""Suffixes of files with a text a line."""

TEXT_NAMES = ("text", "texts", "document", "passage", "content", "sentence", "query", "question")
ID_NAMES = ("_id", "id", "doc_id", "docid", "document_id", "query_id")
"""Columns that are taken where none is named, the first that is there."""

Empty = Literal["fail", "skip", "keep"]
"""What to do with a row without a text: end, leave it out, or embed the empty text."""


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
    """

    reader: Reader
    columns: tuple[str, ...]
    id_column: str | None
    empty: Empty = "fail"
    notes: list[str] = field(default_factory=list)
    skipped: int = 0

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
        wanted = [*self.columns, *([self.id_column] if self.id_column else [])]
        for number, values in self.reader.rows(wanted):
            parts = [self._part(values.get(column), number, column) for column in self.columns]
            text = " ".join(part for part in parts if part)
            if text:
                text = self._checked(text, number)
            elif self.empty == "skip":
                self.skipped += 1
                continue
            elif self.empty == "fail":
                hint = "give the text; --empty skip leaves such rows out, --empty keep embeds the empty text"
                raise DataError("the text is empty", where=self.reader.where(number, self._shown_column()), hint=hint)
            yield TextRow(str(number) if self.id_column is None else self._id(values.get(self.id_column), number), text)

    def _shown_column(self) -> str | None:
        return None if isinstance(self.reader, LinesReader) or len(self.columns) > 1 else self.columns[0]

    def _part(self, value: object, number: int, column: str) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            what = f"the value is of type {type(value).__name__}, not a text"
            raise DataError(what, where=self.reader.where(number, column), hint="name a column that holds texts: --column NAME")
        return value.strip()

    def _checked(self, text: str, number: int) -> str:
        try:
            return clean_text(text, self.reader.where(number, self._shown_column()))
        except DataError as error:
            if self.empty == "keep" and "empty" in error.what:
                return text
            raise DataError(error.what, where=error.where, hint="correct the text, or remove the row") from None

    def _id(self, value: object, number: int) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            what = "the id is missing" if value in (None, "") else f"the id is of type {type(value).__name__}"
            raise DataError(what, where=self.reader.where(number, self.id_column), hint="give each row an id, a text or a number")
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
        place: path of a .txt file (a text a line), of a table (CSV, TSV, JSON, JSONL, Parquet) or of a folder of files of one
            text each (.md, .txt, .html, .rst), or "-".
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
            reader = LinesReader(path, path.name) if path.suffix.lower() in LINES else open_reader(path, path.name)
    if isinstance(reader, LinesReader):
        if columns or id_column:
            raise DataError("lines of text have no columns", where=reader.place, hint="leave out --column and --id-column")
        return TextRows(reader, ("text",), None, empty)
    present = reader.columns()
    for name in (*columns, *([id_column] if id_column else [])):
        _check_column(name, present, reader)
    chosen = tuple(columns) or _text_columns(present, reader)
    ids = id_column or next((name for name in ID_NAMES if name in present and name not in chosen), None)
    notes = [*reader.notes]
    if not columns or (ids and not id_column):
        notes.append(f"{reader.shown}: text from {' and '.join(chosen)}, id from {ids or f'the {reader.unit} number'}")
    return TextRows(reader, chosen, ids, empty, notes)


def _text_columns(present: Sequence[str], reader: Reader) -> tuple[str, ...]:
    """Choose the column or columns of the text, where the user names none."""
    if "_id" in present and "text" in present and "title" in present:
        return ("title", "text")  # a BEIR corpus, whose documents are both
    others = [name for name in present if name not in ID_NAMES]
    if len(others) == 1:
        return (others[0],)
    found = [name for name in TEXT_NAMES if name in present]
    if len(found) == 1:
        return (found[0],)
    what = "several columns could hold the text" if found else "no column has a usual name for texts"
    raise DataError(what, where=reader.place, hint=f"choose with --column NAME; columns are {', '.join(present)}")


def _check_column(name: str, present: Sequence[str], reader: Reader) -> None:
    if name in present:
        return
    near = nearest(name, present)
    hint = f"did you mean {near!r}?" if near else f"columns are {', '.join(present)}"
    raise DataError(f"there is no column {name!r}", where=reader.place, hint=hint)
