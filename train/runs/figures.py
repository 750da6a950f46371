"""The verdict of a run in one line with its figures, and in a few words: the same on page, index, terminal and model card."""

from __future__ import annotations

from train.evaluate.facts import RunFacts
from train.evaluate.headline import Headline, headline_of
from train.runs.records import RunReport
from train.wording import VERDICT_WORDS, nothing_better


def headline_figure(report: RunReport) -> Headline | None:
    """Return the figures that stand for a run, or for an evaluation of two models; None where nothing was judged."""
    primary = report.primary_result
    return headline_of(report.datasets, report.verdict, None if primary is None else primary.name)


def verdict_line(report: RunReport) -> str:
    """Return the verdict in a short sentence without a full stop, with the figures that stand for it.

    >>> verdict_line(report)  # doctest: +SKIP
    'Better: nDCG@10 0.539 → 0.730 on python_api (150 queries of test)'
    """
    figure = headline_figure(report)
    facts = RunFacts.of(report.datasets, kept=report.selection.share == 0)
    if facts.ships == "kept":
        return f"The base is kept: {nothing_better(report.selection.passed_over)}"
    if figure is None:
        return "Not judged: there is no test split"
    if facts.ships == "withheld":
        return f"The base is shipped: what was trained is {VERDICT_WORDS[figure.line.settled]}, {figure.figures}"
    return f"{_word(report)}: {figure.figures}"


def _word(report: RunReport) -> str:
    """Return the verdict, of several data sets with how many of them say so."""
    word, many = VERDICT_WORDS[report.verdict].capitalize(), len(report.datasets)
    if many == 1:
        return word
    trained = [one.on_training for one in report.datasets]
    better, worse = trained.count("improved"), sum(one.whole in ("regressed", "mixed") for one in report.datasets)
    match report.verdict:
        case "improved":
            return f"{word} on {better} of {many} data sets"
        case "regressed":
            return f"{word} on {worse} of {many} data sets"
        case "mixed" if better:
            return f"{word}, better on {better} and worse on {worse} of {many} data sets"
    return word
