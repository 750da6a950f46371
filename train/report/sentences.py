"""Verdicts in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.facts import RunFacts
from train.evaluate.results import CrossValidation, DatasetResult, overall
from train.evaluate.seeds import SeedsResult
from train.report.sentences_documents import documents_clause, documents_sentence, summary_of_documents
from train.report.sentences_doubt import margin_sentence, rare_losses, why_not
from train.wording import (
    BASE_AND_TUNED,
    Sides,
    against_scores,
    change,
    counted,
    fraction,
    interval,
    joined,
    metric_name,
    nothing_better,
    sentence_case,
)


def dataset_sentence(result: DatasetResult, sides: Sides = BASE_AND_TUNED) -> str:
    """Return one data set's verdict in a sentence or two, with its figures."""
    if result.training is not None:
        return f"{training_sentence(result, result.training, sides)} {shipped_sentence(result)}"
    before, after = sides.in_sentences()
    figures = f"{metric_name(result.metric)} {figures_of(result, result.kind)}."
    figures += f" {result.unit_note}" if result.unit_note else ""
    if result.against_scores and result.settled == "no_evidence":
        return f"There is no verdict on {result.name}: {against_scores(before)}. {figures}"
    if result.settled != "no_evidence":
        word = "better" if result.settled == "improved" else "worse"
        limits = documents_clause(result) if result.settled == "improved" else ""
        beyond = margin_sentence(result) + rare_losses(result) + documents_sentence(result)
        return f"{sentence_case(after)} is {word} than {before} on {result.name}{limits}: {figures}{beyond}"
    sentence = f"Whether {after} differs from {before} on {result.name} is unproven: {figures}"
    return f"{sentence} {why_not(result)}{margin_sentence(result)}{documents_sentence(result)}"


def about_contracts(result: DatasetResult) -> str:
    """Say what the base reaches under each contract; nothing where there is one, or both reach the same."""
    if len({one.value for one in result.contracts}) < 2:
        return ""
    figures = " and ".join(f"{fraction(one.value)} {one.name}" for one in result.contracts)
    return f"The base reaches {figures}; the comparison is with the better of the two."


def training_sentence(result: DatasetResult, found: CrossValidation | SeedsResult, sides: Sides = BASE_AND_TUNED) -> str:
    """Return the verdict on training with this recipe, of which the shipped model is one case."""
    before, _ = sides.in_sentences()
    figures = _crossed(result, found) if isinstance(found, CrossValidation) else _seeds(result, found)
    verdict = result.on_training
    if (result.against_scores or found.against_scores) and verdict == "no_evidence":
        return f"There is no verdict on {result.name}: {against_scores(before)}. {sentence_case(figures)}"
    if verdict == "no_evidence":
        start = f"Whether such training makes a model that differs from {before} on {result.name} is unproven"
        return f"{start}: {figures} {why_not(result.lines()[0], items=found.item_ci95)}"
    word = "better" if verdict == "improved" else "worse"
    limits = documents_clause(result) if verdict == "improved" else ""
    start = f"Training makes a model that is {word} than {before} on {result.name}{limits}"
    return f"{start}: {figures}{documents_sentence(result)}"


def shipped_sentence(result: DatasetResult) -> str:
    """Say what the shipped model is beside the others of such training, and what it reaches on test."""
    if result.kept_base:
        return f"The model that is shipped is the base itself: in this run {nothing_better(result.passed_over)}."
    which = _which(result)
    there = " there" if result.cross_validation is not None else ""
    figures = figures_of(result, result.kind)
    if result.withheld:
        return f"The model that is shipped is the base itself; no gain is proven of {which}: {figures}."
    if result.shipped == result.on_training or (result.cross_validation is not None and result.on_test != "regressed"):
        return f"The model that is shipped is {which}: {figures}."
    known = {"improved": "better than", "regressed": "worse than", "no_evidence": "not shown to differ from"}[result.shipped]
    return f"The model that is shipped is {which}, and is {known} the base{there}: {figures}."


def _which(result: DatasetResult) -> str:
    """Return which of the models of such training was chosen, and is shipped unless the base is."""
    if result.cross_validation is not None:
        return f"the one that this run trained, on {result.split} alone"
    assert result.seeds is not None, "a sentence of its own is only needed beside others"
    seed = next((one.seed for one in result.seeds.seeds if one.shipped or one.chosen), None)
    return "the one that this run trained" if seed is None else f"that of seed {seed}, the best on dev"


