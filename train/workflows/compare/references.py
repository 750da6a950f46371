"""Words beside the models of a comparison: BM25 alone, and BM25 fused with each model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from train.config.choices import References
from train.config.schema import EvaluationConfig
from train.evaluate.evaluator import compare, measure
from train.evaluate.lexical import MOST_SECONDS, Ranked, rank_by_words, score_ranked, seconds_of_words
from train.evaluate.results import DatasetResult
from train.evaluate.score import Scores
from train.evaluate.statistics import Measured
from train.evaluate.tasks import RetrievalTask, Task
from train.evaluate.words import note_on_words
from train.wording import change, duration, fraction, interval
from train.workflows.compare.recommendation import Advice, cheapest
from train.workflows.compare.results import Comparison, Contender, mean_with_interval

WORDS = "BM25"


@dataclass(frozen=True)
class WordRankings:
    """What BM25 finds.

    Attributes:
        ranked: by the name of each data set that is searched.
        notes: why BM25 was left out of some, and where signs stand for words.
    """

    ranked: Mapping[str, Ranked] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def rank_words(tasks: Mapping[str, Task], settings: EvaluationConfig) -> WordRankings:
    """Rank every data set that is searched by BM25, where that was not switched off and does not take too long."""
    ranked: dict[str, Ranked] = {}
    notes = []
    for name, task in tasks.items():
        if settings.references == References.OFF or not isinstance(task, RetrievalTask):
            continue
        if (seconds := seconds_of_words(task)) > MOST_SECONDS:
            long = f"it would take about {duration(seconds)}, and {MOST_SECONDS:.0f} s is the most"
            notes.append(f"BM25 was not judged on {name}: {long}.")
        else:
            ranked[name] = rank_by_words(task)
            notes += [note] if (note := note_on_words(name, task.documents)) else []
    return WordRankings(ranked, tuple(notes))


@dataclass(frozen=True)
class Against:
    """BM25, alone or fused, against a model on all data sets that BM25 ranked.

    Attributes:
        delta, ci95: the mean of the differences, and its 95% interval.
        as_good: whether it is shown to be not worse by the margin.
        better: whether it is better beyond chance, and worse so on no data set.
    """

    delta: float
    ci95: tuple[float, float]
    as_good: bool
    better: bool

    @classmethod
    def of(cls, results: Sequence[DatasetResult], margin: float) -> Against:
        """Return what the results, one a data set, come to together."""
        delta, ci95 = mean_with_interval([(one.delta, one.ci95) for one in results])
        bounds = [(one.delta, (-math.inf if one.low95 is None else one.low95, one.delta)) for one in results]
        verdicts = {one.verdict for one in results}
        lost = any(one.verdict == "regressed" and -one.delta >= margin for one in results)
        better = ci95[0] > 0 and "regressed" not in verdicts and (len(results) > 1 or "improved" in verdicts)
        return cls(delta, ci95, mean_with_interval(bounds)[1][0] > -margin and not lost, better)

    def as_json(self) -> dict[str, Any]:
        """Return it for compare.json."""
        return {"delta": self.delta, "ci95": list(self.ci95), "as_good": self.as_good, "better": self.better}


@dataclass(frozen=True)
class Reference:
    """BM25, alone or fused with a model.

    Attributes:
        name: what people call it.
        fused: the model that it is fused with; None for BM25 alone.
        values: the primary metric by data set.
        quality: their mean with its 95% interval.
        against_taken: against the model that is taken, or the highest where none is.
        against_own: against the model that it is fused with.
    """

    name: str
    fused: Contender | None
    values: Mapping[str, float]
    quality: Measured
    against_taken: Against
    against_own: Against | None = None

    def as_json(self) -> dict[str, Any]:
        """Return an entry of `references` in compare.json."""
        return {
            "name": self.name,
            "fused_with": None if self.fused is None else self.fused.label,
            "quality": self.quality.value,
            "quality_ci95": list(self.quality.ci95),
            "datasets": dict(self.values),
            "against_taken": self.against_taken.as_json(),
            "against_own": None if self.against_own is None else self.against_own.as_json(),
        }


def references_json(references: Sequence[Reference], notes: Sequence[str]) -> dict[str, Any]:
    """Return what compare.json says of them."""
    return {"references": [one.as_json() for one in references], "reference_notes": list(notes)}


def judge_references(
    tasks: Mapping[str, Task], words: WordRankings, comparison: Comparison, advice: Advice, settings: EvaluationConfig, seed: int
) -> tuple[Reference, ...]:
    """Judge BM25 alone and with each model, all on the data sets that BM25 ranked; none where there are none.

    Args:
        tasks: by data set name.
        words: what BM25 finds.
        comparison: the models, with the scores of each fused with BM25.
        advice: which model is taken.
        settings: resamples and margin.
        seed: of the resampling.
    """
    searched = {name: task for name, task in tasks.items() if isinstance(task, RetrievalTask) and name in words.ranked}
    if not searched:
        return ()
    taken = advice.taken or comparison.contenders[0]

    def against(one: Contender, scores: Mapping[str, Scores]) -> Against:
        own = one.outcome.scores
        results = [
            compare(task, own[name], scores[name], seed, settings.resamples, settings.margin) for name, task in searched.items()
        ]
        return Against.of(results, settings.margin)

    def judged(fused: Contender | None, scores: Mapping[str, Scores]) -> Reference:
        measured = [measure(task, scores[name], seed, settings.resamples) for name, task in searched.items()]
        found = {one.name: one.metrics[one.metric] for one in measured}
        to_taken = against(taken, scores)
        return Reference(
            name=WORDS if fused is None else f"{WORDS} with {fused.label}",
            fused=fused,
            values={name: one.value for name, one in found.items()},
            quality=Measured(*mean_with_interval([(one.value, one.ci95) for one in found.values()])),
            against_taken=to_taken,
            against_own=to_taken if fused is taken else None if fused is None else against(fused, scores),
        )

    alone = {name: score_ranked(task, words.ranked[name]) for name, task in searched.items()}
    models = [one for one in comparison.contenders if searched.keys() <= one.outcome.fused.keys()]
    return (judged(None, alone), *(judged(one, one.outcome.fused) for one in models))


def with_references(advice: Advice, references: Sequence[Reference], comparison: Comparison, margin: float) -> Advice:
    """Return the recommendation with a word on BM25 where that does as well as the model that is taken, or helps it."""
    taken = advice.taken
    if taken is None or not references:
        return advice
    alone, *fused = references
    fit = {one.fused.letter: one for one in fused if one.fused is not None and not advice.broken[one.fused.letter]}
    lines = [_alone(alone, taken, margin)]
    together = fit.get(taken.letter)
    if together is not None and together.against_taken.better:
        delta, ci95 = together.against_taken.delta, together.against_taken.ci95
        lines.append(
            f"Together with BM25 {taken.label} does better still: {fraction(together.quality.value)} ({change(delta)}, "
            f"95% interval {interval(ci95)})."
        )
    others = [one for one in comparison.contenders if one.letter in fit and one.letter not in comparison.twins]
    cheap = cheapest(others) if others else taken
    if cheap is not taken and not _does_as_well(alone) and _does_as_well(fit[cheap.letter]):
        value = fraction(fit[cheap.letter].quality.value)
        lines.append(f"{cheap.label}, which is cheaper, does as well together with BM25: {value}.")
    return replace(advice, reasons=[*advice.reasons, *lines])


def _does_as_well(one: Reference) -> bool:
    return one.against_taken.as_good or one.against_taken.better


def _alone(one: Reference, taken: Contender, margin: float) -> str:
    value, difference = fraction(one.quality.value), f"{change(one.against_taken.delta)} against {taken.label}"
    if one.against_taken.better:
        return f"Words alone (BM25) do better: {value} ({difference}). A model may not be worth it."
    if one.against_taken.as_good:
        return f"Words alone (BM25) do as well: {value} ({difference}, not worse by {margin:g}). A model may not be worth it."
    return f"Words alone (BM25) reach {value} ({difference}, 95% interval {interval(one.against_taken.ci95)})."
