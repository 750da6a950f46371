"""What is in the data, as facts and findings for `audit.json`. Findings refer to rows, never to texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arrow import batches_of
from data.schema import PreparedDataset, RowKind, text_columns
from data.split import Hashes, RowHashes, hash_rows
from data.suspect import suspicions

if TYPE_CHECKING:
    from datasets import Dataset

EXAMPLES = 5
"""Rows named with each finding."""
BINS = 10
"""Bars of the score histogram over 0..1."""
LONG_WORDS = 350
"""Words above which most encoders cut a text off (512 tokens)."""
ENDLESS = 100_000
"""Characters of a text that no model reads to its end."""
FEW_TEST = 100
"""Queries or scored pairs below which a test seldom shows a difference."""

Finding = dict[str, Any]


def audit(prepared: Sequence[PreparedDataset]) -> dict[str, Any]:
    """Facts and findings about every data set, ready for JSON.

    Returns:
        `{"datasets": [...]}`, each with `name, location, kind, columns, ignored, score_range, counts, notes, fingerprint,
        texts` (characters and words by split and column), `scores` (histogram by split), `documents` (of the corpus) and
        `findings`: `{"severity": "info" | "warning", "what", "count", "examples"}`, the warnings first.
    """
    return {"datasets": [_dataset(data) for data in prepared]}


def _dataset(data: PreparedDataset) -> dict[str, Any]:
    recognised = data.recognised
    texts = {name: lengths(table, text_columns(table.column_names)) for name, table in data.splits.items()}
    scored = data.kind is RowKind.SCORED
    findings = _findings(data)
    return {
        "name": data.name,
        "location": data.location,
        "kind": data.kind.value,
        "columns": {role: list(columns) for role, columns in recognised.roles.items()},
        "ignored": list(recognised.ignored),
        "score_range": None if recognised.score_range is None else list(recognised.score_range),
        "counts": dict(data.counts),
        "notes": list(data.notes),
        "fingerprint": data.fingerprint,
        "texts": texts,
        "scores": {name: histogram(table) for name, table in data.splits.items()} if scored else {},
        "documents": None if data.corpus is None else lengths(data.corpus, ["text"]),
        "findings": sorted(findings, key=lambda f: f["severity"] != "warning"),
    }


def lengths(table: Dataset, columns: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Minimum, median, mean, 95th percentile and maximum of the characters and words of each column."""
    characters = {column: np.empty(len(table), dtype=np.int64) for column in columns}
    words = {column: np.empty(len(table), dtype=np.int64) for column in columns}
    begin = 0
    for batch in batches_of(table, columns):
        end = begin + len(batch[0])
        for column, values in zip(columns, batch, strict=True):
            characters[column][begin:end] = [len(text) for text in values]
            words[column][begin:end] = [len(text.split()) for text in values]
        begin = end
    return {c: {"characters": _summary(characters[c]), "words": _summary(words[c])} for c in columns}