def _crossed(result: DatasetResult, crossed: CrossValidation) -> str:
    """Return the figures of a cross-validation, and what its interval holds."""
    figures = f"cross-validated {metric_name(result.metric)} {figures_of(crossed, result.kind)} in {crossed.folds} parts."
    if crossed.luck_sd is not None and crossed.luck_correlation is not None:
        size = f"SD {fraction(crossed.luck_sd)} a model"
        seeds = "" if crossed.luck_seeds is None else f" as measured with {crossed.luck_seeds} seeds"
        shared = f"with a correlation of {crossed.luck_correlation:g} assumed between parts"
        figures += f" The interval allows for the luck of training ({size}{seeds}, {shared})."
    return figures + _kept(crossed.kept_base or 0, crossed.folds, "parts")


def _seeds(result: DatasetResult, found: SeedsResult) -> str:
    """Return the figures of several seeds, and what their interval holds."""
    many = len(found.seeds)
    figures = f"mean {metric_name(result.metric)} of {many} seeds {figures_of(found, result.kind)}."
    figures += f" The interval allows for items and seeds; the seeds' scores have an SD of {found.sd:.4f}."
    if found.failed:
        figures += f" Training with seed {', '.join(map(str, found.failed))} did not converge and is left out."
    return figures + _kept(found.kept_base, many, "seeds")


def _kept(kept: int, of: int, what: str) -> str:
    return f" In {kept} of {of} {what} dev would have kept the base; what was trained was judged." if kept else ""


def figures_of(found: DatasetResult | CrossValidation | SeedsResult, kind: str) -> str:
    """Return both scores, the change with its interval, and what it stands on."""
    return (
        f"{fraction(found.base)} → {fraction(found.tuned)} ({change(found.delta)}, 95% interval {interval(found.ci95)}, "
        f"{counted(found.n, kind, found.groups)})"
    )


def verdict_lines(results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED) -> list[str]:
    """Return the run's verdict in plain words: for one data set its sentence, else a summary followed by a sentence for each."""
    if not results:
        before, after = sides.in_sentences()
        return [f"Nothing was judged, so whether {after} differs from {before} is unproven."]
    sentences = [" ".join(filter(None, (dataset_sentence(result, sides), about_contracts(result)))) for result in results]
    return sentences if len(results) == 1 else [_summary(results, sides), *sentences]


def verdict_sentence(results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED) -> str:
    """Return `verdict_lines` as running text."""
    return " ".join(verdict_lines(results, sides))


def _summary(results: Sequence[DatasetResult], sides: Sides) -> str:
    """Return the verdict over several data sets: that on such training where more models of it were judged, and of the model that
    is shipped what differs from it."""
    facts = RunFacts.of(results)
    before, after = sides.in_sentences()
    verdicts = [result.on_training for result in results]
    subject = "Such training makes a model that" if facts.several else sentence_case(after)
    better, worse = (sum(found == verdict for found in verdicts) for verdict in ("improved", "regressed"))
    limits = summary_of_documents(results)
    beside = _beside(facts, before)
    match overall(verdicts):
        case "improved":
            return f"{subject} is better than {before} on {better} of {len(results)} data sets and worse on none{limits}{beside}"
        case "regressed":
            return f"{subject} is worse than {before} on {worse} of {len(results)} data sets and better on none.{beside}"
        case "mixed":
            found = f"better than {before} on {better} of {len(results)} data sets and worse on {worse}"
            return f"{subject} is {found}{limits}{beside}"
    other = "such training makes a model that" if facts.several else after
    return f"Whether {other} differs from {before} is unproven on each of {len(results)} data sets.{beside}"


def _beside(facts: RunFacts, before: str) -> str:
    """Say what is shipped beside a summary of such training, with a blank before it."""
    if facts.ships != "tuned":
        return " The model that is shipped is the base itself."
    word = {"improved": "better", "regressed": "worse"}
    found = [f"{word[one.shipped]} than {before} on {one.name}" for one in facts.results if one.shipped in word]
    if not facts.several or all(one.shipped == one.settled for one in facts.results):
        return ""
    if not found:
        return f" The model that is shipped is not shown to differ from {before} on any of them."
    return f" The model that is shipped is {joined(found)}."
