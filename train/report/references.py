"""Whether fine-tuning was worth it: tuned beside words alone, words with a model, and the default model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from train.console import lines_of, plain_table
from train.evaluate.references import ReferenceResult
from train.runs.records import RunReport
from train.wording import change, fraction, interval, sentence_case

CALLED = {
    "words": "words alone (BM25)",
    "base_and_words": "BM25 together with the base",
    "tuned_and_words": "BM25 together with the tuned model",
}
UNTRAINED = ("words", "base_and_words", "default_model")
"""What needs no training, in the order of what it costs to use."""


def reference_sentences(references: Sequence[ReferenceResult], tuned: str = "the tuned model") -> list[str]:
    """Say for each data set whether something that needs no training does as well as tuned, and whether words help it.

    "As well" is: shown to be worse by less than the margin. Each of these statements is wrong in one of twenty cases at most
    where the reference truly is worse by the margin; they are not corrected for their number.

    Args:
        references: of a run.
        tuned: what the tuned model is called.
    """
    return [_sentence(name, list(found), tuned) for name, found in groupby(references, lambda one: one.dataset)]


def _sentence(dataset: str, found: list[ReferenceResult], tuned: str) -> str:
    untrained = sorted((one for one in found if one.kind in UNTRAINED), key=lambda one: UNTRAINED.index(one.kind))
    value = fraction(found[0].tuned)
    parts = []
    good = next((one for one in untrained if one.as_good or one.verdict == "regressed"), None)
    if good is not None:
        does = ("do" if good.kind == "words" else "does") + (" better than" if good.verdict == "regressed" else " as well as")
        parts.append(
            f"{_first(_called(good))} {does} {tuned} on {dataset}: {fraction(good.value)} against {value}"
            + ("" if good.verdict == "regressed" else f", not worse by {good.margin:g}")
            + ". Fine-tuning may not be worth it."
        )
    else:
        worse = [one for one in untrained if one.verdict == "improved"]
        unclear = [one for one in untrained if one.verdict != "improved"]
        if worse:
            parts.append(f"{sentence_case(tuned)} ({value}) is better on {dataset} than {_listed(worse)}.")
        if unclear:
            parts.append(f"There are too few queries to tell {_listed(unclear)} from {tuned} ({value}) on {dataset}.")
    better = [one for one in found if one is not good and one.verdict == "regressed"]
    parts += [f"{_first(_called(one))} {_is_better(one, good, tuned)}" for one in better]
    return " ".join(parts)


def _is_better(one: ReferenceResult, good: ReferenceResult | None, tuned: str) -> str:
    """Return what is shown of a reference that does better: against tuned, and not against the other references."""
    too = "also " if good is not None and good.verdict == "regressed" else ""
    alone = " alone" if one.kind == "tuned_and_words" else ""
    figures = f"{fraction(one.value)} ({change(-one.delta)}, 95% interval {interval((-one.ci95[1], -one.ci95[0]))})"
    return f"{too}does better than {tuned}{alone}: {figures}."


def _first(called: str) -> str:
    """Return what begins a sentence; names of models keep their letters."""
    return f"W{called[1:]}" if called.startswith("words") else called


def _called(one: ReferenceResult) -> str:
    return CALLED.get(one.kind, f"{one.name} without training")


def _listed(found: Sequence[ReferenceResult]) -> str:
    *others, last = [f"{_called(one)} ({fraction(one.value)})".replace(") (", ", ") for one in found]
    return f"{', '.join(others)} and {last}" if others else last


def tuned_in_words(report: RunReport) -> str:
    """Return what the judged model of a run is called: it may be the base itself."""
    return "the shipped base" if report.selection.share == 0 else "the tuned model"


def references_on_page(report: RunReport, plain: Callable[[str], str]) -> dict[str, Any]:
    """Return what the template of the page needs; `plain` makes a name fit to stand inside a sentence."""
    references = [one.model_copy(update={"dataset": plain(one.dataset)}) for one in report.references]
    return {
        "references": references,
        "reference_sentences": reference_sentences(references, tuned_in_words(report)),
        "reference_notes": [plain(note) for note in report.reference_notes],
    }


def references_story(
    references: Sequence[ReferenceResult],
    notes: Sequence[str] = (),
    tuned: str = "the tuned model",
    console: Console | None = None,
) -> str:
    """Return the sentences and a table of the references, ready to print; "" where there are none.

    Args:
        references, tuned: see `reference_sentences`.
        notes: what was left out, a sentence each.
        console: as for `train.report.terminal.story`.
    """
    if not references and not notes:
        return ""
    console = console or Console(force_jupyter=False)
    with console.capture() as capture:
        if references:
            table = plain_table("Without training, on test")
            table.add_column("data set", overflow="fold")
            table.add_column("reference", overflow="fold")
            for heading in ("value", "tuned", "change", "95% interval"):
                table.add_column(heading, justify="right", no_wrap=True)
            for one in references:
                figures = (fraction(one.value), fraction(one.tuned), change(one.delta), interval(one.ci95))
                table.add_row(Text(one.dataset), one.name, *figures)
            console.print(table)
        for line in (*reference_sentences(references, tuned), *notes):
            console.print(Padding(Text(line), (0, 0, 0, 2)))
    return lines_of(capture.get())
