"""How many hard negatives each row gets, where rows bring different numbers of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from data.sources.cells import counted_rows, is_blank, is_word_for_nothing
from data.sources.columns.roles import Roles


class NegativesScan:
    """Counts the negatives of all rows that can be used.

    The rows of a table have as many as at least half of them bring: one long list would otherwise be paid for by all, and one
    short list by what all others lose. Rows with fewer repeat their own, which the loss counts once.

    Args:
        roles: of the columns.
        literal: whether words for nothing (NULL, NA, \\N) are texts; they are, too, where a text to find is one.

    Attributes:
        counted: number of rows by negatives, with words for nothing and without them.
        filled: cells that hold something, by column; `texts` those that hold more than such words.
        blank_items: items of lists that hold nothing.
        words: words for nothing, as they are spelt.
    """

    def __init__(self, roles: Roles, *, literal: bool = False) -> None:
        self.roles, self._literal = roles, literal
        self.counted: Counter[tuple[int, int]] = Counter()
        self.filled: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        self.words: Counter[str] = Counter()
        self.blank_items = 0

    def add(self, values: Mapping[str, object]) -> None:
        """Take a row into account. One that cannot be used decides nothing."""
        roles, number, blank, nothing, sound = self.roles, 0, 0, 0, True
        for column in roles.negatives:
            cell = values.get(column)
            items = cell if isinstance(cell, list) else [cell]
            texts = [item for item in items if not is_blank(item)]
            words = [item for item in texts if is_word_for_nothing(item)]
            self.words.update(map(str, words))
            nothing += len(words)
            self.filled[column] += bool(texts)
            self.texts[column] += len(texts) > len(words)
            blank += len(items) - len(texts) if isinstance(cell, list) and texts else 0
            number += len(texts)
            sound = sound and all(isinstance(text, str) for text in texts)
        self._literal = self._literal or is_word_for_nothing(values.get(roles.second))
        if sound and number and not is_blank(values.get(roles.first)) and not is_blank(values.get(roles.second)):
            self.counted[number, number - nothing] += 1
            self.blank_items += blank

    def blank_columns(self) -> list[str]:
        """Return the columns without a single negative."""
        filled = self.texts if self.missing else self.filled
        return [column for column in self.roles.negatives if not filled[column]]

    @property
    def missing(self) -> frozenset[str]:
        """The words that count as nothing."""
        return frozenset() if self._literal else frozenset(self.words)

    @property
    def rows(self) -> Counter[int]:
        """Number of rows by negatives."""
        found: Counter[int] = Counter()
        for (all_of_them, without), rows in self.counted.items():
            found[without if self.missing else all_of_them] += rows
        del found[0]
        return found

    @property
    def fewest(self) -> int:
        """How many the row with the fewest brings."""
        return min(self.rows, default=len(self.roles.negatives))

    def settle(self) -> tuple[int, list[str]]:
        """Return how many negatives each row gets, and what the user should know."""
        rows = self.rows
        if not rows:
            return len(self.roles.negatives), []
        numbers = sorted(rows.elements(), reverse=True)
        most, least, chosen = numbers[0], numbers[-1], numbers[(len(numbers) - 1) // 2]
        notes = []
        if most != least:
            fewer = sum(rows[number] for number in rows if number < chosen)
            lost = sum((number - chosen) * rows[number] for number in rows if number > chosen)
            what = f"rows have {least} to {most} negatives; each gets {chosen}, which at least half of them have"
            if fewer:
                repeat = "repeats its" if fewer == 1 else "repeat their"
                what += f": {counted_rows(fewer)} with fewer {repeat} own, which count once"
            longer = sum(rows[number] for number in rows if number > chosen)
            total = sum(number * rows[number] for number in rows)
            notes.append(what + (f"; {_lost(lost, total, longer)}" if lost else "; no text is lost"))
        if self.blank_items:
            blank = f"{self.blank_items:,} blank item{'s' * (self.blank_items != 1)}"
            notes.append(f"{blank} in the lists of negatives {'are' if self.blank_items != 1 else 'is'} passed over")
        if self.missing:
            total = sum(self.words.values())
            spelt = ", ".join(map(repr, sorted(self.missing)[:5]))
            counts = "cell counts" if total == 1 else "cells count"
            notes.append(f"negatives: {total:,} {counts} as blank, with {spelt} in place of a text")
        return chosen, notes


def _lost(lost: int, total: int, rows: int) -> str:
    texts = f"{lost:,} of {total:,} negatives {'are' if lost != 1 else 'is'} not used"
    return f"{texts}, the last of {counted_rows(rows)} with more"


def repeated(texts: Sequence[str], number: int) -> list[str]:
    """Return `number` texts: the first of a row's negatives, from the beginning again where it has fewer.

    >>> repeated(["a", "b"], 5), repeated(["a", "b"], 1)
    (['a', 'b', 'a', 'b', 'a'], ['a'])
    """
    return [texts[place % len(texts)] for place in range(number)]
