"""The plan in a few lines, for everybody; what was settled and why, line by line, are details."""

from __future__ import annotations

from train import distributed
from train.console import detail, say
from train.fit.losses.build import LOSS_NAMES
from train.plan.folds import folds_wanted
from train.plan.panel import panel_wanted
from train.plan.plan import Plan
from train.wording import joined

_FROM = {"folder": "", "hub cache": " (from the local Hub cache)", "package": " (packaged)", "hub": " (from the Hub)"}
MOST_NAMES = 3
"""Data sets whose loss and batch size are named; of more, how they differ stands among the details."""


def say_plan(plan: Plan) -> None:
    """Say the plan in a few lines, and its sentences as details."""
    for line in in_brief(plan):
        say(line)
    for line in plan.sentences:
        detail(line)


def in_brief(plan: Plan) -> list[str]:
    """Return what will be done: with which model, how it is trained, and how it is judged."""
    lines = [_base(plan), _training(plan), _judging(plan)]
    folds, note = folds_wanted(plan.config, plan.datasets)
    if note is not None and not folds:
        lines.append(f"  note: {note}")
    return lines


def _base(plan: Plan) -> str:
    contract, origin = plan.encoder.contract, plan.origin
    return f"base: {origin.name}{_FROM.get(origin.kind, '')}, {contract.dimensions} dimensions, on {plan.encoder.model.device}"


def _training(plan: Plan) -> str:
    recipe, sets = plan.recipe, plan.sets
    sizes = dict.fromkeys(f"{size:,}" for size in recipe.batch_sizes.values())
    losses = dict.fromkeys(LOSS_NAMES[one.loss] for one in sets.values())
    epochs = recipe.max_steps / max(recipe.steps_per_epoch, 1)
    steps = f"{recipe.max_steps:,} step{'s' * (recipe.max_steps != 1)}"
    parts = [
        f"{steps} of {joined(list(sizes)[:MOST_NAMES])} rows ({epochs:.2g} epoch{'s' * (epochs != 1)})",
        f"learning rate {recipe.learning_rate:g}",
        f"{joined(list(losses)[:MOST_NAMES])} loss",
        "bf16" if plan.bf16 else "fp32",
    ]
    if plan.mined:
        parts.append("mined hard negatives")
    if (processes := distributed.world_size()) > 1:
        parts.append(f"{processes} processes")
    return f"train: {', '.join(parts)}"


def _judging(plan: Plan) -> str:
    checkpoints = len(plan.recipe.evaluation_steps)
    has_dev = any("dev" in one.splits for one in plan.datasets.values())
    on_dev = f"{checkpoints} checkpoint{'s' * (checkpoints != 1)} on dev, " if has_dev else ""
    parts = [f"{on_dev}the one that is taken on test, against the base"]
    if (seeds := plan.config.training.seeds) > 1:
        parts.append(f"then {seeds - 1} more seed{'s' * (seeds > 2)}")
    if folds := folds_wanted(plan.config, plan.datasets)[0]:
        parts.append(f"then {folds} more runs (cross-validation)")
    if panel_wanted(plan):
        parts.append("then other work, for what training costs there")
    return f"judge: {'; '.join(parts)}"
