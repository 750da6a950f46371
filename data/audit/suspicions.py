"""What may be meant but seldom is: swapped columns, numbers for texts, scores that hardly differ, documents that quote the query.

Each is a warning, since a data set may be meant so; but texts that stand for others (names of files, ids) and lists written as
texts are errors: their result would look right and be wrong. Whoever means them says so (`data.literal`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data.audit.references import Kind, kind_of_references
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
MOST_LOOKED_AT = 5000
"""Texts of a column that are looked at again."""
MOSTLY = 0.8
"""Share of the queries that are questions from which on a query that is none stands out."""
SEVERAL = 0.05
"""Share of the rows with a question on both sides from which on documents are questions by their kind."""
A_TENTH = 0.1
"""More rows than this share that look swapped are of the data's kind."""
SUM, YEAR = re.compile(r"\d(?s:.*)\D(?s:.*)\d"), re.compile(r"1\d{3}|20\d{2}")
"""Two numbers in a query, and a year."""
NEAR_AN_END = 0.05
"""Scores within this distance of 0 or 1 lie at an end of the scale."""


MEANT = frozenset({"columns.reference", "columns.code", "columns.address", "columns.listed"})
"""Findings about texts that are meant as they stand where `data.literal` says so."""


STANDS_FOR = {
    "columns.reference": "rather than the text that it stands for",
    "columns.code": "and may stand for another text",
    "columns.address": "rather than what the page says",
}
"""How the sentence about a column of references goes on."""


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
        if _nearly_all(numbers[place]) and not _are_answers(table, column, numbers[place]):
            what = f"the text ({column}) is a number: was a column of scores or ids taken for a text? Rows"
            yield Suspicion("columns.number", what, numbers[place])
    yield from _in_place_of_texts(table, seen)
    if "anchor" in seen.columns:
        yield from _of_pairs(seen)
    else:
        yield from _of_scores(table)


def _are_answers(table: Dataset, column: str, rows: np.ndarray) -> bool:
    """Tell whether numbers are what queries ask for: sums of numbers in the query, or years that do not run on."""
    if column != "positive":
        return False
    looked = table.select(np.flatnonzero(rows)[:MOST_LOOKED_AT])
    if np.mean([SUM.search(query) is not None for query in looked["anchor"]]) >= NEARLY_ALL:
        return True
    numbers = looked[column]
    years = {int(number) for number in numbers if YEAR.fullmatch(number)}
    running = len(years) == len(numbers) and max(years) - min(years) < 2 * len(years)
    return not running and sum(YEAR.fullmatch(number) is not None for number in numbers) >= NEARLY_ALL * len(numbers)


def _in_place_of_texts(table: Dataset, seen: Scan) -> Iterator[Suspicion]:
    """Return columns of references, and of lists that are written as texts."""
    refers, listed = seen.has(Sign.REFERENCE), seen.has(Sign.LISTED)
    for place, column in enumerate(seen.columns):
        if _nearly_all(refers[place]):
            rows = np.flatnonzero(refers[place])[:MOST_LOOKED_AT]
            texts = set(table.select(rows)[column])
            kind = _kind(texts, column)
            if kind is not None:
                yield Suspicion(kind.code, f"the text ({column}) is {kind.words} {STANDS_FOR[kind.code]}; rows", refers[place])
        if _nearly_all(listed[place]):
            what = f"the text ({column}) is a list that was written as one text, brackets included; rows"
            yield Suspicion("columns.listed", what, listed[place])


def _kind(texts: set[str], column: str) -> Kind | None:
    documents = column.startswith(("positive", "negative"))
    return kind_of_references(texts, documents=documents) if len(texts) >= FEWEST_ROWS else None


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
    else:
        yield from _single_swapped(seen)
    if _nearly_all(seen.quoted):
        what = "the document contains its query word for word: a plain word search would find it; rows"
        yield Suspicion("pair.quoted", what, seen.quoted)


def _single_swapped(seen: Scan) -> Iterator[Suspicion]:
    """Return rows that are the other way round than nearly all: the document a short question, the query an answer."""
    queries, documents = seen.characters[0], seen.characters[1]
    asks, answers = seen.has(Sign.QUESTION)[:2]
    if len(asks) < FEWEST_ROWS or asks.mean() < MOSTLY or (asks & answers).mean() > SEVERAL:
        return
    as_query = answers & (documents <= np.quantile(queries[asks], 0.95))
    as_document = ~asks & (queries >= np.quantile(documents[~answers], 0.05)) if not answers.all() else np.zeros_like(asks)
    swapped = as_query & as_document
    if 0 < swapped.mean() <= A_TENTH:
        what = "the document is a question and the query is not, unlike in nearly all rows: query and document exchanged? Rows"
        yield Suspicion("row.swapped", what, swapped)


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
