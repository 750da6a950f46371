"""Splits of scored pairs that allow a correlation: two pairs at least, with different scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from data.schema import SPLITS

LEAST_PAIRS = 2
"""Pairs that dev and test need: of one there is no correlation."""
LEAST_TRAINED = 2
"""Rows that train needs."""
ATTEMPTS, ATTEMPTS_OF_MANY, MANY = 200, 10, 10_000
"""How often rows are dealt anew, by their number: where many are dealt, only few other scores are missed."""
STEP = 0x1E3779B97F4A7C15
"""Between the seeds of two attempts; odd, and far from what people choose."""


def least_rows(scored: bool, splits: int) -> int:
    """Return how many pairs or queries are needed where some splits are split off from train."""
    return LEAST_TRAINED + splits * (LEAST_PAIRS if scored else 1)


def seeds(seed: int, scores: np.ndarray | None, judged: int) -> Iterator[int]:
    """Yield the seeds with which rows are dealt, the given one first; no other where it would not help.

    Args:
        seed: the user's.
        scores: of the rows that are dealt, [N]; None where rows have none.
        judged: splits that need different scores.
    """
    yield seed
    if scores is None or not len(scores):
        return
    _, counts = np.unique(scores, return_counts=True)
    if len(scores) - counts.max() < judged:  # each split needs one that differs from the most frequent
        return
    for attempt in range(1, ATTEMPTS if len(scores) <= MANY else ATTEMPTS_OF_MANY):
        yield (seed + attempt * STEP) % 2**63


def is_varied(dealt: np.ndarray, scores: np.ndarray | None, judged: Sequence[str]) -> bool:
    """Tell whether the rows of each split in `judged` have different scores.

    Args:
        dealt: the split of each row as an index into `SPLITS`, [N].
        scores: [N]; None where rows have none.
        judged: names of splits.
    """
    return scores is None or all(len(np.unique(scores[dealt == SPLITS.index(name)])) >= LEAST_PAIRS for name in judged)
