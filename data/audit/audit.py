"""What is in the data, as facts and findings for `audit.json`. Findings refer to rows, never to texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from data.arrow import batches_of
from data.audit.languages import languages
from data.audit.row_checks import (
    alike_findings,
    corpus_findings,
    group_findings,
    leak_findings,
    row_findings,
    row_ids,
    score_findings,
)
from data.audit.scan import Scan, scan
from data.audit.suspicions import MEANT, suspicions
from data.audit.text_checks import language_findings, text_findings
from data.audit.token_lengths import Lengths, TokenCounter, token_lengths
from data.findings import RULES, Done, Finding, FindingRecord, Severity
from data.prepared import PreparedDataset
from data.schema import RowKind, text_columns
from data.splits.hashes import hash_rows

if TYPE_CHECKING:
    from datasets import Dataset

BINS = 10
"""Bars of the score histogram over 0..1."""
FEW_TEST = 100
"""Queries or scored pairs below which a test seldom shows a difference."""
AUDIT_VERSION = "5"
"""Raised when the same data would give another audit."""

_ORDER = {str(severity): place for place, severity in enumerate(Severity)}
_CODES = {code: place for place, code in enumerate(RULES)}


class Histogram(TypedDict):
    """Scores of a split by tenths."""

    bins: list[int]
    mean: float
    distinct: int


class DatasetAudit(TypedDict):
    """Facts and findings about one data set."""

    name: str
    location: str
    kind: str
    columns: dict[str, list[str]]
    ignored: list[str]
    score_range: list[float] | None
    counts: dict[str, int]
    notes: list[str]
    fingerprint: str
    texts: dict[str, dict[str, dict[str, dict[str, float]]]]
    tokens: dict[str, dict[str, Lengths]]
    languages: dict[str, dict[str, dict[str, float]]]
    scores: dict[str, Histogram]
    documents: dict[str, dict[str, dict[str, float]]] | None
    findings: list[FindingRecord]


class Audit(TypedDict):
    """Of all data sets."""

    datasets: list[DatasetAudit]


def audit(
    prepared: Sequence[PreparedDataset], tokens: TokenCounter | None = None, tick: Callable[[int], None] = lambda rows: None
) -> Audit:
    """Collect facts and findings about every data set, ready for JSON.

    Args:
        prepared: the data sets.
        tokens: the tokenizer of the model that is to read the texts; without one their lengths are counted in words.
        tick: gets the number of rows of each lot that was read.

    Returns:
        `{"datasets": [...]}`, each with `name, location, kind, columns, ignored, score_range, counts, notes, fingerprint,
        texts` (characters and words by split and column), `tokens` (see `token_lengths`), `languages` (share by split and
        column), `scores` (histogram by split), `documents` (of the corpus) and `findings` (see `Finding.as_json`), the
        worst first.
    """
    return {"datasets": [_dataset(data, tokens, tick) for data in prepared]}


def _dataset(data: PreparedDataset, tokens: TokenCounter | None, tick: Callable[[int], None]) -> DatasetAudit:
    recognised = data.recognised
    seen = {name: scan(table, tick) for name, table in data.splits.items()}
    read, cut = ({}, []) if tokens is None else token_lengths(data, tokens)
    spoken, language = _languages(data)
    findings = _findings(data, seen) + text_findings(data, seen, in_words=tokens is None) + cut + language
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
        "texts": {name: lengths(one) for name, one in seen.items()},
        "tokens": read,
        "languages": spoken,
        "scores": {name: histogram(table) for name, table in data.splits.items()} if data.kind is RowKind.SCORED else {},
        "documents": None if data.corpus is None else document_lengths(data.corpus),
        "findings": sorted(
            (finding.as_json() for finding in findings), key=lambda found: (_ORDER[found["severity"]], _CODES[found["code"]])
        ),
    }


def _languages(data: PreparedDataset) -> tuple[dict[str, dict[str, dict[str, float]]], list[Finding]]:
    """Return the shares of languages by split and column, and findings about them."""
    try:
        spoken = {
            name: {column: languages(table, column) for column in text_columns(table.column_names)[:2]}
            for name, table in data.splits.items()
        }
    except OSError as error:
        return {}, [Finding("language.unknown", f"the languages could not be examined ({error.strerror})", 1)]
    return spoken, language_findings(spoken)


def lengths(seen: Scan) -> dict[str, dict[str, dict[str, float]]]:
    """Return minimum, median, mean, 95th percentile and maximum of the characters and words of each column."""
    return {
        column: {"characters": _summary(seen.characters[place]), "words": _summary(seen.words[place])}
        for place, column in enumerate(seen.columns)
    }


def document_lengths(corpus: Dataset) -> dict[str, dict[str, dict[str, float]]]:
    """Summarise the documents of a corpus in the same way, not looking at their signs."""
    characters, words = np.zeros((2, len(corpus)), dtype=np.int64)
    begin = 0
    for (texts,) in batches_of(corpus, ["text"]):
        rows = slice(begin, begin + len(texts))
        characters[rows], words[rows] = [len(text) for text in texts], [len(text.split()) for text in texts]
        begin += len(texts)
    return {"text": {"characters": _summary(characters), "words": _summary(words)}}


def _summary(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    low, median, high, top = np.percentile(values, [0, 50, 95, 100])
    mean = round(float(values.mean()), 2)
    return {"min": int(low), "median": float(median), "mean": mean, "p95": float(high), "max": int(top)}


def histogram(table: Dataset) -> Histogram:
    """Count the scores in each tenth of 0..1 (1.0 belongs to the last), their mean and number of distinct values."""
    scores = table.data.column("score").to_numpy()
    counts, _ = np.histogram(scores, bins=BINS, range=(0.0, 1.0))
    return {"bins": counts.tolist(), "mean": round(float(scores.mean()), 4), "distinct": len(np.unique(scores))}


def _findings(data: PreparedDataset, seen: dict[str, Scan]) -> list[Finding]:
    """Return findings about rows: the same text in several places, the two sides of a row, scores, splits."""
    hashes = data.hashes if data.hashes is not None else {name: hash_rows(table) for name, table in data.splits.items()}
    scored = data.kind is RowKind.SCORED
    found = leak_findings(data, hashes)
    for name, table in data.splits.items():
        found += row_findings(name, table, hashes[name], scored, data.near)
        if scored:
            found += score_findings(name, table, hashes[name])
    if data.own_corpus and data.corpus is not None:
        found += corpus_findings(data.corpus)
    name, table = next(iter(data.splits.items()))  # what is peculiar is so in every split: once is enough
    found += [] if scored else group_findings(name, table, hashes[name])
    found += alike_findings(name, table, hashes[name])
    for code, what, mask in suspicions(table, seen[name]):
        if data.literal and code in MEANT:
            continue
        rows = np.flatnonzero(mask)
        found.append(Finding(code, f"{name}: {what}", len(rows), len(mask), name, row_ids(table, rows)))
    for name, number in data.counts.items():
        if name.startswith("dropped_"):
            split = name.removeprefix("dropped_")
            what, rows_left_out = f"bad rows left out ({split})", data.dropped.get(split, [])
            hint = "nothing to do, or correct the rows: they are neither trained on nor judged"
            found.append(
                Finding("row.bad", what, number, None, split, rows_left_out, (), Done.DROPPED, Severity.WARNING, hint=hint)
            )
    if "test" in hashes:
        units = len(hashes["test"]) if scored else len(np.unique(hashes["test"].first))
        if units < FEW_TEST:
            what = f"test has fewer than {FEW_TEST} {'pairs' if scored else 'queries'}: small differences will not show"
            found.append(Finding("test.small", what, units, split="test"))
    return found
