"""How the queries or scored pairs of a task are divided into parts, of which each may gain something else.

Divisions rest on the items alone, never on what a model scored, so that no part is picked for its gain. Parts of fewer than
`FEWEST_ITEMS` items are left out, and so are divisions of which only one part is left.

Shapes: n items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from data.audit.languages import language_of
from train.evaluate.tasks import RetrievalTask, ScoredTask, Task

FEWEST_ITEMS = 10
"""Items of a part: with fewer its interval says nothing."""
MOST_PARTS = 6
"""Languages, or groups, that are told: the largest ones."""
LANGUAGES_FROM = 40
"""Items from which on languages are looked for."""


class Division(NamedTuple):
    """Parts of the items: their names, and [n] bool for each."""

    by: str
    parts: list[tuple[str, np.ndarray]]


def divisions(task: Task) -> list[Division]:
    """Return every division of the task that has two parts or more."""
    found = _of_queries(task) if isinstance(task, RetrievalTask) else _of_pairs(task)
    kept = [Division(by, [(name, mask) for name, mask in parts if mask.sum() >= FEWEST_ITEMS]) for by, parts in found]
    return [one for one in kept if len(one.parts) > 1]


def _of_queries(task: RetrievalTask) -> Iterator[Division]:
    relevant = [[document for document, grade in task.qrels[query].items() if grade > 0] for query in task.query_ids]
    length = dict(zip(task.document_ids, map(len, task.documents), strict=True))
    yield _thirds("query length", [len(text) for text in task.queries], "characters")
    yield _thirds("document length", [float(np.mean([length[one] for one in found])) for found in relevant], "characters")
    yield _languages(task.queries)
    yield _groups(task.groups)
    count = np.array([len(found) for found in relevant])
    parts = [("1", count == 1), ("2 to 5", (count > 1) & (count <= 5)), ("more than 5", count > 5)]
    yield Division("relevant documents", parts)


def _of_pairs(task: ScoredTask) -> Iterator[Division]:
    both = list(zip(task.sentences1, task.sentences2, strict=True))
    yield _thirds("length", [len(one) + len(two) for one, two in both], "characters")
    yield _languages([f"{one} {two}" for one, two in both])
    yield _groups(task.groups)
    yield _thirds("gold score", task.scores.tolist())


def _thirds(by: str, values: Sequence[float], unit: str = "") -> Division:
    """Divide at the terciles; equal values stay in one part."""
    found = np.asarray(values, dtype=float)
    low, high = np.quantile(found, [1 / 3, 2 / 3], method="lower")
    if low == high:
        return Division(by, [(f"up to {_number(low, unit)}", found <= low), (f"above {_number(low, unit)}", found > low)])
    middle = f"above {_number(low)} to {_number(high, unit)}"
    return Division(
        by,
        [
            (f"up to {_number(low, unit)}", found <= low),
            (middle, (found > low) & (found <= high)),
            (f"above {_number(high, unit)}", found > high),
        ],
    )


def _number(value: float, unit: str = "") -> str:
    return f"{value:,.0f} {unit}" if unit else f"{value:,.0f}" if value > 1 else f"{value:.2f}"


def _languages(texts: Sequence[str]) -> Division:
    """Divide by language (ISO 639-1); texts that do not tell theirs are in no part."""
    if len(texts) < LANGUAGES_FROM:
        return Division("language", [])
    found = np.array([language_of(text) or "" for text in texts])
    names, counts = np.unique(found[found != ""], return_counts=True)
    largest = names[np.argsort(-counts, kind="stable")][:MOST_PARTS]
    return Division("language", [(str(name), found == name) for name in largest])


def _groups(groups: np.ndarray | None) -> Division:
    """Divide by group, the largest ones; they are called by their number in per_query.parquet, as their names may be texts."""
    if groups is None:
        return Division("group", [])
    sizes = np.bincount(groups)
    largest = np.argsort(-sizes, kind="stable")[:MOST_PARTS]
    return Division("group", [(f"number {number}", groups == number) for number in largest.tolist()])
