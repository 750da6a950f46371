"""How often a test was looked at, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult
from train.wording import ordinal

LUCK = (
    "The best of several models is partly the luckiest: of ten that are no better than the base, one or more is called better in"
    " 7 to 15% of cases, of one alone in 3%. Choose by dev."
)
"""Simulated with the project's own comparison: 0.065 to 0.150 (standard error 0.015) where the changes of two models correlate by
0.9 to 0.5, on 100 and 300 queries (tests/benchmarks/looks.py)."""


def looks_sentence(results: Sequence[DatasetResult]) -> str | None:
    """Return what to say about the looks at the tests; None where nobody looked before."""
    again = [(result.name, result.looks) for result in results if result.looks is not None and result.looks > 1]
    if not again:
        return None
    if len(results) == 1:
        return f"{ordinal(again[0][1]).capitalize()} look at this test. {LUCK}"
    which = ", ".join(f"{ordinal(number)} at {name}'s test" for name, number in again)
    return f"Looks: {which}. {LUCK}"
