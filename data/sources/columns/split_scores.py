"""Scores of several splits: a split without labels, labels of -1 that stand for none, and scales that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from data.errors import DataError
from data.sources.cells import counted_rows
from data.sources.columns.label_names import names_classes
from data.sources.columns.roles import Roles, setting
from data.sources.columns.score_range import RANGE_HINT, ScoreScan

NO_LABEL = -1
"""What GLUE and its kind write where the label of a test row is kept back."""

BY_CHANCE = 0.001
"""Probability below which two splits are not taken for samples of one scale."""

FEW = 0.5
"""Share of the rarer of the labels 0 and 1 below which -1 is no label of its own."""


def without_label(parts: Mapping[str, ScoreScan]) -> list[str]:
    """Return the splits of which every label is -1, where the others have none below 0."""
    hidden = [split for split, scan in parts.items() if scan.count and scan.low == scan.high == NO_LABEL]
    others = [scan for split, scan in parts.items() if split not in hidden and scan.count]
    return hidden if others and all(scan.low >= 0 for scan in others) else []


def hides_labels(parts: Mapping[str, ScoreScan], column: str) -> int:
    """Return how many labels are -1 for "no label" among zeros and ones; 0 where -1 is a grade or not there."""
    counts: dict[float, int] = {}
    for scan in parts.values():
        for value, times in (scan.values or {}).items():
            counts[value] = counts.get(value, 0) + times
    if set(counts) != {NO_LABEL, 0, 1}:
        return 0
    # a split with -1 and 1 alone has the labels of another convention
    zeros = all(0 in (scan.values or ()) for scan in parts.values() if NO_LABEL in (scan.values or ()))
    apart = zeros and any(_differ(parts, split, lambda scan: scan.below_zero) for split in parts)
    few = names_classes(column) and counts[NO_LABEL] < FEW * min(counts[0], counts[1])
    return counts[NO_LABEL] if apart or few else 0


def refuse_hidden(count: int, total: int, roles: Roles, where: str) -> DataError:
    """Return the error that some labels are -1 for "no label"."""
    return DataError(
        f"of {total:,} labels {count:,} {'is' if count == 1 else 'are'} -1, which beside 0 and 1 usually stands for 'no label'",
        where=where,
        hint=f"to leave these rows out data.bad_rows=drop; if -1 is the lowest grade {setting('score', str(roles.score))}"
        " data.score_range=[-1,1]",
    )


def left_out(splits: Sequence[str], parts: Mapping[str, ScoreScan]) -> list[str]:
    """Return what is said of splits without labels."""
    return [
        f"{split} is not used: all labels of its {counted_rows(parts[split].count)} are -1, which stands for 'no label'"
        for split in splits
    ]


def check_scales(parts: Mapping[str, ScoreScan], where: str) -> list[str]:
    """Refuse splits that seem to be given on different scales; return what should be said.

    Raises:
        DataError: one split has scores in 0..1 alone, or none below 0 among whole numbers, and that is no chance.
    """
    above = any(_differ(parts, split, lambda scan: scan.above_one) for split in parts)
    below = any(_differ(parts, split, lambda scan: scan.below_zero) for split in parts)
    if not (above or below):
        return []
    figures = ", ".join(f"{split} {scan.low:g}..{scan.high:g}" for split, scan in parts.items() if scan.count)
    what = f"the splits seem to have scores on different scales: {figures}"
    if above or all(scan.values is not None and all(v == int(v) for v in scan.values) for scan in parts.values()):
        raise DataError(what, where=where, hint=f"bring them to one scale; if they are on one, {RANGE_HINT}")
    return [f"{what}; if one scale is meant, {RANGE_HINT}"]


def _differ(parts: Mapping[str, ScoreScan], split: str, count: Callable[[ScoreScan], int]) -> bool:
    """Tell whether a split has none of what is frequent in the others, and that is no chance."""
    others = [scan for name, scan in parts.items() if name != split]
    total, found = sum(scan.count for scan in others), sum(map(count, others))
    return bool(found) and count(parts[split]) == 0 and (1 - found / total) ** parts[split].count < BY_CHANCE
