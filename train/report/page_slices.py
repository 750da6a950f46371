"""Parts of what was judged: the section of the page, and what of it is worth a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from train.evaluate.results import DatasetResult
from train.evaluate.slices import ALL, DOCUMENTS, SliceResult
from train.wording import change, counted, interval, metric_name, p_value

PARTED = 0.05
"""Difference in the share of judged documents that is worth a sentence: half a document of the first ten."""


FEWEST = 20
"""Scored pairs of a part that is shown: the Spearman correlation of fewer may be anything."""


class Division(NamedTuple):
    """One division of a data set's items, and its parts."""

    by: str
    parts: list[SliceResult]


class Sliced(NamedTuple):
    """A data set with its divisions.

    Attributes:
        name, metric, kind: of the data set.
        divisions: the whole first, then the parts.
        judged: whether shares of judged documents are known.
        too_small: parts that are left out, as they hold fewer than `FEWEST` pairs.
    """

    name: str
    metric: str
    kind: str
    divisions: list[Division]
    judged: bool
    too_small: int = 0


def sliced(results: Sequence[DatasetResult]) -> list[Sliced]:
    """Return the data sets whose items are divided in any way, with their parts.

    A part that is the whole says nothing more, and a small one of scored pairs nothing at all: both are left out.
    """
    found = []
    for one in results:
        parts = [part for part in one.slices if part.by == ALL or part.n < one.n]
        shown = [part for part in parts if part.by == ALL or one.kind != "scored" or part.n >= FEWEST]
        divided = [Division(by, list(some)) for by, some in groupby(shown, key=lambda part: part.by)]
        if one.kept_base or all(division.by == ALL for division in divided):
            continue
        judged = any(part.judged10_tuned is not None for part in one.slices)
        found.append(Sliced(one.name, metric_name(one.metric), one.kind, divided, judged, len(parts) - len(shown)))
    return found


def slice_remarks(results: Sequence[DatasetResult]) -> list[str]:
    """Return a sentence for each further part that says something else than the whole, after the correction for all parts, and
    for each data set of which the two models find judged documents to a different extent."""
    remarks = []
    for one in results:
        for part in () if one.kept_base else one.slices:
            if part.by not in (ALL, DOCUMENTS) and part.verdict not in ("no_evidence", one.settled):
                word = "better" if part.verdict == "improved" else "worse"
                figures = f"{change(part.delta)}, 95% interval {interval(part.ci95)}, {counted(part.n, one.kind, part.groups)}"
                told = p_value(part.p_value if part.p_corrected is None else part.p_corrected)
                remarks.append(f"On {one.name}, by {part.by}: {word} where it is {part.name} ({figures}; corrected p {told}).")
        remarks += _judged_remark(one)
    return remarks


def _judged_remark(result: DatasetResult) -> list[str]:
    whole = next((part for part in result.slices if part.by == ALL), None)
    if whole is None or whole.judged10_base is None or whole.judged10_tuned is None:
        return []
    base, tuned = whole.judged10_base, whole.judged10_tuned
    if abs(base - tuned) < PARTED:
        return []
    fewer = "the tuned model" if tuned < base else "the base"
    return [
        f"On {result.name} {base:.0%} of the base's first ten documents are judged, and {tuned:.0%} of the tuned model's. What "
        f"nobody judged counts as irrelevant, which may cost {fewer} more."
    ]
