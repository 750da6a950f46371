"""CSV and TSV."""

from __future__ import annotations

import csv
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from data.errors import DataError
from data.foreign_errors import CSV_AFTER_QUOTE, CSV_CARRIAGE_RETURN, CSV_QUOTE_OPEN
from data.sources.compressed import kind_of, opened
from data.sources.readers.base import Row, TextReader, lines, readable
from data.sources.readers.grid import Header, distinct, is_header

SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""What may stand between two columns; tried in this order where the one that the suffix promises is not in the header."""
SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line by which a spreadsheet is told what stands between columns."""
HEAD = 100
"""Rows that are looked at for what the header does not say."""

TITLES = 5
"""Lines below the first in which a header is looked for that is known, where the first is none."""
RULE = re.compile(r":?-{2,}:?")
"""A cell of the line below a header in Markdown."""

QUOTE_HINT = 'close the quote; a quote that is part of a text is doubled ("") in a quoted cell'
CSV_ERRORS = (
    (CSV_QUOTE_OPEN, "a quote opens in this row and is never closed", QUOTE_HINT),
    (CSV_AFTER_QUOTE, "a quoted cell continues after its closing quote", QUOTE_HINT),
    (
        CSV_CARRIAGE_RETURN,
        "there is a carriage return in the line (old Macintosh line ends?)",
        "convert it: `tr '\\r' '\\n' < OLD > NEW`",
    ),
)
"""What the csv module says, what that means, and the way out."""


