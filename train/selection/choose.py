"""Choose the weights to ship: the best checkpoint on dev, or what is better there between it and the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from train import distributed
from train.config.choices import Interpolation
from train.console import detail
from train.encode.open import open_model
from train.errors import RunError
from train.fit.checkpoints import checkpoint_folder, list_checkpoints
from train.fit.loop import load_weights
from train.plan.plan import Plan
from train.runs.progress import begin
from train.runs.records import ScoreLine
from train.runs.score_log import ScoreLog, best_line, highest_line
from train.selection.dev import CLEAR_GAIN, DevJudge, extend_pool
from train.selection.interpolation import Winner, can_be_copied, choose_weights, copy_of, interpolate
from train.selection.judged import dev_encoders
from train.selection.other_work import OtherWork, lose_least
from train.selection.panel import Elsewhere

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
    elsewhere: Elsewhere | None = None,
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
        elsewhere: the panel of other work, which has a say where dev cannot tell weights apart.

    Raises:
        RunError: the best checkpoint is not there, or is damaged.
    """
    begin("choice")
    best = best_line(log.lines)
    step = best.step if best else max(list_checkpoints(run), default=0)
    _load(plan, run, step)
    _say_if_not_the_highest(log, step)
    lines = {line.step: line for line in log.lines}
    taken, base_dev = lines.get(step, ScoreLine(step=step)), lines[0].dev if 0 in lines else None
    as_shipped = ahead > 0
    base_dev = None if base_dev is None else base_dev + max(ahead, 0.0)
    lost = taken.dev is not None and base_dev is not None and (taken.dev <= base_dev or taken.loses_on_new)
    if lost and before is None and plan.config.training.interpolation == Interpolation.AUTO:
        if trained:
            return Winner(step, dev=taken.dev, lost=True, datasets=taken.datasets)
        restore_base(plan)
        return Winner(step, 0.0, base_dev, as_shipped=as_shipped, datasets=judge.base)
    in_doubt = taken.dev is not None and base_dev is not None and taken.dev - base_dev < CLEAR_GAIN
    if before is not None and in_doubt:
        judge, taken = _among_its_own(plan, judge, taken, base_dev)

    def dev() -> ScoreLine:
        return distributed.share(judge.line(step, dev_encoders(plan)))  # one choice, whatever the rounding

    loses = taken.loses_on_new
    winner = choose_weights(plan.encoder.model, before, step, taken.dev, base_dev, dev, trained=trained, loses=loses)
    if winner.share in (0, 1):
        winner = replace(winner, datasets=taken.datasets if winner.share else judge.base)
    other = None if elsewhere is None else elsewhere.other_work(judge.noise)
    if other is not None and before is not None and not winner.lost:
        winner = _less_lost(plan, run, winner, before, other)
    return replace(winner, as_shipped=as_shipped and winner.share == 0)


def _among_its_own(plan: Plan, judge: DevJudge, taken: ScoreLine, base_dev: float | None) -> tuple[DevJudge, ScoreLine]:
    """Return the judge with what the checkpoint ranks highest in its pools, and what the checkpoint scores there."""
    judge, values = extend_pool(judge, plan.datasets, dev_encoders(plan))
    if not values:
        return judge, taken
    each = taken.datasets | values
    taken = taken.model_copy(update={"datasets": each, "dev": sum(each.values()) / len(each)})
    if judge.base_queries:
        taken = judge.line(taken.step, dev_encoders(plan))
    taken = distributed.share(taken)
    detail(f"  in the whole corpus: dev {taken.dev:.4f} (base {base_dev:.4f})")
    return judge, taken


def keep_base(
    plan: Plan, made: Winner, before: Mapping[str, Tensor] | None, base: DevJudge, base_dev: float | None, ahead: float = 0.0
) -> Winner:
    """Put the base's weights back, and return them as what is kept.

    Args:
        plan: of the run; the weights of its model are changed.
        made: what training made, the base left out.
        before: the base's weights, see `weights_to_mix_with`.
        base: what the base scores on dev.
        base_dev: the mean of that, under the run's contract.
        ahead: see `choose_winner`.
    """
    if before is None:
        restore_base(plan)
    else:
        interpolate(plan.encoder.model, before, before, 0.0)
    dev = None if base_dev is None else base_dev + max(ahead, 0.0)
    return Winner(made.step, 0.0, dev, made.tried, as_shipped=ahead > 0, losing=made.losing, datasets=base.base)


def _less_lost(plan: Plan, run: Path, winner: Winner, before: Mapping[str, Tensor], other: OtherWork) -> Winner:
    """Return the winner after other work has had its say, with its weights in the model."""
    model = plan.encoder.model
    if winner.share != 1:
        _load(plan, run, winner.step)
    checkpoint = copy_of(model)
    interpolate(model, before, checkpoint, winner.share)
    return lose_least(winner, other, lambda share: interpolate(model, before, checkpoint, share))


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
        if highest.loses_on_new:
            why = f"step {highest.step:,} has the highest score on dev ({highest.dev:.4f}), but loses on documents that train did"
            detail(f"  {why} not teach: step {step:,} ({found:.4f}) is taken")
            return
        taken = f"step {step:,} is the last checkpoint whose score on dev ({found:.4f}) cannot be told apart from the highest"
        detail(f"  {taken} ({highest.dev:.4f} at step {highest.step:,}): it is taken")


def restore_base(plan: Plan) -> None:
    """Put the base's weights back into a model that is too large to keep a copy of them: they are read again."""
    base = open_model(plan.config.model.model_copy(update={"device": "cpu"})).local.model
    plan.encoder.model.load_state_dict(base.state_dict())
