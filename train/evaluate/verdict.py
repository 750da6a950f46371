"""From figures to a verdict, and the verdict in plain words.

A data set is `improved` when the 95% interval of tuned - base lies above 0, `regressed` when it lies below, and the randomisation
test agrees (p of `LEVEL` at most); else `no_evidence`. The two part where few items changed: of 50 queries with 4 that gained,
resamples without any of these are rarer than 2.5%, but one in eight ways to draw the four signs is as one-sided.
Where cross-validation was done, its interval decides, unless the model that is shipped is the base itself (`no_evidence`).
Where the rows say which items belong together, whole groups are resampled, and their number stands for that of the items.
Where the base ranks pairs clearly against their scores, a model that was turned round is not better: `no_evidence`, unless the
user said which way the scores run (`data.score_range`).
A run is `improved` when at least one data set is and none regressed, `mixed` when both occur, `regressed` when some regressed
and none improved, else `no_evidence`.
"""

from __future__ import annotations

import math
from typing import Literal

DatasetVerdict = Literal["improved", "regressed", "no_evidence"]
RunVerdict = Literal["improved", "regressed", "mixed", "no_evidence"]

FEWEST = 6
"""Fewer queries never settle anything: with five, even the same sign everywhere has p = 2 / 2^5 = 0.06 by chance."""

LEVEL = 0.05
"""A p-value above this is no evidence, whatever the interval."""


SURELY = 2.576
"""Standard errors below 0 from which on a correlation is clearly negative: by chance one in 200 of those that are truly 0."""


def dataset_verdict(ci95: tuple[float, float], n: int, p_value: float, *, against_scores: bool = False) -> DatasetVerdict:
    """Return the verdict on a data set from its interval (low, high), the number of queries, pairs or groups of them, and p.

    Args:
        against_scores: the base ranks the pairs clearly against their scores (see `clearly_negative`).
    """
    low, high = ci95
    if n < FEWEST or p_value > LEVEL or low <= 0 <= high:
        return "no_evidence"
    if low < 0:
        return "regressed"
    return "no_evidence" if against_scores else "improved"


def not_worse(low95: float | None, margin: float) -> bool | None:
    """Tell whether a model is shown to be worse by less than `margin`, from the lower one-sided 95% bound of tuned - base (see
    `train.evaluate.bounds`); None where no bound is known."""
    return None if low95 is None else low95 > -margin


def clearly_negative(spearman: float, n: int) -> bool:
    """Tell whether a rank correlation over n independent pairs is below 0 beyond doubt.

    By Fisher's transformation with the standard error sqrt(1.06 / (n - 3)) of Fieller, Hartley and Pearson, "Tests for rank
    correlation coefficients I", Biometrika 44(3/4), 1957.
    """
    if n < FEWEST:
        return False
    return math.atanh(max(spearman, -1 + 1e-12)) < -SURELY * math.sqrt(1.06 / (n - 3)) if spearman < 0 else False
