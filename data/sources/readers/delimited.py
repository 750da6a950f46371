"""CSV and TSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from data.errors import DataError
from data.foreign_errors import CSV_AFTER_QUOTE, CSV_CARRIAGE_RETURN, CSV_QUOTE_OPEN
from data.sources.compressed import kind_of
from data.sources.readers.base import Reader, Row, lines

SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""What may stand between two columns; tried in this order where the one that the suffix promises is not in the header."""

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


class DelimitedReader(Reader):
    """CSV and TSV with a header line. Cells may span lines when quoted."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        # The limit is global to the csv module; long documents in a cell are legitimate.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        self.delimiter = "\t" if kind_of(path) == ".tsv" else ","
        self.quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
        self.header = self._read_header()
        if self.delimiter == "\t":
            self._try_plain_tabs()

    def _read_header(self) -> list[str]:
        first = next((text for _, text in lines(self.path, self.place) if text.strip()), None)
        if first is None:
            raise DataError("the file is empty", where=self.place, hint="give a file with a header line and rows")
        if self.delimiter not in first:
            other = max(SIGNS, key=first.count)
            if other in first:
                self.delimiter = other
                self.notes.append(f"{self.shown}: columns are separated by {SIGNS[other]}s")
        header = [name.strip() for name in next(self._records())[1]]
        if twice := sorted({name for name in header if name and header.count(name) > 1}):
            raise DataError(f"the header names {twice[0]!r} twice", where=self.place, hint="give each column its own name")
        return header

    def _count(self) -> int:
        """Count the records, where all can be read and have as many cells as the header; otherwise return 0."""
        number = 0
        try:
            for _, cells in self._records():
                if len(cells) != len(self.header):
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
        # strict: without it an unclosed quote silently swallows the rest of the file into one cell
        # where a blank follows the comma, a quote behind it would be a part of the text otherwise
        reader = csv.reader(
            (text for _, text in numbered),
            delimiter=self.delimiter,
            quoting=self.quoting,
            skipinitialspace=self.delimiter != "\t",
            strict=True,
        )
        begin = 1
        try:
            for cells in reader:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield begin, cells
                begin = reader.line_num + 1
        except csv.Error as error:
            what, hint = next((words for said, *words in CSV_ERRORS if said.said_by(error)), (str(error), QUOTE_HINT))
            raise DataError(f"broken row: {what}", where=self.where(begin), hint=hint) from None

    def columns(self) -> list[str]:
        """Return the header."""
        return self.header

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows; each must have as many cells as the header."""
        header = self.header
        records = self._records()
        next(records)
        for number, cells in records:
            if len(cells) != len(header):
                hint = "complete the row, or remove it; a text that spans lines needs double quotes"
                if len(cells) > len(header):
                    hint = f"put a text that contains a {SIGNS[self.delimiter]} in double quotes"
                what = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}, but the header has {len(header)} columns"
                self._bad(DataError(what, where=self.where(number), hint=hint))
                continue
            yield number, dict(zip(header, cells, strict=True))
