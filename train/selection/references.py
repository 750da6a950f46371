"""The references of a run: what words alone, and models that nobody trained, reach on its test."""

from __future__ import annotations

from dataclasses import dataclass, replace

from train.config.choices import References
from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.console import detail, say
from train.encode.cache.open import open_cache
from train.encode.open import open_model
from train.encode.weights.locate import full_name, locate_here
from train.encode.wrappers import for_judging
from train.errors import ModelError, OutOfMemory
from train.evaluate.beside import beside, words_beside
from train.evaluate.evaluator import score_model
from train.evaluate.lexical import MOST_SECONDS, seconds_of_words
from train.evaluate.references import FirstBaseResult, ReferenceResult
from train.evaluate.tasks import RetrievalTask
from train.evaluate.words import note_on_words
from train.plan.plan import Plan
from train.runs.progress import begin
from train.selection.first_base import judge_first_base
from train.selection.judged import BaseScores, TestScores
from train.wording import duration

LONGEST_READ = 1200
"""Characters of a text that the default model reads at most: 256 tokens are about as many."""

MOST_READ = 12_000_000
"""Characters that the default model is given at most to be judged beside a run: about two minutes on two cores."""


@dataclass(frozen=True)
class Beside:
    """What stands beside base and tuned.

    Attributes:
        results: a reference on a data set each.
        notes: a sentence for each that was left out, and where signs stand for words.
        first_base: what the runs before this one began with; None where no run made the base.
    """

    results: tuple[ReferenceResult, ...] = ()
    notes: tuple[str, ...] = ()
    first_base: FirstBaseResult | None = None


def judge_references(plan: Plan, base: BaseScores, tuned: TestScores, *, kept_base: bool) -> Beside:
    """Judge tuned against the references on every data set that is searched, and against the first base on all of them.

    What it costs is known from the size of test alone, so that equal runs report the same: too large a test is left out, and that
    is noted. Only the process that writes the report does this.
    """
    found = _without_training(plan, base, tuned, kept_base=kept_base)
    return replace(found, first_base=judge_first_base(plan, tuned))


def _without_training(plan: Plan, base: BaseScores, tuned: TestScores, *, kept_base: bool) -> Beside:
    tasks = {name: task for name, (task, _) in tuned.full.items() if isinstance(task, RetrievalTask)}
    settings = plan.config.evaluation
    if settings.references == References.OFF or not tasks:
        return Beside()
    begin("references")
    detail("judging references: BM25, alone and with a model …")
    seed, resamples = plan.config.training.seed, settings.resamples
    results, notes = [], []
    for name, task in tasks.items():
        if (seconds := seconds_of_words(task)) > MOST_SECONDS:
            notes.append(
                f"BM25 was not judged on {name}: it would take about {duration(seconds)}, and {MOST_SECONDS:.0f} s is the most."
            )
            continue
        notes += [note] if (note := note_on_words(name, task.documents)) else []
        results += words_beside(
            task,
            base.test.full[name][1],
            tuned.full[name][1],
            kept_base=kept_base,
            margin=settings.margin,
            seed=seed,
            resamples=resamples,
        )
    default = {name: task for name, task in tasks.items() if len(task) * settings.margin >= 3}
    if default and not _is_default(plan) and locate_here(ModelConfig()) is not None:
        if sum(map(_read, default.values())) > MOST_READ:
            notes.append(f"{DEFAULT_MODEL} was not judged: there are too many texts to encode them for this alone.")
        else:
            try:
                results += _default_model(plan, default, tuned)
            except (ModelError, OutOfMemory) as error:  # the run itself is whole without it
                notes.append(f"{DEFAULT_MODEL} was not judged: {error.what}.")
    order = list(tasks)
    return Beside(tuple(sorted(results, key=lambda one: order.index(one.dataset))), tuple(notes))


def _is_default(plan: Plan) -> bool:
    found = locate_here(ModelConfig())
    same = found is not None and found.sha256 is not None and found.sha256 == plan.origin.sha256
    return same or full_name(plan.config.model.name) == DEFAULT_MODEL


def _read(task: RetrievalTask) -> int:
    texts = (*task.distinct_queries.texts, *task.distinct_documents.texts)
    return sum(min(len(text), LONGEST_READ) for text in texts)


def _default_model(plan: Plan, tasks: dict[str, RetrievalTask], tuned: TestScores) -> list[ReferenceResult]:
    """Judge tuned against the default model as it is published, with vectors of earlier runs where the cache has them."""
    config, short = plan.config, DEFAULT_MODEL.rpartition("/")[2]
    detail(f"judging references: {short} …")
    opened = open_model(ModelConfig(device=config.model.device), batch_size=config.evaluation.batch_size, tokens=config.cache)
    cache = open_cache(config.vector_cache, config.cache, say)
    encoders = for_judging(opened.encoder, plan.prompts, cache=cache)
    found = [
        beside(
            task,
            "default_model",
            short,
            score_model(task, encoders[name]),
            tuned.full[name][1],
            config.evaluation.margin,
            config.training.seed,
            config.evaluation.resamples,
        )
        for name, task in tasks.items()
    ]
    if cache is not None:
        cache.close()
    return found
