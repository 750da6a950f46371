"""What is said of documents that train taught and of new ones."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult
from train.evaluate.slices import SliceResult
from train.wording import change, counted, interval


def documents_clause(result: DatasetResult) -> str:
    """Return what belongs right behind "is better than the base on NAME", where that is not shown for new documents; else
    nothing."""
    found = result.by_documents
    if found.both is None or not found.only_taught:
        return ""
    taught, new = found.both
    word = "it is worse" if new.verdict == "regressed" else "nothing shows that it is better"
    return (
        f" on documents that train taught ({_gain(taught, result.kind)}); on new documents {word}"
        f" ({_gain(new, result.kind)}). All {counted(result_n(result), result.kind)} together"
    )


def documents_sentence(result: DatasetResult) -> str:
    """Return a sentence on taught and new documents, with a blank before it, where the clause does not say it already."""
    found = result.by_documents
    if result.kept_base:
        return ""
    if found.hardly_new and result.settled == "improved":
        new = 0 if found.new is None else found.new.n
        of = f"{result_n(result):,} queries"
        few = f"only {new:,} of {of} ask{'s' * (new == 1)}" if new else f"none of the {of} asks"
        return f" What it does on documents that train did not teach is not known: {few} for such."
    if found.both is None or (found.only_taught and result.settled == "improved"):
        return ""
    taught, new_part = found.both
    return f" On documents that train taught: {_gain(taught, result.kind)}; on new documents: {_gain(new_part, result.kind)}."


def only_taught_names(results: Sequence[DatasetResult]) -> list[str]:
    """Return the data sets on which the tuned model is better, but not shown to be on new documents."""
    return [one.name for one in results if one.settled == "improved" and one.by_documents.only_taught]


def summary_of_documents(results: Sequence[DatasetResult]) -> str:
    """Return what ends the summary over several data sets, its full stop included."""
    names = only_taught_names(results)
    return f"; on {' and '.join(names)} this is shown for documents that train taught only, not for new ones." if names else "."


def result_n(result: DatasetResult) -> int:
    """Return how many items the verdict that counts stands on."""
    crossed = result.cross_validation
    return result.n if crossed is None or result.kept_base else crossed.n


def _gain(part: SliceResult, kind: str) -> str:
    return f"{change(part.delta)}, 95% interval {interval(part.ci95)}, {counted(part.n, kind, part.groups)}"
