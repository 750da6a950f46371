"""Rows of any table (files, Hub data sets) as `InputExample`s: one logic for all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import UNSPLIT, Document
from data.sources.bad_rows import count, explained
from data.sources.columns.column_roles import recognise, show
from data.sources.columns.renamed import RenamedTable, called_alike
from data.sources.columns.roles import Roles
from data.sources.columns.score_range import DROP_HINT, excerpt
from data.sources.columns.unused import first_values
from data.sources.row_maker import RowMaker
from data.sources.scan import Scan
from data.sources.shapes import shaped_tables
from data.sources.shapes.advice import advice
from data.sources.shapes.form import look_at
from data.sources.table import Table
from data.spec import BadRows, DatasetSpec

if TYPE_CHECKING:
    from sentence_transformers import InputExample

ROWS_VERSION = "4"
"""Part of every fingerprint; raised when the same source would give other rows, which ends the resuming of earlier runs. What is
read otherwise from some sources only is a mark in their fingerprints instead, see `Roles.marks`."""

SPLIT_ALIASES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "development": "dev",
    "validation": "dev",
    "valid": "dev",
    "val": "dev",
    "eval": "dev",
    "test": "test",
    "testing": "test",
}
"""Names of splits as files, columns and the Hub have them."""

MAX_DROPPED_EXAMPLES = 5


def _refuse(error: DataError) -> None:
    raise DataError(error.what, where=error.where, hint=f"{error.hint}; or {DROP_HINT}")


def _pass_over(error: DataError) -> None:
    """Skip a row that cannot be read."""


class TableSource:
    """A source made of tables, each of one split; or of tables without splits, of which a column may name the split."""

    def __init__(
        self, name: str, location: str, tables: Sequence[tuple[str, Table]], spec: DatasetSpec, notes: Sequence[str]
    ) -> None:
        self.name, self.location, self.spec = name, location, spec
        self.tables = list(tables)
        self._settle_bad_rows()
        self.dropped: dict[str, int] = {}
        self.dropped_examples: dict[str, list[str]] = {}
        self.left_out: list[str] = []
        self.tables, shape_notes = shaped_tables(self.tables, spec.columns, written=not spec.literal)
        self.roles, found = self._understood(location)
        self.maker = RowMaker(self.roles, found.score_range, found.reading, found.negatives, found.missing)
        self._splits = found.splits
        all_notes = [
            *notes,
            *(note for _, table in self.tables for note in table.notes),
            *shape_notes,
            *self.left_out,
            *found.notes,
        ]
        if self.roles.split is not None and not self.by_column:
            all_notes.append(f"the files are already split: column {self.roles.split!r} is not used")
        self.marks = [*self.roles.marks, *found.marks]
        given = found.score_range
        recognised = self.roles.recognised((given.low, given.high) if given else None, all_notes)
        self.recognised = replace(recognised, first_values=first_values(self.tables[0][1], recognised.ignored))

    def _understood(self, location: str) -> tuple[Roles, Scan]:
        """Find the role of each column by its name, and by what it holds; columns that hold nothing have none."""
        spec, first = self.spec, self.tables[0][1]
        columns, blank = first.columns(), list[str]()
        while True:
            self.roles = recognise([name for name in columns if name not in blank], spec.columns, first.place, self._advice)
            self._check_columns()
            self.by_column = self.roles.split is not None and self.tables[0][0] == UNSPLIT
            found = Scan(self.tables, self.roles, spec, location, self.split_of if self.by_column else None).run()
            if not found.blank:
                break
            blank += found.blank
        self.roles = found.roles
        self._check_columns()  # the scan may have found one more
        if spec.score_range is not None and self.roles.score is None:
            what = f"score_range is set, but no column holds scores. Columns found: {show(columns)}"
            raise DataError(
                what, where=first.place, hint="name it: columns.score (data.columns.score=NAME), or remove score_range"
            )
        if blank:
            found.notes.append(f"column {show(blank)} is blank in all rows: it is passed over")
            ignored = tuple(name for name in columns if name in blank or name in self.roles.ignored)
            self.roles = replace(self.roles, ignored=ignored)
        return self.roles, found

    def _advice(self) -> str:
        return advice(look_at(self.tables[0][1], self.spec.columns))

    def _check_columns(self) -> None:
        """Rename columns that a file spells otherwise than the first, leave splits without scores out, and refuse other files."""
        for place, (split, table) in list(enumerate(self.tables))[:0:-1]:
            columns = table.columns()
            missing = [column for column in self.roles.needed() if column not in columns]
            names = {own: column for column in missing if (own := called_alike(column, columns)) is not None}
            if names and len(names) == len(missing):
                self.tables[place] = (split, RenamedTable(table, names))
            elif missing == [self.roles.score] and split not in ("train", UNSPLIT) and self.tables[0][0] != split:
                del self.tables[place]
                self.left_out.append(f"{table.shown} is not used: it has no column {missing[0]!r}, and no scores to judge by")
            elif missing:
                what = f"no column {missing[0]!r}, which {self.tables[0][1].shown} has. Columns found: {show(columns)}"
                hint = "give all files of a data set the same columns"
                if missing[0] in self.roles.negatives:
                    hint += f"; or, to train on the pairs alone, without negatives, {self.roles.as_pairs()}"
                raise DataError(what, where=table.place, hint=hint)

    def splits(self) -> tuple[str, ...]:
        """Return names out of SPLITS in that order, or (UNSPLIT,)."""
        return self._splits

    def split_of(self, table_split: str, table: Table, number: int, values: Mapping[str, object]) -> str:
        """Return the split of one raw row."""
        if not self.by_column or self.roles.split is None:
            return table_split
        value = values.get(self.roles.split)
        split = SPLIT_ALIASES.get(str(value).strip().lower())
        if split is None:
            raise DataError(
                f"{excerpt(value)} is not a split",
                where=table.where(number, self.roles.split),
                hint="write train, dev (or validation) or test in every row, or rename the column, so that new splits are made",
            )
        return split

    def examples(self, split: str) -> Iterator[InputExample]:
        """Yield the rows of one split in file order. Bad rows fail, or with `bad_rows: drop` are counted in `dropped`."""
        self.dropped[split], self.dropped_examples[split] = 0, []
        kept = 0
        for table_split, table in self.tables:
            if not self.by_column and table_split != split:
                continue
            read = 0
            if self.spec.bad_rows == BadRows.DROP:
                table.on_bad = partial(self._drop, split, table)
            for number, values in table.rows(self.roles.used()):
                read += 1
                examples = self._made(split, table_split, table, number, values)
                kept += len(examples)
                yield from examples
            self._settle_bad_rows()
            if read == 0 and not self.dropped[split]:
                raise DataError(
                    "no rows (there is only the header)", where=table.place, hint="add rows below it, or give another file"
                )
        if kept == 0:
            what = f"every row of {split} was left out, for instance: {'; '.join(self.dropped_examples[split])}"
            raise DataError(what, where=self.location, hint="correct the rows; bad_rows: fail shows the first one")

    def _made(self, split: str, table_split: str, table: Table, number: int, values: Mapping[str, object]) -> list[InputExample]:
        """Return the examples of one raw row; none where it is of another split."""
        own = False
        try:
            own = self.split_of(table_split, table, number, values) == split
            return self.maker.examples(table, number, values) if own else []
        except DataError as error:
            if self.spec.bad_rows == BadRows.FAIL:
                raise self._explained(error, values) from None
            self._drop(split, table, error, of_this_split=own)
            return []

    def _explained(self, error: DataError, values: Mapping[str, object]) -> DataError:
        """Return the error of the first bad row with how many there are."""
        tables = {id(table): split for split, table in self.tables}

        def make(table: Table, number: int, values: Mapping[str, object]) -> None:
            self.split_of(tables[id(table)], table, number, values)
            self.maker.examples(table, number, values)

        found = count(error, [table for _, table in self.tables], self.roles.used(), make)
        return explained(error, found, self.roles, values)

    def _drop(self, split: str, table: Table, error: DataError, *, of_this_split: bool = False) -> None:
        """Count a bad row; one of which the split cannot be known counts in the first."""
        if self.by_column and not of_this_split and split != self._splits[0]:
            return
        self.dropped[split] += 1
        if len(self.dropped_examples[split]) < MAX_DROPPED_EXAMPLES:
            # the name in row ids, not the path: notes are repeated in reports
            place = f"{table.shown}{(error.where or '').removeprefix(table.place)}"
            self.dropped_examples[split].append(f"{place}: {error.plain}")

    def _settle_bad_rows(self) -> None:
        """Skip rows that cannot be read where bad rows are dropped, but where the examples are made and counted."""
        for _, table in self.tables:
            table.on_bad = _refuse if self.spec.bad_rows == BadRows.FAIL else _pass_over

    def documents(self) -> Iterator[Document] | None:
        """Return None: the corpus is made from the rows."""
        return None

    def fingerprint(self) -> str:
        """See `Source`."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        """SHA-256 over the files' content and names, and the options that change the rows."""
        spec = self.spec
        columns = spec.columns.model_dump(exclude=None if spec.columns.category else {"category"})  # as before there was any
        options = [ROWS_VERSION, columns, spec.score_range, spec.bad_rows, *self.marks]
        digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
        for split, table in self.tables:
            digest.update(f"\0{split}\0{table.shown}\0".encode("utf-8", "surrogatepass"))
            digest.update(table.digest())
        return digest.hexdigest()
