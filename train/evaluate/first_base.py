"""What all runs together gained on the base that the first of them began with, in sentences."""

from __future__ import annotations

from train.evaluate.references import FirstBaseResult, ReferenceResult
from train.wording import change, fraction, interval, joined, metric_name

IS = {"improved": "is better than", "regressed": "is worse than"}
OPEN = "cannot be told from"


def first_base_sentences(found: FirstBaseResult | None, tuned: str = "the tuned model") -> list[str]:
    """Say for each data set what all runs together gained on the first base, and what was not judged.

    Args:
        found: of a report; None where no run made the base.
        tuned: what the judged model is called.
    """
    if found is None:
        return []
    by_way = f" (by way of {joined(found.runs)})" if found.runs else ""
    return [*(_sentence(one, by_way, tuned) for one in found.results), *found.notes]


def _sentence(one: ReferenceResult, by_way: str, tuned: str) -> str:
    figures = f"{metric_name(one.metric)} {fraction(one.value)} → {fraction(one.tuned)}"
    sure = f"{change(one.delta)}, 95% interval {interval(one.ci95)}"
    whole = f"{tuned} {IS.get(one.verdict, OPEN)} the first base, {one.name}{by_way}, on {one.dataset}: {figures} ({sure})."
    return whole[:1].upper() + whole[1:]
