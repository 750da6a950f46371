"""What may be meant but seldom is: swapped columns, numbers for texts, scores that hardly differ, documents that quote the query.

Each is a warning and no error, since a data set may be meant so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data.audit.scan import Scan, Sign, scan

if TYPE_CHECKING:
    from datasets import Dataset

NEARLY_ALL = 0.9
"""Share of the rows from which on a peculiarity is worth a word."""
HARDLY_ANY = 0.1
"""Share of the queries that may be questions where the documents are, for the columns to look swapped."""
FEWEST_ROWS = 10
"""In fewer rows chance alone looks peculiar."""
TIMES_LONGER, LONG_QUERY = 4, 200
"""A query so many times longer than its document, and of so many characters, is more likely a document."""
SAME_SCORES = 0.95
"""Share of the rows with one and the same score from which on there is little to learn."""
NEAR_AN_END = 0.05
"""Scores within this distance of 0 or 1 lie at an end of the scale."""


class Suspicion(NamedTuple):
    """What looks wrong: code of the finding, a sentence for people, and a mask [N] of the rows that it is about."""

    code: str
    what: str
    rows: np.ndarray


def suspicions(table: Dataset, seen: Scan | None = None) -> Iterator[Suspicion]:
    """Return what looks wrong with the rows of one split; only what is worth a word.

    Args:
        table: the rows.
        seen: what a look at its texts told, if that was taken already.
    """
    seen = seen or scan(table)
    numbers = seen.has(Sign.NUMBER)
    for place, column in enumerate(seen.columns):
        if _nearly_all(numbers[place]):
            what = f"the text ({column}) is a number: was a column of scores or ids taken for a text? Rows"
            yield Suspicion("columns.number", what, numbers[place])
    if "anchor" in seen.columns:
        yield from _of_pairs(seen)
    else:
        yield from _of_scores(table)


def _of_pairs(seen: Scan) -> Iterator[Suspicion]:
    queries, documents = seen.characters[0], seen.characters[1]
    longer = queries >= TIMES_LONGER * np.maximum(documents, 1)
    asks, answers = seen.has(Sign.QUESTION)[:2]
    if _nearly_all(longer) and np.median(queries) >= LONG_QUERY:
        what = f"the query is at least {TIMES_LONGER} times as long as its document: are the columns swapped? Rows"
        yield Suspicion("columns.swapped", what, longer)
    elif _nearly_all(answers & ~asks) and asks.mean() <= HARDLY_ANY:
        what = "the document is a question and the query is not: are the columns swapped? Rows"
        yield Suspicion("columns.swapped", what, answers & ~asks)
    if _nearly_all(seen.quoted):
        what = "the document contains its query word for word: a plain word search would find it; rows"
        yield Suspicion("pair.quoted", what, seen.quoted)


def _of_scores(table: Dataset) -> Iterator[Suspicion]:
    scores = table.data.column("score").to_numpy()
    values, counts = np.unique(scores, return_counts=True)
    if len(scores) < FEWEST_ROWS:
        return
    commonest = scores == values[counts.argmax()]
    if len(values) == 1:
        yield Suspicion("score.constant", "all scores are the same; rows", commonest)
        return
    if commonest.mean() >= SAME_SCORES:
        what = "nearly all scores are the same: too few differ to learn much from; rows with that score"
        yield Suspicion("score.same", what, commonest)
    elif len(values) == 2:
        yield Suspicion("score.two_valued", "there are only two different scores; rows", np.ones(len(scores), dtype=bool))
    else:
        for end, name in ((1.0, "highest"), (0.0, "lowest")):
            saturated = np.abs(scores - end) <= NEAR_AN_END
            if _nearly_all(saturated):
                yield Suspicion("score.saturated", f"the score is at the {name} end of the scale; rows", saturated)


def _nearly_all(mask: np.ndarray) -> bool:
    return len(mask) >= FEWEST_ROWS and bool(mask.mean() >= NEARLY_ALL)
