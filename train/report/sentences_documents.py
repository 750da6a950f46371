"""What is said of documents that train taught and of new ones."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult
from train.evaluate.slices import SliceResult
from train.wording import change, counted, interval, joined


def documents_clause(result: DatasetResult) -> str:
    """Return what belongs right behind "is better than the base on NAME", where that is not shown for new documents; else
    nothing."""
    taught, new = result.by_documents.not_on_new or (None, None)
    if taught is None or new is None:
        return ""
    word = "it is worse" if new.verdict == "regressed" else "nothing shows that it is better"
    together = f"All {counted(result_n(result), result.kind)} together"
    if taught.verdict == "improved":
        gain = f" on documents that train taught ({_gain(taught, result.kind)})"
        return f"{gain}; on new documents {word} ({_gain(new, result.kind)}). {together}"
    alone = f"on documents that train taught alone: {_gain(taught, result.kind)}"
    return f", but on new documents {word} ({_gain(new, result.kind)}; {alone}). {together}"


def documents_sentence(result: DatasetResult) -> str:
    """Return a sentence on taught and new documents, with a blank before it, where the clause does not say it already."""
    found = result.by_documents
    if result.kept_base:
        return ""
    if found.hardly_new and result.settled == "improved":
        new = 0 if found.new is None else found.new.n
        of = f"{result_n(result):,} queries"
        if found.new is None:
            return f" What it does on documents that train did not teach is not known: none of the {of} asks for such."
        few = f"only {new:,} of {of} ask{'s' * (new == 1)} for such ({_gain(found.new, result.kind)})"
        if found.new.verdict == "regressed":
            return f" On documents that train did not teach it is worse, though {few}."
        return f" What it does on documents that train did not teach is hardly known: {few}."
    if found.both is None or (found.not_on_new and result.settled == "improved"):
        return ""
    taught, new_part = found.both
    return f" On documents that train taught: {_gain(taught, result.kind)}; on new documents: {_gain(new_part, result.kind)}."


def summary_of_documents(results: Sequence[DatasetResult]) -> str:
    """Return what ends the summary over several data sets, its full stop included."""
    taught: list[str] = []
    worse: list[str] = []
    unclear: list[str] = []
    for one in results:
        if one.settled == "improved" and (found := one.by_documents.not_on_new) is not None:
            lost = worse if found[1].verdict == "regressed" else unclear
            (taught if found[0].verdict == "improved" else lost).append(one.name)
    said = [
        *([f"on {joined(taught)} this is shown for documents that train taught only, not for new ones"] if taught else []),
        *([f"on {joined(worse)} it is worse on new documents"] if worse else []),
        *([f"on {joined(unclear)} it is not shown for new documents alone"] if unclear else []),
    ]
    return "".join(f"; {one}" for one in said) + "."


def result_n(result: DatasetResult) -> int:
    """Return how many items the verdict that counts stands on."""
    crossed = result.cross_validation
    return result.n if crossed is None or result.kept_base else crossed.n


def _gain(part: SliceResult, kind: str) -> str:
    return f"{change(part.delta)}, 95% interval {interval(part.ci95)}, {counted(part.n, kind, part.groups)}"
