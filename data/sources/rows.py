"""Rows of any table (files, Hub data sets) as `InputExample`s: one logic for all of them."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, Document, RowId, RowKind, make_example, text_id
from data.sources.column_roles import Roles, recognise, show
from data.sources.score_range import ScoreRange, ScoreScan, excerpt, parse_score, recognise_range, refuse_one_value
from data.spec import BadRows, DatasetSpec

if TYPE_CHECKING:
    from sentence_transformers import InputExample

ROWS_VERSION = "4"
"""Part of every fingerprint; raised when the same source would give other rows."""

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

DROP_HINT = "leave such rows out: bad_rows: drop in the YAML, data.bad_rows=drop on the command line"
TEXT_HINT = f"give the text, or {DROP_HINT}"
NUMBER = re.compile(r"\s*[-+]?\d+([.,]\d+)?\s*")
INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
"""Unicode categories of blanks, controls and formats (zero-width space); a text of nothing else is empty."""

TYPE_HINTS = {
    "dict": "name a column that holds the text itself, or take the text out of the object",
    "list": "give one text per row (lists are read for positives and negatives only)",
}
"""What to do with a value that is not a text, by its type."""

MAX_DROPPED_EXAMPLES = 5


class Table(Protocol):
    """One file, or one split of a Hub data set."""

    shown: str
    place: str
    notes: list[str]
    on_bad: Callable[[DataError], None] | None

    def columns(self) -> list[str]:
        """Return the names of the columns."""

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the number and values of each row."""

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""

    def digest(self) -> bytes:
        """Return the hash of the content."""


def clean_text(value: object, where: str) -> str:
    """Return a text without surrounding white space.

    Raises:
        DataError: missing, empty, not a text, or holding characters that cannot be stored as UTF-8.
    """
    if value is None:
        raise DataError("the text is missing", where=where, hint=TEXT_HINT)
    if not isinstance(value, str):
        what = f"the value {excerpt(value)} is of type {type(value).__name__}, not a text"
        hint = f"{TYPE_HINTS.get(type(value).__name__, 'write it in quotes')}; or {DROP_HINT}"
        raise DataError(what, where=where, hint=hint, plain=f"the value is of type {type(value).__name__}, not a text")
    text = value.strip()
    if not text:
        raise DataError("the text is empty", where=where, hint=TEXT_HINT)
    if not text.isascii():
        if all(unicodedata.category(sign) in INVISIBLE for sign in text):
            raise DataError("the text is empty: it holds invisible characters only", where=where, hint=TEXT_HINT)
        return _storable(text, where)
    return text


