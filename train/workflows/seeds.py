"""Several seeds: the same training with other draws, how much its models differ by that, and the best of them on dev.

The run itself is the first seed. Each further one is a run of its own in `seeds/` of the run folder, on the same rows and judged
on the same test. It keeps its model until the run knows which one it ships.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from train.config.schema import MARGIN, TrainSettings
from train.console import detail, say
from train.distributed import PeerStopped, is_main, on_main, wait
from train.errors import Diverged, RunError
from train.evaluate.compare_seeds import compare_seeds, seeds_result
from train.evaluate.luck import Luck
from train.evaluate.results import DatasetResult
from train.evaluate.score import Scores
from train.evaluate.seeds import SeedResult, SeedsResult
from train.evaluate.shared_texts import units_of
from train.evaluate.tasks import RetrievalTask, Task
from train.evaluate.units import by_wider, decided
from train.fit.loop import load_weights
from train.plan.inner import inner_config, run_inside
from train.plan.plan import Plan
from train.runs.finished import read_finished
from train.runs.folder import RunFolder
from train.runs.progress import begin, skip
from train.runs.read import read_report
from train.runs.score_log import ScoreLog
from train.selection.choose import keep_base
from train.selection.interpolation import Winner
from train.selection.judged import BaseScores, TestScores, judge_tuned
from train.wording import fraction

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Trained:
    """What one seed made: its choice on dev, the base left out, and the folder of its run (None: the run itself)."""

    seed: int
    made: Winner
    folder: Path | None = None


@dataclass(frozen=True)
class Seeds:
    """What came of several seeds.

    Attributes:
        winner: what is shipped; its weights are in the model of the plan.
        trained: what each seed made, the run itself first.
        failed: seeds whose training did not converge.
        own: what the run's own trained weights reach on test.
    """

    winner: Winner
    trained: tuple[Trained, ...]
    failed: tuple[int, ...]
    own: TestScores

    @property
    def tuned(self) -> TestScores | None:
        """What the shipped model reaches on test, where that was judged already."""
        return self.own if self.winner == self.trained[0].made else None


def train_seeds(
    plan: Plan,
    run: Path,
    made: Winner,
    before: Mapping[str, Tensor] | None,
    base: BaseScores,
    train: Callable[[TrainSettings], None],
) -> Seeds:
    """Train the further seeds, and put the best choice of all on dev into the model of the plan.

    A seed whose dev would keep the base has no choice to offer; where none has, the base is kept. Of equal ones the first is
    taken, as it is without a dev split. Near the base each seed's dev score is among documents that its own model ranks high, not
    those of the others (see `extend_pool`): this may cost the better choice, and favours no verdict, which is on test.

    Args:
        plan: of the run; its model holds what the run itself trained.
        run: its folder. Seeds that are finished are not trained again.
        made: the run's own choice, the base left out.
        before: the base's weights, see `weights_to_mix_with`.
        base: what the base reaches.
        train: carries out one run, from where it was; it judges what training makes, also where dev would keep the base.
    """
    detail(f"judging on test: {made.sentence()} …")
    own, first = judge_tuned(plan), plan.config.training.seed
    trained, failed = [Trained(first, made)], []
    for number in range(1, plan.config.training.seeds):
        seed = (first + number) % 2**32
        one = RunFolder(RunFolder(run).seeds / f"seed-{seed}")
        if one.is_finished:
            skip("seeds")
        else:
            begin("seeds", f"seed {seed}, {number + 1} of {plan.config.training.seeds}")
            say(f"seed {seed}, {number + 1} of {plan.config.training.seeds} …")
            try:
                run_inside(inner_config(plan.config, one.path.parent, one.path.name, training={"seed": seed}), one.path, train)
            except (Diverged, PeerStopped) as error:  # the latter on the processes that did not find out themselves
                wait()
                say(f"  seed {seed} is left out: {error}")
                failed.append(seed)
                continue
        wait()
        if is_main():
            one.keep_model_and_scores()
        trained.append(Trained(seed, _made(one.path, seed), one.path))
    on_main(lambda: shutil.rmtree(RunFolder(run).seeds / ".cache", ignore_errors=True))
    return Seeds(_ship(plan, trained, before, base), tuple(trained), tuple(failed), own)


def _made(folder: Path, seed: int) -> Winner:
    """Return what the run of a seed judged."""
    report = on_main(lambda: read_report(folder))
    found = report.selection
    return Winner(
        found.step or 0,
        found.share,
        found.dev,
        tuple((one.share, one.dev) for one in found.tried if one.dev is not None),
        lost=found.lost,
        losing=tuple(one.share for one in found.tried if one.loses_on_new),
        datasets={one.name: one.dev.tuned for one in report.datasets if one.dev is not None},
        seed=seed,
    )


def _ship(plan: Plan, trained: Sequence[Trained], before: Mapping[str, Tensor] | None, base: BaseScores) -> Winner:
    """Put the weights that are shipped into the model of the plan."""
    offered = [one for one in trained if not one.made.lost]
    if not offered:
        return keep_base(plan, trained[0].made, before, base.dev, base.dev_line.dev, base.ahead)
    best = max(offered, key=lambda one: -1.0 if one.made.dev is None else one.made.dev)  # the first of equal ones
    if best.folder is not None:
        load_weights(plan.encoder, RunFolder(best.folder).model)
    dev = "" if best.made.dev is None else f" (dev {fraction(best.made.dev)})"
    say(f"of {len(trained)} seeds {best.seed} is the best on dev{dev}")
    return best.made


def with_seeds(results: Sequence[DatasetResult], plan: Plan, base: BaseScores, seeds: Seeds) -> list[DatasetResult]:
    """Return the results with what the seeds say beside each; unchanged where only one converged."""
    return [result.model_copy(update={"seeds": _compared(result, plan, base, seeds)}) for result in results]


def _compared(result: DatasetResult, plan: Plan, base: BaseScores, seeds: Seeds) -> SeedsResult | None:
    if len(seeds.trained) < 2:
        return None
    task, own = seeds.own.full[result.name]
    before = _values(task, base.test.full[result.name][1])
    tuned = np.stack([_values(task, own), *(_recorded(one.folder, result, task) for one in seeds.trained if one.folder)])
    gold = None if isinstance(task, RetrievalTask) else np.asarray(task.scores, dtype=float)
    judging = {"seed": plan.config.training.seed, "resamples": plan.config.evaluation.resamples}
    units = units_of(task)
    wider = by_wider(units, lambda groups: compare_seeds(before, tuned, gold=gold, groups=groups, **judging)[1])
    found, items, scores = compare_seeds(before, tuned, gold=gold, groups=decided(units, wider), **judging)
    each = [
        SeedResult(
            seed=one.seed,
            dev=one.made.dev,
            tuned=score,
            delta=score - found.base,
            kept_base=one.made.lost,
            shipped=one.made == seeds.winner,
        )
        for one, score in zip(seeds.trained, scores.tolist(), strict=True)
    ]
    return seeds_result(
        found,
        items,
        each,
        against_scores=result.against_scores,
        failed=seeds.failed,
        margin=MARGIN if result.margin is None else result.margin,
    )


def luck_of(results: Sequence[DatasetResult]) -> Luck | None:
    """Return the luck of training by what seeds showed on the first data set; None where one was trained."""
    found = results[0].seeds if results else None
    return None if found is None else Luck.measured(found.sd, len(found.seeds))


def _values(task: Task, scores: Scores) -> np.ndarray:
    """Return [n] values of the primary metric, or cosines of scored pairs."""
    found = scores.per_query[task.primary] if isinstance(task, RetrievalTask) else scores.similarities
    return np.asarray(found, dtype=float)


def _recorded(folder: Path, result: DatasetResult, task: Task) -> np.ndarray:
    """Return [n] values that the run of a seed recorded.

    Raises:
        RunError: it judged other items.
    """
    found = read_finished(folder).values(result.name, "cosine" if result.kind == "scored" else result.metric)
    items = list(task.query_ids) if isinstance(task, RetrievalTask) else [str(i) for i in range(len(task))]
    if found.items != items:
        raise RunError(f"{folder} was not judged on the test of this run", hint=f"remove {folder}, and resume the run")
    return np.array(found.tuned, dtype=float)


def log_of(run: Path, winner: Winner, log: ScoreLog) -> ScoreLog:
    """Return the learning curve of what is shipped: the run's own, or that of the seed that made it."""
    return log if winner.seed is None else ScoreLog(RunFolder(run).seeds / f"seed-{winner.seed}", writes=False)
