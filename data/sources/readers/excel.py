"""Workbooks: .xlsx and .xlsm, by openpyxl. One sheet is read; of its formulas the values that were saved."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, time
from itertools import islice, repeat, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from data.errors import DataError, nearest, reason
from data.sources.columns.column_roles import recognise
from data.sources.foreign import refuse_foreign
from data.sources.readers.base import Reader, Row, readable
from data.sources.readers.grid import Header
from data.sources.unpacked import check_workbook
from data.spec import ColumnSpec

if TYPE_CHECKING:
    from openpyxl import Workbook

HEAD = 100
"""Rows of a sheet that are looked at."""
TITLES = 10
"""Rows above the header that may hold a title of the sheet."""
ERRORS = frozenset({"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA"})
"""What a formula that fails shows in its cell."""
INSTALL = "install it: pip install openpyxl"


class SeveralSheetsError(DataError):
    """Which sheet is meant cannot be known. `sheets` are those with rows."""

    sheets: tuple[str, ...] = ()


class ExcelReader(Reader):
    """One sheet of a workbook. Numbers and dates are read as the texts that they would be in a CSV file.

    Args:
        path: of the workbook.
        shown: its name in row ids and notes.
        sheet: the name of the sheet; by default the only one with rows, or with columns that are known.
        setting: by which the user can name another; None where there is none.
    """

    unit = "row"

    def __init__(self, path: Path, shown: str, sheet: str | None = None, setting: str | None = "data.sheet") -> None:
        super().__init__(path, shown)
        self.setting = setting
        with readable(path, self.place), path.open("rb") as file:
            start = file.read(32)
            if not start.startswith(b"PK"):
                refuse_foreign(start, self.place)
                what = f"its name ends in {path.suffix}, but it is no workbook"
                raise DataError(what, where=self.place, hint="rename it to what it is, for instance .csv")
            file.seek(0)
            self.formulas = check_workbook(file, self.place)
        with self._workbook() as book:
            heads = {name: head for name in book.sheetnames if (head := self._head(book, name)) is not None}
            self.sheet = self._chosen(book, heads) if sheet is None else self._named(sheet, book.sheetnames, heads)
        self.first, self.header = heads[self.sheet]
        if twice := sorted({name for name in self.header.names if name and self.header.names.count(name) > 1}):
            place = self.where(self.first)
            raise DataError(f"the header names {twice[0]!r} twice", where=place, hint="give each column its own name")
        if self.header.note:
            self.notes.append(f"{self.shown}: {self.header.note}")

    @contextmanager
    def _workbook(self, *, values: bool = True) -> Iterator[Workbook]:
        """Open the workbook, with the values of formulas or with the formulas themselves."""
        try:
            import openpyxl
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            raise DataError("workbooks are read by openpyxl, which is not installed", where=self.place, hint=INSTALL) from None
        broken = (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, TypeError, EOFError, OverflowError)
        with readable(self.path, self.place), self.path.open("rb") as file:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # about styles and extensions, of which nothing is read
                    book = openpyxl.load_workbook(file, read_only=True, data_only=values, keep_links=False)
                try:
                    yield book
                finally:
                    book.close()
            except DataError:
                raise
            except broken as error:
                what = f"not a readable workbook ({reason(error, most=120)})"
                raise DataError(what, where=self.place, hint="save it again as .xlsx, or the sheet as CSV (UTF-8)") from None

    def _head(self, book: Workbook, name: str) -> tuple[int, Header] | None:
        """Return the row of a sheet's header, and the header; None where there are no rows below it."""
        sheet: Any = book[name]
        if not hasattr(sheet, "iter_rows"):  # a chart
            return None
        filled = [(n, cells) for n, row in enumerate(islice(_values(sheet), HEAD), start=1) if any(cells := _texts(row))]
        # a title above the table stands alone in its row
        titles = 0
        while titles < min(TITLES, len(filled) - 1) and len(list(filter(None, filled[titles][1]))) == 1:
            titles += 1
        if titles == min(TITLES, len(filled) - 1):
            titles = 0
        if len(filled) < titles + 2:
            return None
        number, names = filled[titles]
        while not names[-1]:
            names.pop()
        return number, Header([" ".join(cell.split()) for cell in names], [cells for _, cells in filled[titles + 1 :]])

    def _chosen(self, book: Workbook, heads: dict[str, tuple[int, Header]]) -> str:
        """Return the sheet that is meant where none is named."""
        if not heads:
            raise DataError("no sheet has rows below a header", where=self.place, hint="give a sheet with a header and rows")
        shown = [name for name in heads if getattr(book[name], "sheet_state", "visible") == "visible"]
        found = shown or list(heads)
        known = [name for name in found if _is_known(heads[name][1].columns)]
        chosen = found[0] if len(found) == 1 else known[0] if len(known) == 1 else None
        if chosen is None:
            raise self._several(book, known or found, heads)
        if len(heads) > 1:
            others = _listed([name for name in heads if name != chosen])
            hidden = " (which is hidden)" if len(found) == 1 and len(heads) == 2 else ""
            another = f"; {self.setting}=NAME reads another" if self.setting else ""
            self.notes.append(f"{self.shown}: sheet {chosen!r} is read, not {others}{hidden}{another}")
        return chosen

    def _several(self, book: Workbook, found: Sequence[str], heads: dict[str, tuple[int, Header]]) -> SeveralSheetsError:
        """Say which sheets have rows, and how many each."""
        same = all(heads[name][1].columns == heads[found[0]][1].columns for name in found)
        columns = "and the same columns" if same else "and their columns differ"
        rows = {name: sum(any(_texts(row)) for row in islice(_values(book[name]), heads[name][0], None)) for name in found[:10]}
        what = f"several sheets have rows, {columns}: {_listed(found)} ({', '.join(f'{n:,}' for n in rows.values())} rows)"
        hint = "save the one that is meant in a file of its own"
        if self.setting:
            hint = f"say which one is meant: {self.setting}={_quoted(max(rows, key=lambda name: rows[name]))}"
        if same:
            hint += "; to read all, put the rows on one sheet, or name the sheets train, dev and test if they are"
        error = SeveralSheetsError(what, where=self.place, hint=hint)
        error.sheets = tuple(heads)
        return error

    def _named(self, sheet: str, names: Sequence[str], heads: dict[str, tuple[int, Header]]) -> str:
        if sheet in heads:
            return sheet
        if sheet in names:
            raise DataError(
                f"sheet {sheet!r} has no rows below a header", where=self.place, hint=f"sheets with rows: {_listed(heads)}"
            )
        near = nearest(sheet, names)
        hint = f"did you mean {near!r}?" if near else f"sheets are {_listed(names)}"
        raise DataError(f"there is no sheet {sheet!r}", where=self.place, hint=hint)

    def columns(self) -> list[str]:
        """Return the header."""
        return self.header.columns

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows below the header; rows without any value are skipped."""
        header, width = self.header, len(self.header.names)
        blank: list[int] = []
        with self._workbook() as book, self._workbook(values=False) if self.formulas else nullcontext() as written_book:
            found = _values(book[self.sheet])
            below = zip(found, repeat(()) if written_book is None else _values(written_book[self.sheet]), strict=False)
            for number, (values, written) in enumerate(islice(below, self.first, None), start=self.first + 1):
                cells = _texts(values)
                if header.is_blank(cells) and not any(map(_is_formula, written)):
                    if self.keep_blank:
                        blank.append(number)
                    continue
                yield from ((n, dict.fromkeys(header.columns)) for n in blank)
                blank = []
                row = dict(zip(header.names, [*cells, *[""] * (width - len(cells))], strict=False))
                if (error := self._unusable(number, row, values, written)) is not None:
                    self._bad(error)
                    continue
                yield number, row

    def _unusable(
        self, number: int, row: dict[str, str], values: Sequence[object], written: Sequence[object]
    ) -> DataError | None:
        """Return what is wrong with a row: a formula without a value, or with an error in place of one."""
        for name, value, formula in zip_longest(self.header.names, values, written[: len(values)]):
            if name and value is None and _is_formula(formula):
                hint = "open the workbook in a spreadsheet program and save it, so that the results are in it"
                return DataError("the cell holds a formula whose result was not saved", where=self.where(number, name), hint=hint)
            if name and value in ERRORS:
                hint = "correct the formula, or remove the row"
                return DataError(f"the cell shows the error {row[name]}", where=self.where(number, name), hint=hint)
        return None

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row, with its sheet."""
        place = f"{self.place}, sheet {self.sheet!r}, row {number}"
        return place if column is None else f'{place}, column "{column}"'

    def digest(self) -> bytes:
        """Hash the file and the name of the sheet."""
        return hashlib.sha256(super().digest() + self.sheet.encode("utf-8", "surrogatepass")).digest()


