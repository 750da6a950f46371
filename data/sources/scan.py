"""The pass over all rows before the first example is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT
from data.sources.cells import NUMBER, is_blank
from data.sources.column_roles import Roles
from data.sources.score_range import ScoreRange, ScoreScan, parse_score, recognise_range, refuse_one_value
from data.sources.table import Table
from data.spec import BadRows, DatasetSpec

SplitOf = Callable[[str, Table, int, Mapping[str, object]], str]
"""Returns the split of a raw row; raises `DataError`."""


class Scan:
    """One pass over the raw rows for what must be known before the first example: score range, negatives, splits.

    Bad cells are passed over here; the examples report them. `split_of` is None where no column names the split of a row.
    """

    def __init__(
        self, tables: Sequence[tuple[str, Table]], roles: Roles, spec: DatasetSpec, location: str, split_of: SplitOf | None
    ) -> None:
        self.tables, self.roles, self.spec, self.location, self.split_of = tables, roles, spec, location, split_of
        self.notes: list[str] = []
        self.score_range: ScoreRange | None = None
        self.negatives = len(roles.negatives)
        self.splits: tuple[str, ...] = tuple(s for s in (*SPLITS, UNSPLIT) if s in {split for split, _ in tables})

    def run(self) -> Scan:
        """Scan the rows where there is something to learn."""
        roles = self.roles
        if not (roles.score or roles.negatives or self.split_of):
            return self
        scores, numbers, splits = ScoreScan(), set[int](), set[str]()
        for table_split, table in self.tables:
            for number, values in table.rows(roles.used()):
                if self.split_of is not None:
                    with nullcontext() if self.spec.bad_rows == BadRows.FAIL else suppress(DataError):
                        splits.add(self.split_of(table_split, table, number, values))
                if roles.score is not None:
                    _add_score(scores, values, table, number, roles)
                if roles.negatives:
                    numbers.add(sum(_length(values.get(column), len(roles.negatives)) for column in roles.negatives))
        if self.split_of is not None:
            self.splits = tuple(s for s in SPLITS if s in splits) or (UNSPLIT,)
        if roles.negatives:
            self._settle_negatives(numbers)
        if roles.score is not None:
            self._settle_range(scores, roles.score)
        return self

    def _settle_negatives(self, numbers: set[int]) -> None:
        positive = {n for n in numbers if n > 0}
        self.negatives = min(positive, default=len(self.roles.negatives))
        if len(positive) > 1:
            what = f"rows have {min(positive)} to {max(positive)} negatives: the first {min(positive)} of each row are used"
            self.notes.append(what)

    def _settle_range(self, scores: ScoreScan, column: str) -> None:
        where = f'{self.location}, column "{column}"'
        refuse_one_value(scores, where)
        if self.spec.score_range is not None:
            self.score_range = ScoreRange(*self.spec.score_range)
            return
        if self.roles.score_may_be_class and scores.looks_like_classes(two=self.roles.inference):
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
    return len(value) if isinstance(value, list) else int(columns == 1 or not is_blank(value))
