"""One raw row as examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import RowId, RowKind, make_example, text_id
from data.sources.cells import TEXT_HINT, clean_text, group_of, is_blank, texts_of
from data.sources.columns.negatives import repeated
from data.sources.columns.roles import Roles
from data.sources.columns.score_column import Reading
from data.sources.columns.score_range import ScoreRange, excerpt
from data.sources.table import Table

if TYPE_CHECKING:
    from sentence_transformers import InputExample


class RowMaker:
    """Turns raw rows into examples.

    Args:
        roles: of the columns.
        score_range: of the scores, which are read by `reading`.
        negatives: how many every row gets.
        missing: words that stand for no negative.
    """

    def __init__(
        self,
        roles: Roles,
        score_range: ScoreRange | None,
        reading: Reading,
        negatives: int,
        missing: frozenset[str] = frozenset(),
    ) -> None:
        self.missing = missing
        self.roles, self.score_range, self.reading, self.negatives = roles, score_range, reading, negatives

    def examples(self, table: Table, number: int, values: Mapping[str, object]) -> list[InputExample]:
        """Return the examples of one raw row: one, or one for each text of a list of positives. Raises `DataError`."""
        roles = self.roles
        row = f"{table.shown}:{number}"
        group = "" if roles.group is None else group_of(values.get(roles.group), table.where(number, roles.group))
        first = clean_text(values.get(roles.first), table.where(number, roles.first))
        if roles.kind is RowKind.SCORED:
            second = clean_text(values.get(roles.second), table.where(number, roles.second))
            return [make_example(RowId(row, group=group), [first, second], self._score(table, number, values))]
        positives = texts_of(values.get(roles.second), table.where(number, roles.second))
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
        return self.score_range.scale(self.score_range.check(self.reading.parse(values.get(self.roles.score), where), where))

    def _negatives(self, table: Table, number: int, values: Mapping[str, object]) -> list[str]:
        columns = self.roles.negatives
        given = values
        if self.missing:
            values = {column: self._present(values.get(column)) for column in columns}
        # of several columns or items some may be blank; a row without any negative is reported
        filled = [column for column in columns if not is_blank(values.get(column))]
        if columns and not filled and not is_blank(word := given.get(columns[0])):
            what = f"the text is missing: the cell holds {excerpt(word)}"
            raise DataError(what, where=table.where(number, columns[0]), hint=TEXT_HINT)
        if columns and not filled:
            texts_of(values.get(columns[0]), table.where(number, columns[0]))
        texts = [text for column in filled for text in texts_of(values[column], table.where(number, column), blanks=True)]
        return repeated(texts, self.negatives)

    def _present(self, cell: object) -> object:
        """Return a cell without words that stand for nothing."""
        if isinstance(cell, list):
            return [item for item in cell if not (isinstance(item, str) and item in self.missing)]
        return None if isinstance(cell, str) and cell in self.missing else cell
