"""A few rows as they will be trained, for people: whoever sees them sees at once when a wrong column was read."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.schema import text_columns

if TYPE_CHECKING:
    from datasets import Dataset

ROWS = 3
"""Rows that are shown of a data set."""
WIDTH = 60
"""Characters of a text that are shown."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that would turn the direction of what follows on the line. Control characters would do worse to a terminal."""


@dataclass(frozen=True)
class SampleRow:
    """One row.

    Attributes:
        row: its file and line.
        first: anchor or first sentence.
        second: positive or second sentence.
        negatives: number of negatives.
        score: similarity in 0..1, None for pairs.
    """

    row: str
    first: str
    second: str
    negatives: int = 0
    score: float | None = None

    def __str__(self) -> str:
        more = [] if self.score is None else [f"score {self.score:.3g}"]
        if self.negatives:
            more.append(f"{self.negatives} negative{'s' * (self.negatives > 1)}")
        return f"{self.row}: {shortened(self.first)} ⟶ {shortened(self.second)}" + (f" ({', '.join(more)})" if more else "")


def sample_rows(table: Dataset, number: int = ROWS) -> list[SampleRow]:
    """Return the first, the last and the middle rows of a table, evenly spread."""
    first, second, *negatives = text_columns(table.column_names)
    rows = np.unique(np.linspace(0, len(table) - 1, min(number, len(table))).round().astype(np.int64)).tolist()
    return [
        SampleRow(one["row"], one[first], one[second], len(negatives), one.get("score")) for one in (table[row] for row in rows)
    ]


def shortened(text: str) -> str:
    """Return a text on one line, in quotes, cut where it is long.

    >>> shortened("one\\ntwo")
    '"one two"'
    """
    start = " ".join(text[: 10 * WIDTH].split())
    plain = "".join("\ufffd" if unicodedata.category(sign) in ("Cc", "Cs") or sign in TURNING else sign for sign in start)
    return f'"{plain}"' if len(text) <= 10 * WIDTH and len(plain) <= WIDTH else f'"{plain[: WIDTH - 1].rstrip()}…"'
