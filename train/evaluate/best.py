"""Which checkpoint of a learning curve is taken: the last that dev cannot tell from the best.

Dev is a sample. On 500 queries the mean nDCG@10 of two models of one training differs by about 0.005 by chance, and the best of
several checkpoints is partly the luckiest. Of those that the standard error leaves undecided (the one-standard-error rule of
Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3) the last is taken: it has seen the most rows, and its
learning rate has come down the furthest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

SPREAD = 0.1
"""Standard deviation of a query's difference between two models of one training, rounded down. Of two seeds it was 0.12 to 0.18
in nDCG@10 (scifact, finqa10k, nl2bash), near the ceiling 0.04 to 0.10 (mqp), and of a pair in Spearman's 0.05 to 0.10 (sick)."""


def dev_noise(counts: Iterable[int]) -> float:
    """The standard error of a difference of two checkpoints in the mean dev score of data sets.

    Args:
        counts: dev queries or scored pairs of each data set; at least one data set.
    """
    each = [SPREAD**2 / count for count in counts]
    return math.sqrt(sum(each)) / len(each)


def highest_line(curve: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The checkpoint with the highest dev score, the earliest of equals; the base (step 0) is none."""
    return max(_tuned(curve), key=lambda line: (line["dev"], -line["step"]), default=None)


def is_highest(line: Mapping[str, Any], curve: Iterable[Mapping[str, Any]]) -> bool:
    """Whether no checkpoint of the curve has a higher dev score."""
    highest = highest_line(curve)
    return highest is not None and bool(line["dev"] == highest["dev"])


def best_line(curve: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The checkpoint that is taken: the last whose dev score is no further below the highest than its `noise`.

    None that is no better than the base, while the highest is, counts among them. Lines without `noise` (of earlier versions, and
    near the ceiling, where the least change is wanted) are compared exactly.

    Args:
        curve: lines of scores.jsonl: `step`, `dev`, and `noise` where it is known.
    """
    curve = list(curve)
    highest = highest_line(curve)
    if highest is None or not highest.get("noise"):
        return highest
    base = next((line["dev"] for line in curve if line["step"] == 0), None)
    beaten = base is not None and highest["dev"] > base
    equals = [
        line
        for line in _tuned(curve)
        if line["dev"] >= highest["dev"] - highest["noise"] and not (beaten and line["dev"] <= base)
    ]
    return max(equals, key=lambda line: int(line["step"]))


def _tuned(curve: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in curve if line["step"] > 0 and line.get("dev") is not None]