def _storable(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        what = f"the text has half of a surrogate pair (U+{ord(text[error.start]):04X}) at character {error.start + 1}"
        raise DataError(what, where=where, hint=TEXT_HINT) from None
    return text


class RowMaker:
    """Turns raw rows into examples. `negatives` is the number of negatives that every row is cut to."""

    def __init__(self, roles: Roles, score_range: ScoreRange | None, negatives: int) -> None:
        self.roles, self.score_range, self.negatives = roles, score_range, negatives

    def examples(self, table: Table, number: int, values: Mapping[str, object]) -> list[InputExample]:
        """Return the examples of one raw row: one, or one for each text of a list of positives. Raises `DataError`."""
        roles = self.roles
        row = f"{table.shown}:{number}"
        group = "" if roles.group is None else _group(values.get(roles.group), table.where(number, roles.group))
        first = clean_text(values.get(roles.first), table.where(number, roles.first))
        if roles.kind is RowKind.SCORED:
            second = clean_text(values.get(roles.second), table.where(number, roles.second))
            return [make_example(RowId(row, group=group), [first, second], self._score(table, number, values))]
        positives = _texts(values.get(roles.second), table.where(number, roles.second))
        negatives = self._negatives(table, number, values)
        query_id = text_id(first)
        return [
            make_example(RowId(row if i == 1 else f"{row}#{i}", query_id, text_id(text), group), [first, text, *negatives])
            for i, text in enumerate(positives, start=1)
        ]

    def _score(self, table: Table, number: int, values: Mapping[str, object]) -> float:
        if self.roles.score is None or self.score_range is None:
            raise ValueError("scored rows need a score column and a range")
        where = table.where(number, self.roles.score)
        return self.score_range.scale(self.score_range.check(parse_score(values.get(self.roles.score), where), where))

    def _negatives(self, table: Table, number: int, values: Mapping[str, object]) -> list[str]:
        texts: list[str] = []
        columns = self.roles.negatives
        # of several columns some may be blank, as lists may be short; a row without any negative is reported
        filled = [column for column in columns if not _is_blank(values.get(column))] or columns[:1]
        for column in filled:
            texts += _texts(values.get(column), table.where(number, column))
        return texts[: self.negatives]


def _refuse(error: DataError) -> None:
    raise DataError(error.what, where=error.where, hint=f"{error.hint}; or {DROP_HINT}")


def _pass_over(error: DataError) -> None:
    """Skip a row that cannot be read."""


def _group(value: object, where: str) -> str:
    """Return the group as a text; blank and NaN, which is how Pandas writes what is missing, are no group."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip()
    return "" if missing else _storable(str(value), where)


def _texts(value: object, where: str) -> list[str]:
    """Return a text, or every text of a list."""
    if not isinstance(value, list):
        return [clean_text(value, where)]
    if not value:
        raise DataError("the list of texts is empty", where=where, hint=TEXT_HINT)
    return [clean_text(item, f"{where}, item {i}") for i, item in enumerate(value, start=1)]


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
        first = self.tables[0][1]
        self.roles = recognise(first.columns(), spec.columns, first.place)
        self._check_columns()
        if spec.score_range is not None and self.roles.score is None:
            what = f"score_range is set, but no column holds scores. Columns found: {show(first.columns())}"
            raise DataError(
                what, where=first.place, hint="name it: columns.score (data.columns.score=NAME), or remove score_range"
            )
        self.by_column = self.roles.split is not None and self.tables[0][0] == UNSPLIT
        found = _Scan(self).run()
        self.maker = RowMaker(self.roles, found.score_range, found.negatives)
        self._splits = found.splits
        all_notes = [*notes, *(note for _, table in self.tables for note in table.notes), *found.notes]
        if self.roles.split is not None and not self.by_column:
            all_notes.append(f"the files are already split: column {self.roles.split!r} is not used")
        given = found.score_range
        self.recognised = self.roles.recognised((given.low, given.high) if given else None, all_notes)

    def _check_columns(self) -> None:
        for _, table in self.tables[1:]:
            columns = table.columns()
            for column in self.roles.needed():
                if column not in columns:
                    raise DataError(
                        f"no column {column!r}, which {self.tables[0][1].shown} has. Columns found: {show(columns)}",
                        where=table.place,
                        hint="give all files of a data set the same columns",
                    )

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
                raise
            self._drop(split, table, error, of_this_split=own)
            return []

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
        options = [ROWS_VERSION, spec.columns.model_dump(), spec.score_range, spec.bad_rows]
        digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
        for split, table in self.tables:
            digest.update(f"\0{split}\0{table.shown}\0".encode("utf-8", "surrogatepass"))
            digest.update(table.digest())
        return digest.hexdigest()


class _Scan:
    """One pass over the raw rows for what must be known before the first example: score range, negatives, splits.

    Bad cells are passed over here; the examples report them.
    """

    def __init__(self, source: TableSource) -> None:
        self.source = source
        self.notes: list[str] = []
        self.score_range: ScoreRange | None = None
        self.negatives = len(source.roles.negatives)
        self.splits: tuple[str, ...] = tuple(s for s in (*SPLITS, UNSPLIT) if s in {split for split, _ in source.tables})

    def run(self) -> _Scan:
        """Scan the rows where there is something to learn."""
        source, roles = self.source, self.source.roles
        if not (roles.score or roles.negatives or source.by_column):
            return self
        scores, numbers, splits = ScoreScan(), set[int](), set[str]()
        for table_split, table in source.tables:
            for number, values in table.rows(roles.used()):
                if source.by_column:
                    with nullcontext() if source.spec.bad_rows == BadRows.FAIL else suppress(DataError):
                        splits.add(source.split_of(table_split, table, number, values))
                if roles.score is not None:
                    _add_score(scores, values, table, number, roles)
                if roles.negatives:
                    numbers.add(sum(_length(values.get(column), len(roles.negatives)) for column in roles.negatives))
        if source.by_column:
            self.splits = tuple(s for s in SPLITS if s in splits) or (UNSPLIT,)
        if roles.negatives:
            self._settle_negatives(numbers)
        if roles.score is not None:
            self._settle_range(scores, roles.score)
        return self

    def _settle_negatives(self, numbers: set[int]) -> None:
        positive = {n for n in numbers if n > 0}
        self.negatives = min(positive, default=len(self.source.roles.negatives))
        if len(positive) > 1:
            what = f"rows have {min(positive)} to {max(positive)} negatives: the first {min(positive)} of each row are used"
            self.notes.append(what)

    def _settle_range(self, scores: ScoreScan, column: str) -> None:
        source = self.source
        where = f'{source.location}, column "{column}"'
        refuse_one_value(scores, where)
        if source.spec.score_range is not None:
            self.score_range = ScoreRange(*source.spec.score_range)
            return
        if source.roles.score_may_be_class and scores.looks_like_classes(two=source.roles.inference):
            raise DataError(
                "the labels look like classes (such as 0 for entailment), of which the direction cannot be known",
                where=where,
                hint=f"if higher means more similar set columns.score={column} (data.columns.score={column} on the command line),"
                " and score_range where the scale is not 0..1; otherwise rename the column",
            )
        self.score_range, notes = recognise_range(scores, where)
        self.notes += notes


def _add_score(scores: ScoreScan, values: Mapping[str, object], table: Table, number: int, roles: Roles) -> None:
    try:
        scores.add(parse_score(values.get(roles.score or ""), ""), (table.shown, number))
    except DataError as error:
        if scores.first_error is None:
            others = [c for c in (roles.first, roles.second) if NUMBER.fullmatch(str(values.get(c)))]
            hint = f'; column "{others[0]}" has a number there: are the columns swapped?' if others else ""
            scores.first_error = DataError(error.what + hint, where=table.where(number, roles.score), hint=error.hint)


def _length(value: object, columns: int) -> int:
    """Count the negatives that a cell holds; an empty one of the only column counts, so that its row is reported."""
    return len(value) if isinstance(value, list) else int(columns == 1 or not _is_blank(value))


def _is_blank(value: object) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