class DelimitedReader(TextReader):
    """CSV and TSV with a header line. Cells may span lines when quoted."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        # The limit is global to the csv module; long documents in a cell are legitimate.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        self.delimiter = "\t" if kind_of(path) == ".tsv" else ","
        self.quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
        self.before = 0
        self.written = self._read_header()
        names = distinct(self.written, self.place)
        self.header = Header(names, ())
        if self.delimiter == "\t":
            self._try_plain_tabs()
        self.header = Header(names, self._first_records())
        if self.header.note:
            self.notes.append(f"{self.shown}: {self.header.note}")
        self.repeated = self._count_repeated()

    def _read_header(self) -> list[str]:
        filled = ((number, text) for number, text in lines(self.path, self.place) if text.strip())
        number, first = next(filled, (0, None))
        sign = None if first is None else SEP.fullmatch(first.rstrip("\r\n"))
        if sign is not None:
            self.delimiter, self.before = sign[1], number
            if sign[1] not in SIGNS:
                what = f"the first line says that {sign[1]!r} stands between columns, which cannot be read"
                hint = f"separate them by one of {' '.join(map(repr, SIGNS))}"
                raise DataError(what, where=self.place, hint=hint)
            self.notes.append(f"{self.shown}: columns are separated by {SIGNS[sign[1]]}s, as the first line says")
            number, first = next(filled, (0, None))
        if first is None:
            raise DataError("the file is empty", where=self.place, hint="give a file with a header line and rows")
        if not self.before and (found := self._header_below(number, first, filled)):
            self.before, first = found
        if self.delimiter not in first and not sign:
            other = max(SIGNS, key=first.count)
            if other in first:
                self.delimiter = other
                self.notes.append(f"{self.shown}: columns are separated by {SIGNS[other]}s")
        return [name.strip() for name in next(self._records())[1]]

    def _header_below(self, number: int, first: str, filled: Iterator[tuple[int, str]]) -> tuple[int, str] | None:
        """Return the line above the header, and the header, where a title or a comment stands above names that are known."""
        if any(is_header(_split(first, sign)) for sign in SIGNS):
            return None
        above = number
        for below, text in islice(filled, TITLES):
            if any(sign in text and is_header(_split(text, sign)) for sign in SIGNS):
                self.notes.append(f"{self.shown}: the names of the columns are on line {below}; what stands above is passed over")
                return above, text
            above = below
        return None

    def _count_repeated(self) -> int:
        """Count the lines that repeat the header, as in files that were put together, and a rule below it as Markdown has."""
        if len(self.written) < 2:
            return 0
        header = next(
            (text for number, text in lines(self.path, self.place) if number > self.before and text.strip()), ""
        ).strip()
        raw = header.encode("utf-8", "surrogatepass")
        with readable(self.path, self.place), opened(self.path, self.place) as file:
            repeated = sum(line.strip() == raw for line in file if raw in line) - 1
        ruled = bool(first := self._first_records()) and _is_rule(first[0])
        if repeated > 0:
            times = "once" if repeated == 1 else f"{repeated:,} times"
            self.notes.append(f"{self.shown}: the header stands there {times} more among the rows: passed over")
        if ruled:
            self.notes.append(f"{self.shown}: the rule below the header is passed over")
        return max(repeated, 0) + ruled

    def _is_no_row(self, cells: Sequence[str]) -> bool:
        """Tell whether a record is a header among the rows, or a rule."""
        return [cell.strip() for cell in cells] == self.written or _is_rule(cells)

    def digest(self) -> bytes:
        """Hash the content, and that something is passed over which version 0.1 read as a row."""
        found = super().digest()
        return hashlib.sha256(found + b"without repeated headers").digest() if self.repeated else found

    def _first_records(self) -> list[list[str]]:
        """Return the cells of the first rows; of those before one that is broken."""
        found = []
        try:
            for _, cells in islice(self._records(), 1, HEAD + 1):
                found.append(cells)
        except DataError:
            pass
        return found

    def _count(self) -> int:
        """Count the records, where all can be read and have as many cells as the header; otherwise return 0."""
        number = 0
        try:
            for _, cells in self._records():
                if not self.header.fits(cells):
                    return 0
                number += 1
        except DataError:
            return 0
        return number

    def _try_plain_tabs(self) -> None:
        """Read quotes as part of the texts where every line then has its cells and there are more rows.

        Files separated by tabs often have quotes that mean nothing, two of which would make one row of all that lies between.
        """
        quoted = self._count()
        self.quoting = csv.QUOTE_NONE
        if self._count() > quoted:
            self.notes.append(f"{self.shown}: quotes are read as part of the texts")
        else:
            self.quoting = csv.QUOTE_MINIMAL

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line on which a record begins, and its cells; blank lines are skipped."""
        numbered = lines(self.path, self.place)
        begin = 1
        if self.before:  # the line that says what stands between columns, or a title, and what is above it
            begin = next(number for number, _ in numbered if number == self.before) + 1
        # strict: without it an unclosed quote silently swallows the rest of the file into one cell
        # where a blank follows the comma, a quote behind it would be a part of the text otherwise
        reader = csv.reader(
            (text for _, text in numbered),
            delimiter=self.delimiter,
            quoting=self.quoting,
            skipinitialspace=self.delimiter != "\t",
            strict=True,
        )
        skipped = begin
        try:
            for cells in reader:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield begin, cells
                begin = reader.line_num + skipped
        except csv.Error as error:
            what, hint = next((words for said, *words in CSV_ERRORS if said.said_by(error)), (str(error), QUOTE_HINT))
            raise DataError(f"broken row: {what}", where=self.where(begin), hint=hint) from None

    def columns(self) -> list[str]:
        """Return the header, without columns that have neither a name nor texts."""
        return self.header.columns

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows; each must have a cell for each named column. Rows without any value are skipped."""
        header = self.header
        width = len(header.names)
        blank: list[tuple[int, list[str]]] = []
        for number, cells in islice(self._records(), 1, None):
            # most rows are known to hold something by their first cell
            if (header.counter or not cells[0] or cells[0].isspace()) and header.is_blank(cells):
                if self.keep_blank:
                    blank.append((number, cells))
                continue
            if blank:  # of rows that must keep their place only the last ones count for nothing
                yield from ((n, dict.fromkeys(header.columns, "")) for n, _ in blank)
                blank = []
            if self.repeated and self._is_no_row(cells):
                continue
            if len(cells) != width and not header.fits(cells):
                self._bad(self._misfit(number, cells))
                continue
            yield number, dict(zip(header.names, cells, strict=False))

    def _misfit(self, number: int, cells: list[str]) -> DataError:
        hint = "complete the row, or remove it; a text that spans lines needs double quotes"
        if len(cells) > len(self.header.names):
            hint = f"put a text that contains a {SIGNS[self.delimiter]} in double quotes"
        what = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}, but the header has {self.header.width} columns"
        return DataError(what, where=self.where(number), hint=hint)


def _split(line: str, sign: str) -> list[str]:
    return [name.strip().strip('"').strip() for name in line.strip().strip(sign).split(sign)]


def _is_rule(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(filled) > 1 and all(map(RULE.fullmatch, filled))
