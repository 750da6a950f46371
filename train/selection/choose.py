"""Judge checkpoints on dev and choose the one to ship."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data.schema import RowKind, text_columns
from train import distributed
from train.console import say
from train.encode.local import load_encoder
from train.encode.protocol import TextEncoder
from train.encode.wrappers import for_judging
from train.errors import RunError
from train.fit.checkpoints import keep_only, list_checkpoints
from train.fit.loop import load_weights
from train.fit.recipe import CEILING
from train.fit.trainer import Work
from train.plan.plan import Plan
from train.runs.score_log import ScoreLog, highest_line
from train.selection.dev import CLEAR_GAIN, LONGEST, DevJudge, build_dev_judge, widened
from train.selection.interpolation import Winner, can_be_copied, choose_weights
from train.tracking.base import Tracker

if TYPE_CHECKING:
    from torch import Tensor


def dev_judge(plan: Plan, base: Mapping[str, TextEncoder]) -> DevJudge:
    trained = {name: plan.datasets[name] for name in plan.sets}
    settings = plan.config.evaluation
    in_precision = dev_encoders(plan) if plan.bf16 else None
    judge = build_dev_judge(trained, base, settings.dev_queries, settings.pool_top, _dev_budget(plan), in_precision)
    if not judge.tasks:
        say("  there is no dev split: the last checkpoint will be judged")
    for name, task in judge.tasks.items():
        things = "scored pairs" if task.kind is RowKind.SCORED else "queries"
        say(f"  dev {name}: {len(task):,} {things}, base {task.primary} {judge.base[name]:.4f}")
    return judge


def dev_encoders(plan: Plan) -> dict[str, TextEncoder]:
    """The present weights, for dev scores: in the precision of training, since they only choose. Test is judged in fp32."""
    return for_judging(dataclasses.replace(plan.encoder, bf16=plan.bf16), plan.prompts, shared=True, remembered=False)


def _dev_budget(plan: Plan) -> float:
    """Characters that judging one checkpoint may encode, so that it takes at most a tenth of the training before it.

    A training pass costs three forward passes (forward, and twice as much backward).
    """
    an_epoch = 0.0
    for name, one in plan.sets.items():
        sample = one.table.select(range(min(len(one.table), 2000)))
        texts = [sample[column] for column in text_columns(sample.column_names)]
        characters = sum(min(len(text), LONGEST) for column in texts for text in column) / len(sample)
        an_epoch += characters * min(plan.recipe.batch_sizes[name], len(one.table)) * plan.recipe.doses[name]
    epochs = plan.recipe.max_steps / plan.recipe.steps_per_epoch
    return 0.1 * 3 * an_epoch * epochs / len(plan.recipe.evaluation_steps)


def judge_checkpoint(step: int, plan: Plan, judge: DevJudge, log: ScoreLog, work: Work, tracker: Tracker) -> dict[str, float]:
    """Score the present weights on dev, log the line, say it, and return metrics for the trainer's log."""
    line = distributed.share(judge.line(step, dev_encoders(plan)))  # one choice of the best, whatever the rounding
    if step:  # near the ceiling the least change is wanted
        near = log.lines[0]["dev"] is not None and log.lines[0]["dev"] > CEILING
        line |= {"noise": 0.0 if near else round(judge.noise, 5)}
    line |= {"train_seconds": round(work.seconds, 3), "train_rows": work.rows, "train_tokens": work.tokens}
    log.add(line)
    tracker.log_scores(line, judge.base)
    shown = ", ".join(f"{name} {value:.4f} (base {judge.base[name]:.4f})" for name, value in line["datasets"].items())
    if shown:
        say(f"  step {step}: dev {shown}")
    return {f"eval_{name}": value for name, value in line["datasets"].items()}


def resume_log(log: ScoreLog, run: Path) -> Work:
    """Work done and scores up to the last complete checkpoint; what came later is done again."""
    steps = list_checkpoints(run)
    log.forget_after(max(steps, default=0))
    return Work.read(steps[max(steps)]) if steps else Work()


def retain(run: Path, log: ScoreLog, step: int, keep_all: bool) -> None:
    """Keep the checkpoint that would be taken now, and the last."""
    best = log.best()
    if not keep_all:
        keep_only(run, {step, *([best["step"]] if best else [])})


def _load_best(plan: Plan, run: Path, log: ScoreLog) -> int:
    """Load the best checkpoint on dev (the last one where there is no dev); it must be there."""
    found = list_checkpoints(run)
    best = log.best()
    step = best["step"] if best else max(found, default=0)
    if step not in found:
        raise RunError(
            f"{run / f'checkpoint-{step}'}, the best checkpoint, is not there",
            hint="put it back, or start the run anew; no other checkpoint is put in its place",
        )
    load_weights(plan.encoder, found[step])
    return step


def interpolates(plan: Plan) -> bool:
    """Whether weights between the base and the best checkpoint are tried."""
    return plan.config.training.interpolation == "auto" and can_be_copied(plan.encoder.model)


def choose_winner(plan: Plan, run: Path, log: ScoreLog, judge: DevJudge, before: Mapping[str, Tensor] | None) -> Winner:
    """Load the best checkpoint, and put in its place what is better on dev."""
    step, model = _load_best(plan, run, log), plan.encoder.model

    def dev() -> float:
        return float(distributed.share(judge.line(step, dev_encoders(plan)))["dev"])  # one choice, whatever the rounding

    scores = {line["step"]: line["dev"] for line in log.lines}
    highest = highest_line(log.lines)
    if highest is not None and scores[step] < highest["dev"]:
        told = f"step {step:,} is the last checkpoint whose score on dev ({scores[step]:.4f}) cannot be told from the highest"
        say(f"  {told} ({highest['dev']:.4f} at step {highest['step']:,}): it is taken")
    found, base_dev = scores.get(step), scores.get(0)
    lost = found is not None and base_dev is not None and found <= base_dev
    if lost and before is None and plan.config.training.interpolation == "auto":
        # too large to keep a copy of the base; it is read anew where it is what should be shipped
        whole = load_encoder(plan.config.model.model_copy(update={"device": "cpu"}))[0].model
        model.load_state_dict(whole.state_dict())
        return Winner(step, 0.0, base_dev)
    in_doubt = found is not None and base_dev is not None and found - base_dev < CLEAR_GAIN
    if before is not None and in_doubt:
        judge, values = widened(judge, plan.datasets, dev_encoders(plan))
        if values:
            line = next(line for line in log.lines if line["step"] == step)
            each = (line["datasets"] | values).values()
            found = float(distributed.share(sum(each) / len(each)))
            say(f"  in the whole corpus: dev {found:.4f} (base {base_dev:.4f})")
    return choose_weights(model, before, step, found, base_dev, dev)
