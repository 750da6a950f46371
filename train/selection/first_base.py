"""The first base: what the runs before this one began with, where the base is the model of a run.

Each run shows what it gained on the one before. Whether all of them together were worth it, only the first base tells.
"""

from __future__ import annotations

from train.console import detail, say
from train.encode.cache.open import open_cache
from train.encode.contract import what_differs
from train.encode.open import open_model
from train.encode.shipped import ShippedEncoder
from train.encode.wrappers import for_judging, wrapped
from train.errors import ModelError, OutOfMemory
from train.evaluate.beside import beside
from train.evaluate.evaluator import primary_value, score_model
from train.evaluate.references import FirstBaseResult, ReferenceResult
from train.plan.plan import Plan
from train.resolve.trained_from import FirstBase, find_first_base, generations_before
from train.selection.judged import TestScores


def judge_first_base(plan: Plan, tuned: TestScores) -> FirstBaseResult | None:
    """Judge tuned against the first base on every data set; None where no run made the base.

    It is read as the first run read it, and as it was published where that differs; the better counts, as with any base.
    """
    chain = generations_before(plan.config.model.name)
    if not chain:
        return None
    first, notes = find_first_base(chain, plan.config.model)
    runs = tuple(one.run.name for one in reversed(chain))
    if first is None:
        return FirstBaseResult(runs=runs, notes=tuple(notes))
    if first.origin.sha256 is not None and first.origin.sha256 == plan.origin.sha256:
        notes.append(f"{first.config.name}, the first base, has the very weights of the base: it is not judged again.")
        return FirstBaseResult(name=first.config.name, kind=first.origin.kind, runs=runs, notes=tuple(notes))
    detail(f"judging the first base: {first.config.name} …")
    try:
        results = _judged(plan, first, tuned)
    except (ModelError, OutOfMemory) as error:  # the run itself is whole without it
        notes.append(f"{first.config.name} was not judged: {error.what}.")
        return FirstBaseResult(runs=runs, notes=tuple(notes))
    return FirstBaseResult(name=first.config.name, kind=first.origin.kind, runs=runs, results=tuple(results), notes=tuple(notes))


def _judged(plan: Plan, first: FirstBase, tuned: TestScores) -> list[ReferenceResult]:
    settings, seed = plan.config.evaluation, plan.config.training.seed
    opened = open_model(first.config, batch_size=settings.batch_size, tokens=plan.config.cache)
    cache = open_cache(plan.config.vector_cache, plan.config.cache, say)
    encoders = for_judging(opened.encoder, plan.prompts, cache=cache)
    shipped = wrapped(ShippedEncoder(opened.local), cache=cache, remembered=True)
    found = []
    for name, (task, scores) in tuned.full.items():
        reached = score_model(task, encoders[name])
        own = opened.local.shipped
        if own is not None and what_differs(own, encoders[name].contract, task.kind):
            other = score_model(task, shipped)
            reached = other if primary_value(other) > primary_value(reached) else reached
        label = first.config.name
        found.append(beside(task, "first_base", label, reached, scores, settings.margin, seed, settings.resamples))
    if cache is not None:
        cache.close()
    return found
