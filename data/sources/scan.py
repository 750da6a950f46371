"""The pass over all rows before the first example is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import islice

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT
from data.sources.cells import NUMBER
from data.sources.columns.choices import refuse_choices
from data.sources.columns.label_columns import (
    Candidate,
    candidates_by_name,
    choose,
    is_told_by_values,
    is_topic,
    passed_over,
    refuse_blank,
    refuse_classes,
    refuse_lists,
    unnamed,
)
from data.sources.columns.label_names import Says
from data.sources.columns.negatives import NegativesScan
from data.sources.columns.roles import Family, Roles
from data.sources.columns.score_column import ColumnScan, Reading, joined
from data.sources.columns.score_range import ScoreRange, ScoreScan, recognise_range, refuse_one_value
from data.sources.columns.split_scores import NO_LABEL, check_scales, hides_labels, left_out, refuse_hidden, without_label
from data.sources.columns.truth_words import truth_among
from data.sources.table import Table
from data.spec import BadRows, DatasetSpec

SplitOf = Callable[[str, Table, int, Mapping[str, object]], str]
"""Returns the split of a raw row; raises `DataError`."""

HEAD_ROWS = 1000
"""Rows by which a column is looked at of which the name says nothing."""


class Scan:
    """One pass over the raw rows for what must be known before the first example: scores, negatives, splits.

    Bad cells are passed over here; the examples report them. `split_of` is None where no column names the split of a row.

    Attributes:
        roles: as they are once the cells are known.
        reading: how the scores are read.
        negatives: how many each row gets.
        missing: words that stand for no negative.
        blank: columns that were given a role and hold nothing; where there are any, the rest is not settled.
        marks: what is read otherwise than version 0.1 read it, as a part of fingerprints.
    """

    def __init__(
        self, tables: Sequence[tuple[str, Table]], roles: Roles, spec: DatasetSpec, location: str, split_of: SplitOf | None
    ) -> None:
        self.tables, self.roles, self.spec, self.location, self.split_of = tables, roles, spec, location, split_of
        self.notes: list[str] = []
        self.score_range: ScoreRange | None = None
        self.reading = Reading()
        self.negatives = len(roles.negatives)
        self.missing: frozenset[str] = frozenset()
        self.blank: list[str] = []
        self.marks: list[str] = []
        self.parts: dict[str, dict[str, ColumnScan]] = {}
        self.first_unread: Mapping[str, object] | None = None
        self.splits: tuple[str, ...] = tuple(s for s in (*SPLITS, UNSPLIT) if s in {split for split, _ in tables})

    def run(self) -> Scan:
        """Scan the rows where there is something to learn."""
        roles = self.roles
        if not self.spec.literal and roles.family is not Family.PAIRED:
            refuse_choices(self.tables[0][1], roles, self.location)
        says = candidates_by_name(roles) | self._told_by_values()
        wanted = ([roles.score] if roles.score else []) + list(says)
        if not (wanted or roles.negatives or self.split_of):
            return self
        negatives = NegativesScan(roles, literal=self.spec.literal)
        splits = self._read(wanted, [*roles.used(), *says], negatives)
        if self.split_of is not None:
            self.splits = tuple(s for s in SPLITS if s in splits) or (UNSPLIT,)
        columns = {column: joined(part[column] for part in self.parts.values()) for column in wanted}
        self.blank = self._blank(columns, negatives)
        if self.blank:
            return self
        if roles.negatives:
            self.negatives, notes = negatives.settle()
            self.notes += notes
            if negatives.missing:
                self.missing = negatives.missing
                self.marks.append("words for nothing are no negatives")
            if negatives.fewest != self.negatives:
                self.marks.append(f"{self.negatives} negatives")
        self._settle_score(columns, [Candidate(column, name, columns[column]) for column, name in says.items()])
        return self

    def _read(self, wanted: Sequence[str], used: Sequence[str], negatives: NegativesScan) -> set[str]:
        """Read all rows into `parts`, by split, and return the splits that a column names."""
        splits = set[str]()
        for table_split, table in self.tables:
            for number, values in table.rows(used):
                split = table_split
                if self.split_of is not None:
                    with nullcontext() if self.spec.bad_rows == BadRows.FAIL else suppress(DataError):
                        splits.add(split := self.split_of(table_split, table, number, values))
                if split not in self.parts:
                    self.parts[split] = {column: ColumnScan() for column in wanted}
                for column, found in self.parts[split].items():
                    found.add(values.get(column), table.shown, number, table.where(number, column))
                    if found.first_error is not None and self.first_unread is None and column == self.roles.score:
                        self.first_unread = values
                if self.roles.negatives:
                    negatives.add(values)
        return splits

    def _blank(self, columns: Mapping[str, ColumnScan], negatives: NegativesScan) -> list[str]:
        """Return the columns that were given a role by their names and are blank in all rows."""
        blank = negatives.blank_columns() if not self.spec.columns.negatives else []
        score = self.roles.score
        if score is not None and not self.roles.score_given and columns[score].rows and not columns[score].filled:
            if self.roles.family is Family.PAIRED:
                raise refuse_blank(score, self.roles, self.location)
            blank.append(score)
        return blank

    def _told_by_values(self) -> dict[str, Says]:
        """Return the columns whose names say nothing, or something else, and whose first rows look like those of a verdict."""
        named = unnamed(self.roles)
        columns = {column: ColumnScan() for column in named}
        if not columns:
            return {}
        table = self.tables[0][1]
        for number, values in islice(table.rows(list(columns)), HEAD_ROWS):
            for column, found in columns.items():
                found.add(values.get(column), table.shown, number, "")
        candidates = [Candidate(column, named[column], found) for column, found in columns.items()]
        return {one.column: one.says for one in candidates if is_told_by_values(one, self.roles)}

    def _settle_score(self, columns: Mapping[str, ColumnScan], candidates: Sequence[Candidate]) -> None:
        """Find the column of scores where no name told it, and read it."""
        if self.roles.score is None and candidates:
            column, notes = choose(self.roles, candidates, self.location)
            self.notes += notes
            if column is not None:
                self.roles = self.roles.with_score(column)
        elif self.roles.score is not None and is_topic(
            score := Candidate(self.roles.score, Says.GRADE, columns[self.roles.score]), self.roles
        ):
            self.roles = self.roles.without_score()
            self.notes.append(passed_over(score))
        if self.roles.score is not None:
            two = self.roles.inference or any(one.of_inference for one in candidates)
            self._read_score(Candidate(self.roles.score, Says.GRADE, columns[self.roles.score]), two=two)

    def _read_score(self, column: Candidate, *, two: bool) -> None:
        """Find out how the scores are written and in which range they are given; `two`: 0 and 1 may be classes."""
        where = f'{self.location}, column "{column.column}"'
        if column.found.lists > column.found.filled / 2:
            raise refuse_lists(column, self.roles, self.location)
        dropping = self.spec.bad_rows == BadRows.DROP
        self.reading, scores, notes = column.found.settle(dropping=dropping)
        self.notes += notes
        if column.found.holds_classes() and not self.reading.words:
            error = refuse_classes([column], self.roles, self.location)
            truth = " and ".join(repr(column.found.spelt[word]) for word in truth_among(column.found.words) or ())
            others = str(error.hint).rpartition("; ")[0]
            hint = f"to keep the rows with {truth} alone data.bad_rows=drop; {others}" if truth else error.hint
            raise DataError(error.what, where=error.where, hint=hint)
        if self.reading.words and column.found.numbers.count:
            self.marks.append("words beside numbers")
        if self.spec.score_range is None:
            scores = self._labelled(column, scores, where)
        self._look_for_swapped(scores)
        refuse_one_value(scores, where)
        if self.spec.score_range is not None:
            self.score_range = ScoreRange(*self.spec.score_range)
            return
        classes = scores.looks_like_classes(two=two and not self.reading.words)
        # beside a title and a body the number of a topic is as likely as a grade
        classes = classes or (self.roles.family is Family.LAST_RESORT and scores.are_few_whole_numbers())
        if self.roles.score_may_be_class and classes:
            raise refuse_classes([column], self.roles, self.location, numbers=True)
        self.notes += check_scales(self._by_split(column.column), where)
        try:
            self.score_range, notes = recognise_range(scores, where)
        except DataError as error:
            if self.roles.score_given:
                raise
            hint = f"{error.hint}; or, to train on the pairs alone, {self.roles.as_pairs()}"
            raise DataError(error.what, where=error.where, hint=hint) from None
        self.notes += notes

    def _labelled(self, column: Candidate, scores: ScoreScan, where: str) -> ScoreScan:
        """Return the scores without those of -1 that stand for no label; splits without any label are left out.

        Raises:
            DataError: some rows of a split have no label.
        """
        parts = self._by_split(column.column)
        if hidden := without_label(parts):
            self.splits = tuple(split for split in self.splits if split not in hidden)
            self.notes += left_out(hidden, parts)
            self.marks.append(f"without {' '.join(hidden)}")
        elif count := hides_labels(parts, column.column):
            if self.spec.bad_rows == BadRows.FAIL:
                raise refuse_hidden(count, scores.count, self.roles, where)
            self.reading = replace(self.reading, no_label=NO_LABEL)
            self.marks.append("without labels of -1")
        else:
            return scores
        rest = ScoreScan()
        for part in self._by_split(column.column).values():
            rest.join(part)
        rest.first_error = scores.first_error
        return rest

    def _by_split(self, column: str) -> dict[str, ScoreScan]:
        """Return the scores of each split that has any, as they are read."""
        parts = {split: part[column].read_by(self.reading) for split, part in self.parts.items() if split in self.splits}
        return {split: scan for split, scan in parts.items() if scan.count}

    def _look_for_swapped(self, scores: ScoreScan) -> None:
        """Add to the first error that a text of the same row is a number."""
        if scores.first_error is None or self.first_unread is None:
            return
        texts = [c for c in (self.roles.first, self.roles.second) if NUMBER.fullmatch(str(self.first_unread.get(c)))]
        if texts:
            error, hint = scores.first_error, f'; column "{texts[0]}" has a number there: are the columns swapped?'
            scores.first_error = DataError(error.what + hint, where=error.where, hint=error.hint)
