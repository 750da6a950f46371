"""What happens at each checkpoint while training runs: it is judged on dev, logged, and kept or removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from train import distributed
from train.console import say
from train.errors import Diverged, NotFinite
from train.fit.callbacks import DIVERGED_HINT
from train.fit.checkpoints import has_ended, keep_only, list_checkpoints
from train.fit.loop import Hooks
from train.fit.recipe import CEILING
from train.fit.trainer import Work
from train.plan.plan import Plan
from train.runs import progress
from train.runs.score_log import ScoreLog
from train.selection.dev import DevJudge
from train.selection.judged import dev_encoders
from train.tracking.base import Tracker
from train.wording import fraction

MOST_SETS = 2
"""Data sets that are named in a line."""


def checkpoint_hooks(plan: Plan, run: Path, judge: DevJudge, log: ScoreLog, work: Work, tracker: Tracker) -> Hooks:
    """Return what `fit` calls at each checkpoint."""
    config = plan.config.training
    return Hooks(
        on_evaluate=lambda step: judge_checkpoint(step, plan, judge, log, work, tracker),
        after_save=lambda step, _path: retain(run, log, step, config.keep_all_checkpoints),
        should_stop=lambda: config.patience is not None and log.without_improvement() >= config.patience,
        on_log=lambda step, figures: log_training(tracker, step, figures),
        on_step=progress.step,
    )


def judge_checkpoint(step: int, plan: Plan, judge: DevJudge, log: ScoreLog, work: Work, tracker: Tracker) -> dict[str, float]:
    """Score the present weights on dev, log the line, say it, and return metrics for the trainer's log."""
    progress.begin("dev", f"judging step {step:,} on dev")
    try:
        line = distributed.share(judge.line(step, dev_encoders(plan)))  # one choice of the best, whatever the rounding
    except NotFinite:
        raise Diverged(
            f"after step {step} the model gives vectors that are not finite (NaN or infinity)", hint=DIVERGED_HINT
        ) from None
    if step:  # near the ceiling the least change is wanted
        base_dev = log.lines[0].dev
        near = base_dev is not None and base_dev > CEILING
        line = line.model_copy(update={"noise": 0.0 if near else round(judge.noise, 5)})
    done = {"train_seconds": round(work.seconds, 3), "train_rows": work.rows, "train_tokens": work.tokens}
    line = line.model_copy(update=done)
    log.add(line)
    tracker.log_scores(line.to_dict(), judge.base)
    if line.datasets:
        say(f"  step {step:,} of {plan.recipe.max_steps:,}: {_on_dev(line.datasets, judge.base)}")
    progress.begin("training")
    return {f"eval_{name}": value for name, value in line.datasets.items()}


def _on_dev(scores: Mapping[str, float], base: Mapping[str, float]) -> str:
    """Return what a checkpoint has on dev; of many data sets the mean."""
    if len(scores) > MOST_SETS:
        mean, before = (sum(one.values()) / len(one) for one in (scores, {name: base[name] for name in scores}))
        return f"dev {fraction(mean)} (base {fraction(before)}), mean of {len(scores)} data sets"
    names = [f"{name} " if len(scores) > 1 else "" for name in scores]
    found = zip(names, scores.items(), strict=True)
    return "dev " + ", ".join(f"{shown}{fraction(value)} (base {fraction(base[name])})" for shown, (name, value) in found)


def resume_log(log: ScoreLog, run: Path) -> tuple[Work, float]:
    """Forget scores after the last complete checkpoint, as what came later is done again; none where training is over for good.

    Returns:
        The work done up to there, and the seconds that this and judging took.
    """
    steps = list_checkpoints(run)
    last, place = max(steps.items(), default=(0, None))
    if has_ended(run):  # the last checkpoint may be gone by now
        last, place = max((line.step for line in log.lines), default=last), run
    log.forget_after(last)
    work = Work() if place is None else Work.read(place)
    judged = [line.eval_seconds for line in log.lines if line.step]
    progress.continued(last, work.seconds, len(judged), sum(judged))
    return work, work.seconds + sum(line.eval_seconds for line in log.lines)


def log_training(tracker: Tracker, step: int, figures: Mapping[str, float]) -> None:
    """Log figures of training in the run's folder and on the dashboard."""
    progress.log_training(step, figures)
    tracker.log_training(step, figures)


def retain(run: Path, log: ScoreLog, step: int, keep_all: bool) -> None:
    """Keep the checkpoint that would be taken now, and the last."""
    best = log.best()
    if not keep_all:
        keep_only(run, {step, *([best.step] if best else [])})
