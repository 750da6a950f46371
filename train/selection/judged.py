"""What base and tuned model reach: both on test, the base on dev, too, as checkpoints are compared with it there."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from data.schema import RowKind, text_columns
from train import distributed
from train.console import detail, say
from train.encode.cache.open import counters_of_all, open_shared_cache
from train.encode.protocol import TextEncoder
from train.encode.wrappers import ShortenedEncoder, for_judging
from train.evaluate.evaluator import compare, contradicts_scores, judge_test, primary_value
from train.evaluate.results import BaseContract, DatasetResult
from train.evaluate.slices import DevGain
from train.evaluate.tasks import RetrievalTask, ScoredTask
from train.plan.plan import Plan
from train.runs.per_query import Judged
from train.runs.progress import begin
from train.runs.records import ScoreLine
from train.selection.contracts import ahead_on_dev, both_contracts, changed_contracts, shipped_encoder
from train.selection.dev import LONGEST, DevJudge, build_dev_judge
from train.selection.interpolation import Winner
from train.watch.building import AtHand, vectors_at_hand
from train.watch.held_out import by_name
from train.wording import against_scores, fraction

Shortened = Mapping[int, Mapping[str, float]]
"""Primary metrics with vectors cut to their first dimensions: by their number, then by data set name."""


@dataclass(frozen=True)
class TestScores:
    """What a model reaches on test.

    Attributes:
        full: task and scores by data set name.
        shortened: with vectors cut to each length of `training.matryoshka`.
        at_hand: vectors that judging made and the run's reference may need (see `train.watch.reference`); none of the base.
    """

    __test__ = False  # no test, whatever its name says to pytest

    full: Judged
    shortened: Shortened = field(default_factory=dict)
    at_hand: AtHand = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class BaseScores:
    """What the base reaches.

    Attributes:
        test: on test.
        dev: judges checkpoints as the base was judged.
        dev_line: step 0 of `scores.jsonl`.
        seconds: that judging took.
        from_cache: vectors that were found in the cache.
        contracts: by data set name, where the run's settings change how texts are encoded; `test` holds the better there.
        other: its scores on test under the contract that did not decide, where there are two.
        ahead: by how much the base as shipped is better on dev than under the run's contract.
    """

    test: TestScores
    dev: DevJudge
    dev_line: ScoreLine
    seconds: float
    from_cache: int
    contracts: Mapping[str, tuple[BaseContract, ...]] = field(default_factory=dict)
    other: Judged = field(default_factory=dict)
    ahead: float = 0.0

    def dev_gain(self, name: str, tuned: Mapping[str, float]) -> DevGain | None:
        """Return what a model with these scores on dev gained in a data set; None without dev, and where the base is compared
        on test as it was shipped, which has no score on dev to compare with."""
        shipped = any(one.as_shipped and one.decides for one in self.contracts.get(name, ()))
        return None if shipped else self.dev.gain(name, tuned)


def judge_base(plan: Plan) -> BaseScores:
    """Judge the base on test and on dev, with vectors of earlier runs where the cache has them."""
    began = time.perf_counter()
    cache = open_shared_cache(plan.config.vector_cache, plan.config.cache, say)
    base = for_judging(plan.encoder, plan.prompts, cache=cache, shared=True)
    begin("base")
    detail("judging the base (step 0) …")
    test = _judge(plan, base)
    judge = dev_judge(plan, base)
    line = judge.line(0, base)
    contracts: dict[str, tuple[BaseContract, ...]] = {}
    ahead = 0.0
    other: Judged = {}
    if changed := changed_contracts(plan):
        shipped = shipped_encoder(plan, cache)
        test, contracts, other = _better(plan, test, shipped, changed)
        ahead = distributed.share(ahead_on_dev(plan, judge, base, shipped, changed))
    for name, told in _against_scores(test.full, judge).items():
        if told:
            detail(f"  {name}: note: the base ranks the pairs clearly against their scores, which run as data.score_range says")
        else:
            say(f"  {name}: warning: {against_scores('the base')}")
    seconds = time.perf_counter() - began
    done = counters_of_all(cache)
    detail(f"  took {seconds:.0f} s" + (f"; {done.sentence()}" if done.hits else ""))
    if cache is not None:
        cache.close()
    return BaseScores(test, judge, line, seconds, done.hits, contracts, other, ahead)


def _better(
    plan: Plan, test: TestScores, shipped: TextEncoder, changed: Mapping[str, str]
) -> tuple[TestScores, dict[str, tuple[BaseContract, ...]], Judged]:
    """Judge the base as shipped on test, too, where that differs. Returns the better by data set, what is recorded of both, and
    the other one; both are said."""
    own = _judge(plan, dict.fromkeys(changed, shipped))
    contracts, other = {}, dict(own.full)
    full, shortened = dict(test.full), {length: dict(values) for length, values in test.shortened.items()}
    for name, (task, scores) in own.full.items():
        found = both_contracts(changed[name], primary_value(full[name][1]), primary_value(scores))
        contracts[name] = distributed.share(found)
        if contracts[name][0].decides:
            full[name], other[name] = (task, scores), full[name]
            for length, values in shortened.items():
                values[name] = own.shortened[length][name]
        told = ", ".join(f"{one.name} {fraction(one.value)}" for one in contracts[name])
        detail(f"  test {name}: the base {told}; the better is compared with")
    return TestScores(full, shortened), contracts, other


def _against_scores(test: Judged, dev: DevJudge) -> dict[str, bool]:
    """Return the data sets whose scores the base contradicts on test or dev, and whether the user said which way these run."""
    judged = [(name, task, primary_value(scores)) for name, (task, scores) in test.items()]
    judged += [(name, task, dev.base[name]) for name, task in dev.tasks.items()]
    return {
        name: isinstance(task, ScoredTask) and task.range_given for name, task, value in judged if contradicts_scores(task, value)
    }


def judge_tuned(plan: Plan) -> TestScores:
    """Judge the present weights on test."""
    begin("test")
    encoders = for_judging(plan.encoder, plan.prompts, shared=True)
    scores = _judge(plan, encoders)
    judged = by_name({name: plan.datasets[name] for name in scores.full})
    at_hand = {key: vector for name, held in judged.items() for key, vector in vectors_at_hand(encoders[name], held).items()}
    return dataclasses.replace(scores, at_hand=at_hand)


def dev_encoders(plan: Plan) -> dict[str, TextEncoder]:
    """Return the present weights for dev: in the precision of training, since they only choose. Test is judged in fp32."""
    return for_judging(dataclasses.replace(plan.encoder, bf16=plan.bf16), plan.prompts, shared=True, remembered=False)


def dev_judge(plan: Plan, base: Mapping[str, TextEncoder]) -> DevJudge:
    """Return what judges checkpoints on dev; what the base has there is said."""
    trained = {name: plan.datasets[name] for name in plan.sets}
    settings = plan.config.evaluation
    in_precision = dev_encoders(plan) if plan.bf16 else None
    budget = _dev_budget(plan)
    judge = build_dev_judge(trained, base, settings.dev_queries, settings.pool_top, budget, in_precision, plan.taught)
    if not judge.tasks:
        say("  there is no dev split: the last checkpoint will be judged")
    for name, task in judge.tasks.items():
        things = "scored pairs" if task.kind is RowKind.SCORED else "queries"
        detail(f"  dev {name}: {len(task):,} {things}, base {task.primary} {judge.base[name]:.4f}")
        if name in judge.base_queries and isinstance(task, RetrievalTask) and task.taught is not None:
            told = "what loses on these is not taken while anything else is there"
            detail(f"    {int((~task.taught).sum()):,} of them ask for documents that train does not teach: {told}")
    return judge


def _judge(plan: Plan, encoders: Mapping[str, TextEncoder]) -> TestScores:
    datasets = {name: prepared for name, prepared in plan.datasets.items() if name in encoders}
    full = judge_test(datasets, encoders, plan.taught)
    whole = plan.encoder.contract.dimensions
    shortened: dict[int, dict[str, float]] = {}
    for dimensions in plan.config.training.matryoshka:
        if dimensions < whole:
            cut = {name: ShortenedEncoder(encoder, dimensions) for name, encoder in encoders.items()}
            judged = judge_test(datasets, cut)
            shortened[dimensions] = {name: primary_value(scores) for name, (_, scores) in judged.items()}
    return TestScores(full, shortened)


def _dev_budget(plan: Plan) -> float:
    """Return how many characters judging one checkpoint may encode, so that it takes at most a tenth of the training before it.

    A training pass costs three forward passes (forward, and twice as much backward).
    """
    an_epoch = 0.0
    for name, one in plan.sets.items():
        sample = one.table.select(range(min(len(one.table), 2000)))
        texts = [sample[column] for column in text_columns(sample.column_names)]
        characters = sum(min(len(text), LONGEST) for column in texts for text in column) / len(sample)
        an_epoch += characters * min(plan.recipe.batch_sizes[name], len(one.table)) * plan.recipe.batches_per_epoch[name]
    epochs = plan.recipe.max_steps / plan.recipe.steps_per_epoch
    return 0.1 * 3 * an_epoch * epochs / len(plan.recipe.evaluation_steps)


def compared(plan: Plan, base: BaseScores, tuned: TestScores, winner: Winner) -> list[DatasetResult]:
    """Judge tuned against base on the test split of each data set."""
    begin("comparing")
    detail("comparing …")
    seed, judging = plan.config.training.seed, plan.config.evaluation
    results = [
        compare(task, base.test.full[name][1], scores, seed=seed, resamples=judging.resamples, margin=judging.margin)
        for name, (task, scores) in tuned.full.items()
    ]
    results = [one.model_copy(update={"contracts": base.contracts.get(one.name, ())}) for one in results]
    chosen = {"passed_over": winner.held_back}
    results = [one.model_copy(update={"dev": base.dev_gain(one.name, winner.datasets)} | chosen) for one in results]
    if winner.share == 0:  # where base and kept base are read under two contracts, they are not one model
        results = [one.of_one_model() if winner.is_base_of(one.contracts) else one for one in results]
        results = [one.model_copy(update={"kept_base": True}) for one in results]
    return results