def _summary(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    low, median, high, top = np.percentile(values, [0, 50, 95, 100])
    mean = round(float(values.mean()), 2)
    return {"min": int(low), "median": float(median), "mean": mean, "p95": float(high), "max": int(top)}


def histogram(table: Dataset) -> dict[str, Any]:
    """Number of scores in each tenth of 0..1 (1.0 belongs to the last), their mean and number of distinct values."""
    scores = table.data.column("score").to_numpy()
    counts, _ = np.histogram(scores, bins=BINS, range=(0.0, 1.0))
    return {"bins": counts.tolist(), "mean": round(float(scores.mean()), 4), "distinct": len(np.unique(scores))}


def _findings(data: PreparedDataset) -> list[Finding]:
    hashes = {name: hash_rows(table) for name, table in data.splits.items()}
    scored = data.kind is RowKind.SCORED
    found: list[Finding | None] = []
    for name, table in data.splits.items():
        found += _within(name, table, hashes[name], scored)
    found += _between(data, hashes, scored)
    name, table = next(iter(data.splits.items()))  # what is peculiar is so in every split: once is enough
    found += [_where("warning", f"{name}: {what}", table, mask) for what, mask in suspicions(table)]
    for name, number in data.counts.items():
        if name.startswith("dropped_"):
            found.append(_finding("warning", f"bad rows left out ({name.removeprefix('dropped_')})", number))
    if "test" in hashes:
        units = len(hashes["test"]) if scored else len(np.unique(hashes["test"].first))
        if units < FEW_TEST:
            what = f"test has fewer than {FEW_TEST} {'pairs' if scored else 'queries'}: small differences will not show"
            found.append(_finding("warning", what, units))
    return [finding for finding in found if finding is not None]


def _finding(severity: str, what: str, number: int, table: Dataset | None = None, rows: Sequence[int] = ()) -> Finding:
    examples = [] if table is None else [table[int(row)]["row"] for row in rows[:EXAMPLES]]
    return {"severity": severity, "what": what, "count": int(number), "examples": examples}


def _where(severity: str, what: str, table: Dataset, mask: np.ndarray) -> Finding | None:
    """A finding about the rows in `mask`, None where there are none."""
    rows = np.flatnonzero(mask)
    return _finding(severity, what, len(rows), table, rows.tolist()) if len(rows) else None


def _within(name: str, table: Dataset, rows: RowHashes, scored: bool) -> list[Finding | None]:
    """Findings about one split."""
    pairs = rows.unordered_pairs() if scored else rows.pairs()
    found = [_where("info", f"{name}: rows that repeat an earlier pair of texts", table, _repeated(pairs))]
    same = rows.first == rows.second
    if scored:
        scores = table.data.column("score").to_numpy()
        found.append(_where("warning", f"{name}: equal texts with a score below 0.9", table, same & (scores < 0.9)))
        found.append(_where("warning", f"{name}: the same pair of texts with another score", table, _conflicting(pairs, scores)))
    else:
        found.append(_where("warning", f"{name}: anchor and positive are the same text", table, same))
        found.append(_where("info", f"{name}: rows whose positive also belongs to another query", table, _shared(rows)))
    clash = np.zeros(len(rows), dtype=bool)
    for negative in rows.negatives:
        clash |= (negative == rows.second) | (negative == rows.first)
    found.append(_where("warning", f"{name}: a negative equals the anchor or the positive", table, clash))
    relevant = np.zeros(len(rows), dtype=bool)
    for negative in rows.negatives:
        relevant |= np.isin(dataclasses.replace(rows, second=negative).pairs(), pairs)
    what = f"{name}: a negative is the positive of the same query in another row"
    found.append(_where("warning", what, table, relevant & ~clash))
    long, endless = np.zeros((2, len(rows)), dtype=bool)
    columns, begin = text_columns(table.column_names), 0
    for batch in batches_of(table, columns):
        counted = [[len(text.split()) > LONG_WORDS for text in values] for values in batch]
        long[begin : begin + len(batch[0])] = np.any(counted, axis=0)
        endless[begin : begin + len(batch[0])] = np.any([[len(text) > ENDLESS for text in values] for values in batch], axis=0)
        begin += len(batch[0])
    found.append(_where("info", f"{name}: rows with a text of more than {LONG_WORDS} words, which may be cut off", table, long))
    what = f"{name}: a text of more than {ENDLESS:,} characters, of which a model reads the beginning only"
    found.append(_where("warning", what, table, endless))
    return found


def _repeated(keys: Hashes) -> np.ndarray:
    """Mask of the rows whose key occurred before."""
    mask = np.ones(len(keys), dtype=bool)
    mask[np.unique(keys, return_index=True)[1]] = False
    return mask


def _conflicting(pairs: Hashes, scores: np.ndarray) -> np.ndarray:
    """Mask of the rows whose pair has more than one score in the split."""
    _, inverse = np.unique(pairs, return_inverse=True)
    low, high = np.full(inverse.max() + 1, np.inf), np.full(inverse.max() + 1, -np.inf)
    np.minimum.at(low, inverse, scores)
    np.maximum.at(high, inverse, scores)
    return (high > low)[inverse]


def _shared(rows: RowHashes) -> np.ndarray:
    """Mask of the rows whose positive stands with several queries."""
    _, first_of_pair = np.unique(rows.pairs(), return_index=True)
    positives, queries = np.unique(rows.second[first_of_pair], return_counts=True)
    return np.isin(rows.second, positives[queries > 1])


def _between(data: PreparedDataset, hashes: dict[str, RowHashes], scored: bool) -> list[Finding | None]:
    """Rows of a later split whose texts an earlier one has: what is learnt by heart there is no progress here."""
    keys: dict[str, Callable[[RowHashes], Hashes]] = {"pair": RowHashes.unordered_pairs if scored else RowHashes.pairs}
    if not scored:
        keys["query"] = lambda rows: rows.first
    found: list[Finding | None] = []
    names = list(hashes)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            for what, key in keys.items():
                mask = np.isin(key(hashes[other]), key(hashes[one]))
                found.append(_where("warning", f"rows of {other} whose {what} is also in {one}", data.splits[other], mask))
            if scored:
                known = np.concatenate([hashes[one].first, hashes[one].second])
                mask = np.isin(hashes[other].first, known) | np.isin(hashes[other].second, known)
                found.append(_where("info", f"rows of {other} with a sentence that is also in {one}", data.splits[other], mask))
    return found
