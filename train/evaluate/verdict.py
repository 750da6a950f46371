"""From figures to a verdict, and the verdict in plain words.

A data set is `improved` when the 95% interval of tuned - base lies above 0, `regressed` when it lies below, and the randomisation
test agrees (p of `LEVEL` at most); else `no_evidence`. The two part where few items changed: of 50 queries with 4 that gained,
resamples without any of these are rarer than 2.5%, but one in eight ways to draw the four signs is as one-sided.
Where cross-validation was done, its interval decides, unless the model that is shipped is the base itself (`no_evidence`).
Where the rows say which items belong together, whole groups are resampled, and their number stands for that of the items.
A run is `improved` when at least one data set is and none regressed, `mixed` when both occur, `regressed` when some regressed
and none improved, else `no_evidence`.
"""

from __future__ import annotations

from typing import Literal

DatasetVerdict = Literal["improved", "regressed", "no_evidence"]
RunVerdict = Literal["improved", "regressed", "mixed", "no_evidence"]

"""What `--fail-on` takes."""

FEWEST = 6
"""Fewer queries never settle anything: with five, even the same sign everywhere has p = 2 / 2^5 = 0.06 by chance."""

LEVEL = 0.05
"""A p-value above this is no evidence, whatever the interval."""


def dataset_verdict(ci95: tuple[float, float], n: int, p_value: float) -> DatasetVerdict:
    """Return the verdict on a data set from its interval (low, high), the number of queries, pairs or groups of them, and p."""
    low, high = ci95
    if n < FEWEST or p_value > LEVEL or low <= 0 <= high:
        return "no_evidence"
    return "improved" if low > 0 else "regressed"
