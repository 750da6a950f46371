"""Tuned against the first base on the page of a run, where its base is the model of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from train.evaluate.first_base import first_base_sentences
from train.runs.records import RunReport


def first_base_on_page(report: RunReport, plain: Callable[[str], str], tuned: str) -> dict[str, Any]:
    """Return what the template of the page needs; `plain` makes a name fit to stand inside a sentence."""
    found = report.first_base
    if found is None:
        return {"first_base": []}
    results = tuple(one.model_copy(update={"dataset": plain(one.dataset), "name": plain(one.name)}) for one in found.results)
    texts = {"runs": tuple(map(plain, found.runs)), "notes": tuple(map(plain, found.notes))}
    return {"first_base": first_base_sentences(found.model_copy(update={"results": results, **texts}), tuned)}
