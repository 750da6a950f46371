"""The last screen of a run: the verdict, the figures that decide, where everything is, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from train import wording
from train.config.schema import TrainSettings
from train.console import lines_of
from train.evaluate.facts import RunFacts
from train.evaluate.first_base import first_base_sentences
from train.evaluate.results import DatasetResult
from train.report.figures import verdict_line
from train.report.first_line import OPTION, doubt
from train.report.references import reference_sentences, tuned_in_words
from train.report.sentences_documents import documents_clause, documents_sentence
from train.report.sentences_doubt import rare_losses, why_not
from train.report.sentences_looks import looks_sentence
from train.report.terminal import STYLES, results_table
from train.runs.find import RUNS
from train.runs.folder import RunFolder
from train.runs.records import RunReport

MOST_SETS = 3
"""Data sets about which a sentence is said; more of them speak through the table."""


def closing(report: RunReport, files: RunFolder, config: TrainSettings, console: Console | None = None) -> list[str]:
    """Return the lines of the last screen of a run, ready to print.

    Args:
        report: of the run.
        files: its folder.
        config: its settings.
        console: decides width and colour; by default those of standard output: 80 columns and no colour when it is piped.
    """
    console = console or Console(force_jupyter=False)
    style = STYLES[report.verdict]
    with console.capture() as capture:
        console.print()
        console.print(Text(f"{verdict_line(report)}.", style=f"bold {style}"))
        for sentence in _sentences(report):
            console.print(Text(sentence))
        for warning in report.warnings:
            console.print(Text(f"Warning: {warning}", style="yellow"))
        if report.datasets:
            console.print()
            console.print(results_table(report.datasets, wording.BASE_AND_TUNED))
        console.print()
    seconds = report.cost.get("total_seconds")
    took = "" if seconds is None else f" (took {wording.duration(seconds)})"
    places = [f"report: {files.page}", f"model:  {files.model}{took}"]
    steps = (line for what, command in next_steps(report, files.path, config) for line in _written(what, command, console.width))
    return [*lines_of(capture.get()).split("\n"), *places, *steps]


def _sentences(report: RunReport) -> list[str]:
    """Return what has to be known beside the figures of the table: what is doubtful, and what would settle it."""
    facts = RunFacts.of(report.datasets, kept=report.selection.share == 0)
    told = [] if facts.ships == "kept" else [doubt(facts).removesuffix(f" {OPTION} would ship the base instead.")]
    for result in report.datasets if len(report.datasets) <= MOST_SETS else ():
        about = _about(result).strip()
        told.append(f"{result.name}: {about}" if about and len(report.datasets) > 1 else about)
    told.append(looks_sentence(report.datasets) or "")
    good = [one for one in report.references if one.as_good or one.verdict == "regressed"]
    told += reference_sentences(good, tuned_in_words(report))
    told += first_base_sentences(report.first_base, tuned_in_words(report)) if len(report.datasets) <= MOST_SETS else []
    return [sentence.strip() for sentence in told if sentence.strip()]


def _about(result: DatasetResult) -> str:
    """Return the doubt about one data set, in a sentence or two."""
    if result.kept_base:
        return ""
    if result.settled == "no_evidence":
        found = result.training
        return why_not(result.lines()[0], items=None if found is None else found.item_ci95)
    clause = documents_clause(result) if result.settled == "improved" else ""
    limits = f"Better on {result.name}{clause}." if clause else ""
    return f"{limits}{documents_sentence(result)}{rare_losses(result)}"


def next_steps(report: RunReport, run: Path, config: TrainSettings) -> list[tuple[str, str]]:
    """Return what to type next, by the verdict: what it is for in a word, and the command.

    Args:
        report: of the run.
        run: its folder.
        config: its settings.
    """
    name = run.name if run.parent == RUNS else shlex.quote(str(run))
    facts = RunFacts.of(report.datasets, kept=report.selection.share == 0)
    source = shlex.quote(next((spec.source for spec in config.data.datasets if spec.train), "FILE"))
    again = f"embed-tune train --config {shlex.quote(str(RunFolder(run).config))} run_name=NAME {OPTION}"
    look, safer = ("look:", f"embed-tune report {name} --open"), ("safer:", again)
    if facts.ships != "tuned":
        return [look, ("check:", f"embed-tune check {source}")]
    if report.verdict == "improved":
        return [look, ("try:", _try_it(report.datasets, source, name)), ("push:", f"embed-tune push {name} OWNER/NAME")]
    if report.verdict == "no_evidence":
        return [look, ("prove:", f"embed-tune evaluate {shlex.quote(config.model.name)} {name} --data MORE_ROWS"), safer]
    return [look, safer]


def _written(what: str, command: str, width: int) -> list[str]:
    """Return a command that can be copied, on one line or, where that is too narrow, on several."""
    rows = [f"{what:<7}"]
    for word in map(shlex.quote, shlex.split(command)):
        if len(rows[-1]) + len(word) + 3 > width and rows[-1].strip():
            rows[-1] += " \\"
            rows.append(" " * 9)
        rows[-1] += f" {word}"
    return rows


def _try_it(datasets: Sequence[DatasetResult], source: str, name: str) -> str:
    if any(one.kind == "scored" for one in datasets):
        return f"embed-tune embed --text TEXT --model {name}"
    return f"embed-tune search --data {source} --model {name}"