def _values(sheet: Any) -> Iterator[tuple[object, ...]]:
    # what a program wrote as the size of the sheet is often wrong: without it the rows are read to their end
    sheet.reset_dimensions()
    rows: Iterator[tuple[object, ...]] = sheet.iter_rows(values_only=True)
    return rows


def _texts(row: Sequence[object]) -> list[str]:
    return [_text(value) for value in row]


def _text(value: object) -> str:
    """Return a cell as a CSV file would have it.

    >>> _text(7.0), _text(0.5), _text(True), _text(datetime(2024, 5, 1)), _text(None), _text(" a")
    ('7', '0.5', 'TRUE', '2024-05-01', '', 'a')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip()


def _is_formula(written: object) -> bool:
    return (isinstance(written, str) and written.startswith("=")) or type(written).__name__ in (
        "ArrayFormula",
        "DataTableFormula",
    )


def _is_known(columns: Sequence[str]) -> bool:
    try:
        recognise(columns, ColumnSpec(), "")
    except DataError:
        return False
    return True


def _listed(names: Sequence[str] | dict[str, tuple[int, Header]]) -> str:
    found = list(names)
    return ", ".join(map(repr, found[:10])) + (f" and {len(found) - 10} more" if len(found) > 10 else "")


def _quoted(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else f"'{name}'"
