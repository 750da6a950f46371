"""A data set in a few lines: how many rows there are for what, how some of them read, and what is unusual about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from data.prepared import PreparedDataset
from data.preview import SampleRow, shortened
from data.schema import RowKind
from data.splits.split import BY_HASH, DEALT_ANEW

WIDTH = 78
"""Columns of a line."""
MOST_NOTES = 4
"""Notes that are shown of a data set; the others stand among the details."""
MOST_SETS = 6
"""Data sets of which sample rows are shown."""

NOT_TRAINED = "nothing is trained on this data set"
"""How the notes begin on data that are judged only."""
_KINDS = {RowKind.SCORED: "scored pairs", RowKind.PAIR: "pairs", RowKind.TUPLE: "rows with negatives"}


def in_brief(datasets: Mapping[str, PreparedDataset]) -> list[str]:
    """Return a few lines on each data set."""
    rows = 3 if len(datasets) == 1 else 2 if len(datasets) == 2 else 1
    return [
        line
        for number, data in enumerate(datasets.values())
        for line in (sizes_in_words(data), *rows_and_notes(data, rows if number < MOST_SETS else 0))
    ]


def sizes_in_words(data: PreparedDataset) -> str:
    """Return how many rows of a data set there are for what."""
    parts = ", ".join(f"{len(table):,} {name}" for name, table in data.splits.items())
    documents = f"; {len(data.corpus):,} documents" if data.corpus is not None else ""
    return f"{data.name}: {sum(map(len, data.splits.values())):,} {_KINDS[data.kind]}: {parts}{documents}"


def rows_and_notes(data: PreparedDataset, rows: int) -> list[str]:
    """Return some sample rows, and the notes that are not said of every data set."""
    notes = [note for note in data.notes if not note.startswith((BY_HASH, DEALT_ANEW, NOT_TRAINED))]
    left = len(notes) - MOST_NOTES
    more = [f"  and {left} more note{'s' * (left > 1)} on how it is read (--verbose)"] if left > 0 else []
    return [*map(row_in_brief, _some(data.samples, rows)), *(f"  note: {note}" for note in notes[:MOST_NOTES]), *more]


def _some(samples: Sequence[SampleRow], rows: int) -> Sequence[SampleRow]:
    return samples if rows >= len(samples) else (samples[0], samples[-1])[:rows]


def row_in_brief(row: SampleRow) -> str:
    """Return a row on one line of at most `WIDTH` columns."""
    more = "" if row.score is None else f" (score {row.score:.3g})"
    more += f" (and {row.negatives} negative{'s' * (row.negatives > 1)})" if row.negatives else ""
    room = WIDTH - len(f'  "" ⟶ ""{more}')
    first, second = (shortened(text)[1:-1] for text in (row.first, row.second))
    halves = room // 2
    left, right = max(halves, room - cell_len(second)), max(halves, room - cell_len(first))
    return f'  "{_cut(first, left)}" ⟶ "{_cut(second, right)}"{more}'


def _cut(text: str, most: int) -> str:
    """Return a text that fills at most so many columns of a terminal."""
    return text if cell_len(text) <= most else f"{set_cell_size(text, most - 1).rstrip()}…"
