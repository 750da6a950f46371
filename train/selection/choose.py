"""Choose the weights to ship: the best checkpoint on dev, or what is better there between it and the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from train import distributed
from train.config.choices import Interpolation
from train.console import say
from train.encode.open import open_model
from train.errors import RunError
from train.fit.checkpoints import checkpoint_folder, list_checkpoints
from train.fit.loop import load_weights
from train.plan.plan import Plan
from train.runs.score_log import ScoreLog, best_line, highest_line
from train.selection.dev import CLEAR_GAIN, DevJudge, extend_pool
from train.selection.interpolation import Winner, can_be_copied, choose_weights, copy_of
from train.selection.judged import dev_encoders

if TYPE_CHECKING:
    from torch import Tensor


def weights_to_mix_with(plan: Plan) -> dict[str, Tensor] | None:
    """Return a copy of the base's weights where those between it and the best checkpoint are to be tried, else None."""
    tried = plan.config.training.interpolation == Interpolation.AUTO and can_be_copied(plan.encoder.model)
    return copy_of(plan.encoder.model) if tried else None


def choose_winner(
    plan: Plan,
    run: Path,
    log: ScoreLog,
    judge: DevJudge,
    before: Mapping[str, Tensor] | None,
    ahead: float = 0.0,
    *,
    trained: bool = False,
) -> Winner:
    """Load the best checkpoint on dev (the last one without dev) into the model, or what is better on dev instead of it.

    Args:
        plan: of the run; the weights of its model are changed.
        run: the run folder.
        log: scores of every checkpoint.
        judge: scores weights on dev.
        before: the base's weights, see `weights_to_mix_with`.
        ahead: by how much the base as shipped is better on dev than under the run's contract; what is below 0 counts as 0.
        trained: what training made is wanted, also where dev would keep the base.

    Raises:
        RunError: the best checkpoint is not there, or is damaged.
    """
    best = best_line(log.lines)
    step = best.step if best else max(list_checkpoints(run), default=0)
    _load(plan, run, step)
    _say_if_not_the_highest(log, step)
    lines = {line.step: line for line in log.lines}
    found, base_dev = (lines[at].dev if at in lines else None for at in (step, 0))
    as_shipped = ahead > 0
    base_dev = None if base_dev is None else base_dev + max(ahead, 0.0)
    lost = found is not None and base_dev is not None and found <= base_dev
    if lost and before is None and plan.config.training.interpolation == Interpolation.AUTO:
        if trained:
            return Winner(step, dev=found, lost=True)
        restore_base(plan)
        return Winner(step, 0.0, base_dev, as_shipped=as_shipped)
    in_doubt = found is not None and base_dev is not None and found - base_dev < CLEAR_GAIN
    if before is not None and in_doubt:
        judge, values = extend_pool(judge, plan.datasets, dev_encoders(plan))
        if values:
            each = (lines[step].datasets | values).values()
            found = float(distributed.share(sum(each) / len(each)))
            say(f"  in the whole corpus: dev {found:.4f} (base {base_dev:.4f})")

    def dev() -> float:
        value = distributed.share(judge.line(step, dev_encoders(plan))).dev  # one choice, whatever the rounding
        assert value is not None, "weights are compared only where there is a dev split"
        return value

    winner = choose_weights(plan.encoder.model, before, step, found, base_dev, dev, trained=trained)
    return replace(winner, as_shipped=as_shipped and winner.share == 0)


def _load(plan: Plan, run: Path, step: int) -> None:
    found = list_checkpoints(run)
    if step not in found:
        raise RunError(
            f"{checkpoint_folder(run, step)}, the best checkpoint, is not there",
            hint="put it back, or start a new run; no other checkpoint is used instead",
        )
    load_weights(plan.encoder, found[step])


def _say_if_not_the_highest(log: ScoreLog, step: int) -> None:
    found, highest = next((line.dev for line in log.lines if line.step == step), None), highest_line(log.lines)
    if found is not None and highest is not None and highest.dev is not None and found < highest.dev:
        taken = f"step {step:,} is the last checkpoint whose score on dev ({found:.4f}) cannot be told apart from the highest"
        say(f"  {taken} ({highest.dev:.4f} at step {highest.step:,}): it is taken")


def restore_base(plan: Plan) -> None:
    """Put the base's weights back into a model that is too large to keep a copy of them: they are read again."""
    base = open_model(plan.config.model.model_copy(update={"device": "cpu"})).local.model
    plan.encoder.model.load_state_dict(base.state_dict())
