"""How much of the texts a model reads: lengths in its tokens, by a sample of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from data.audit.row_checks import row_ids
from data.findings import Finding
from data.prepared import PreparedDataset
from data.schema import text_columns

if TYPE_CHECKING:
    from datasets import Dataset

SAMPLE = 5_000
"""Texts of a column that are tokenised, evenly spread over the rows."""
LOOKED_AT = 50_000
"""Characters of a text that are tokenised: more than most models read."""
MOSTLY = 0.5
"""Share of the texts of which less than half is read, from which on that is a warning."""

ROLES = {"anchor": "query", "sentence1": "symmetric", "sentence2": "symmetric"}
"""What the texts of a column are to the model; the others are documents."""

Lengths = dict[str, int | float]
"""Of the texts of one column: `sampled`, `median`, `p95`, `max`, `limit`, `cut`, `mostly_cut`."""


class TokenCounter(Protocol):
    """A model's tokenizer."""

    @property
    def limit(self) -> int:
        """The most tokens that the model reads, prompt and special tokens included."""

    def count(self, texts: Sequence[str], role: str) -> Sequence[int]:
        """Count the tokens of each text without any cut, with the prompt of this role ("query", "document" or "symmetric")."""


def token_lengths(data: PreparedDataset, counter: TokenCounter) -> tuple[dict[str, dict[str, Lengths]], list[Finding]]:
    """Count tokens by split and column, and findings about texts that are cut.

    Returns:
        `{split: {column: {"sampled", "median", "p95", "max", "limit", "cut", "mostly_cut"}}}`, where `cut` of the `sampled` texts
        are longer than `limit`, and `mostly_cut` more than twice as long; and the findings.
    """
    facts: dict[str, dict[str, Lengths]] = {}
    findings: list[Finding] = []
    for name, table in data.splits.items():
        facts[name] = {}
        for column in text_columns(table.column_names) if len(table) else []:
            facts[name][column], found = _column(name, table, column, counter)
            findings += found if name == next(iter(data.splits)) else []  # it is much the same in the others
    return facts, findings


def _column(split: str, table: Dataset, column: str, counter: TokenCounter) -> tuple[Lengths, list[Finding]]:
    rows = np.unique(np.linspace(0, len(table) - 1, min(SAMPLE, len(table))).astype(np.int64))
    texts = [text[:LOOKED_AT] for text in table.select(rows)[column]]
    counts = np.asarray(counter.count(texts, ROLES.get(column, "document")))
    median, p95, most = np.percentile(counts, [50, 95, 100])
    cut, mostly = counts > counter.limit, counts > 2 * counter.limit
    facts: Lengths = {
        "sampled": len(rows),
        "median": float(median),
        "p95": float(p95),
        "max": int(most),
        "limit": counter.limit,
        "cut": int(cut.sum()),
        "mostly_cut": int(mostly.sum()),
    }
    if not cut.any():
        return facts, []
    code, mask = ("text.mostly_cut", mostly) if mostly.mean() >= MOSTLY else ("text.truncated", cut)
    part = "of which less than half is read" if code == "text.mostly_cut" else "longer than the model reads"
    looked = "" if len(rows) == len(table) else f", of {len(rows):,} examined"
    what = f"{split}: texts of {column} {part} (more than {counter.limit} tokens{looked})"
    return facts, [Finding(code, what, int(mask.sum()), len(rows), split, row_ids(table, rows[mask]))]
