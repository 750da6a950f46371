"""What may be meant but seldom is: swapped columns, numbers for texts, scores that hardly differ, documents that quote the query.

Each is a warning and no error, since a data set may be meant so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import batches_of
from data.schema import normalise_text, text_columns

if TYPE_CHECKING:
    from datasets import Dataset

NEARLY_ALL = 0.9
"""Share of the rows from which on a peculiarity is worth a word."""
FEWEST_ROWS = 10
"""In fewer rows chance alone looks peculiar."""
TIMES_LONGER, LONG_QUERY = 4, 200
"""A query so many times longer than its document, and of so many characters, is more likely a document."""
SAME_SCORES = 0.95
"""Share of the rows with one and the same score from which on there is little to learn."""
LOOKED_AT = 100_000
"""Characters of a document in which its query is looked for."""
CACHED_TEXTS = 20_000
"""Texts whose normalised form is remembered: judged documents recur."""
NUMBER = re.compile(r"[-+]?\d[\d.,]*\s*%?")


def suspicions(table: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """What looks wrong with the rows of one split, and in which rows.

    Args:
        table: the rows.

    Yields:
        A sentence for people, and a mask of the rows [N] that it is about; only those that are worth a word.
    """
    columns = text_columns(table.column_names)
    lengths = np.zeros((len(columns), len(table)), dtype=np.int64)
    numbers = np.zeros((len(columns), len(table)), dtype=bool)
    quoted = np.zeros(len(table), dtype=bool)
    plain = lru_cache(maxsize=CACHED_TEXTS)(lambda text: normalise_text(text[:LOOKED_AT]))
    begin = 0
    for batch in batches_of(table, columns):
        rows = slice(begin, begin + len(batch[0]))
        for place, texts in enumerate(batch):
            lengths[place, rows] = [len(text) for text in texts]
            numbers[place, rows] = [NUMBER.fullmatch(text) is not None for text in texts]
        for offset, (query, document) in enumerate(zip(map(plain, batch[0]), map(plain, batch[1]), strict=True)):
            quoted[begin + offset] = len(query) < len(document) and query in document
        begin += len(batch[0])
    for place, column in enumerate(columns):
        if _nearly_all(numbers[place]):
            yield f"the text ({column}) is a number: was a column of scores or ids taken for a text? Rows", numbers[place]
    if "anchor" in columns:
        longer = lengths[0] >= TIMES_LONGER * np.maximum(lengths[1], 1)
        if _nearly_all(longer) and np.median(lengths[0]) >= LONG_QUERY:
            yield f"the query is {TIMES_LONGER} times as long as its document or longer: are the columns swapped? Rows", longer
        if _nearly_all(quoted):
            yield "the document holds its query word for word: a search for the words alone would find it; rows", quoted
    else:
        commonest = _commonest_score(table)
        if SAME_SCORES <= commonest.mean() < 1 and len(table) >= FEWEST_ROWS:
            yield "one and the same score: the others are too few to learn much from; rows", commonest


def _nearly_all(mask: np.ndarray) -> bool:
    return len(mask) >= FEWEST_ROWS and bool(mask.mean() >= NEARLY_ALL)


def _commonest_score(table: Dataset) -> np.ndarray:
    """Mask [N] of the rows that have the commonest score."""
    scores = table.data.column("score").to_numpy()
    values, counts = np.unique(scores, return_counts=True)
    return scores == values[counts.argmax()]
