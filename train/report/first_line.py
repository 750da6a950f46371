"""The first line of every report, where the verdict below it does not already say the most important thing."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.facts import RunFacts
from train.evaluate.headline import speaks_for_the_model
from train.evaluate.results import DatasetResult
from train.report.sentences import figures_of
from train.wording import joined, nothing_better

OPTION = "export.unproven=base"

_BEGINNINGS = ("The base is shipped: ", "Worse: ", "Unproven: ")


def doubt(facts: RunFacts) -> str:
    """Return what the first line says after its first words, without figures: for a page whose title gives these."""
    said = first_line(facts, figures=False) or ""
    begun = next((one for one in _BEGINNINGS if said.startswith(one)), "")
    rest = said.removeprefix(begun)
    return rest[:1].upper() + rest[1:]


def first_line(facts: RunFacts, *, passed_over: bool = False, figures: bool = True) -> str | None:
    """Return it; None where the model that is shipped is better, and so is such training.

    It says, in this order: that the base is shipped and why; that what is shipped is worse; that its gain is unproven; that it is
    better although such training is not shown to be. Those of a single data set come with their `figures`.
    """
    if facts.ships == "kept":
        return f"The base is shipped: {nothing_better(passed_over or any(one.passed_over for one in facts.results))}."
    if facts.ships == "withheld":
        return f"The base is shipped: {_doubt(facts, figures)}."
    if facts.shipped in ("regressed", "mixed"):
        return f"Worse: {_doubt(facts, figures)}.{'' if facts.proven else _instead()}"
    if not facts.proven:
        return f"Unproven: {_doubt(facts, figures)}.{_instead()}"
    if facts.verdict == "improved":
        return None
    better = facts.judged("improved")
    such = _such_training(facts) or "; nothing shows that such training makes better models"
    return f"Better, as far as this one model goes: {_subject(facts)} is better than the base on {_where(better, figures)}{such}."


def _instead() -> str:
    return f" {OPTION} would ship the base instead."


def _doubt(facts: RunFacts, figures: bool) -> str:
    """Say that what was judged is worse, or not shown to be better, with the figures of a single data set."""
    if not facts.results:
        return "what was trained was not judged, as there is no test split"
    worse, better = facts.judged("regressed"), facts.judged("improved")
    such = _such_training(facts)
    if worse:
        also = f", though better on {_names(better)}" if better else ""
        return f"{_subject(facts)} is worse than the base on {_where(worse, figures)}{also}{such}"
    known = f"nothing shows that {_subject(facts)} is better than the base"
    if len(facts.results) > 1:
        known += f": it is better on none of {len(facts.results)} data sets"
    else:
        known += f" on {_where(facts.results, figures)}"
    return known + such


def _such_training(facts: RunFacts) -> str:
    """Return what ends a sentence where several models of such training show what the one model does not; else nothing."""
    if not facts.several:
        return ""
    better = [one for one in facts.trained("improved") if one not in facts.judged("improved")]
    worse = [one for one in facts.trained("regressed") if one not in facts.judged("regressed")]
    if not better and not worse:
        return ""
    found = [f"{word} than the base on {_names(ones)}" for word, ones in (("better", better), ("worse", worse)) if ones]
    return f"; such training makes models that are {joined(found)}"


def _subject(facts: RunFacts) -> str:
    """Return what the model that may be shipped is called."""
    seeds = any(one.seeds is not None and one.cross_validation is None for one in facts.results)
    return "the best seed on dev" if seeds else "what was trained"


def _names(results: Sequence[DatasetResult]) -> str:
    return joined([one.name for one in results])


def _where(results: Sequence[DatasetResult], figures: bool) -> str:
    """Return the names of data sets, for a single one with the figures that decide."""
    if len(results) > 1 or not figures:
        return _names(results)
    (result,) = results
    return f"{result.name} ({figures_of(speaks_for_the_model(result) or result, result.kind)})"
