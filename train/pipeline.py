"""The sentence: load → audit → split → (mine) → fit → evaluate each checkpoint against the base → judge → report → export.

This is the only file that knows the order. Rank 0 speaks and writes; every rank computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from train import distributed
from train.config.launcher import apply_launcher
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.console import detail, quiet_libraries, say
from train.deploy.export import export_model
from train.deploy.hub import push_run
from train.distributed import is_main
from train.evaluate.holm import together
from train.fit.checkpoints import check_checkpoint, has_ended, last_checkpoint, steps_made
from train.fit.loop import fit
from train.plan.brief import say_plan
from train.plan.ceiling import gentler_near_ceiling
from train.plan.datasets import as_new_run
from train.plan.folds import folds_wanted
from train.plan.phases import phases_of
from train.plan.plan import Plan, audited, make_plan
from train.plan.preflight import preflight
from train.plan.record import begin_run, refuse_changes
from train.plan.shortages import shortages_in_words
from train.plan.trial import try_out
from train.plan.whole_time import say_time
from train.report.live import live_page
from train.report.run_report import report_run
from train.runs.find import RUNS, find_unfinished
from train.runs.folder import RunFolder
from train.runs.looks import with_looks
from train.runs.progress import begin, follow, followed
from train.runs.run_log import keep_log, logged
from train.runs.score_log import ScoreLog
from train.runs.tidy import tidy
from train.selection.checkpoints import checkpoint_hooks, resume_log
from train.selection.choose import choose_winner, weights_to_mix_with
from train.selection.contracts import kept_as_shipped
from train.selection.judged import compared, judge_base, judge_tuned
from train.selection.panel import base_elsewhere
from train.selection.reference import keep_reference
from train.selection.references import judge_references
from train.selection.unproven import base_where_unproven, marked_withheld
from train.tracking.base import Tracker
from train.tracking.start import start_tracking
from train.workflows.cross_validate import cross_validate
from train.workflows.failures import failures_in_words, name_left_free
from train.workflows.seeds import log_of, luck_of, train_seeds, with_seeds


@followed
@logged
def start_run(config: TrainSettings, *, debug: bool = False, inner: bool = False) -> Path:
    """Train, judge, report and export. Returns the run folder.

    Args:
        config: everything that decides the run.
        debug: show what libraries log.
        inner: the run is part of another one, which goes on after it.

    Raises:
        ConfigError, DataError, ModelError, RunError: nothing was written, or what was written is complete.
        Interrupted: everything needed to go on is in the run folder.
    """
    quiet_libraries(debug)
    distributed.join(config.model.device)
    name = distributed.on_main(lambda: preflight(config))
    plan = make_plan(as_new_run(config).model_copy(update={"run_name": name}))
    say_plan(plan)
    if not inner:  # the parts of a cross-validation train the same model
        with shortages_in_words(plan.needs):
            distributed.on_main(lambda: try_out(plan))
            distributed.on_main(lambda: say_time(plan))
    run = begin_run(plan, distributed.on_main(lambda: audited(plan)))
    return _carry_out(plan, run, new=True, inner=inner)


@followed
@logged
def resume_run(name: str | Path, *, output_dir: str | Path = RUNS, debug: bool = False, inner: bool = False) -> Path:
    """Continue a run from its last complete checkpoint; a run without one starts over from the base. See `start_run`.

    Args:
        name: its folder, or its bare name.
        output_dir: where bare names are looked for.
        debug, inner: see `start_run`.
    """
    quiet_libraries(debug)
    run = find_unfinished(name, output_dir)
    config = apply_launcher(load_config(RunFolder(run).config), say)
    if (last := last_checkpoint(run)) is not None and not has_ended(run):
        check_checkpoint(last[1])
    say(f"resuming {run}")
    distributed.join(config.model.device)
    plan = make_plan(config)
    say_plan(plan)
    refuse_changes(plan, run)
    return _carry_out(plan, run, new=False, inner=inner)


def _carry_out(plan: Plan, run: Path, *, new: bool, inner: bool) -> Path:
    follow(run, phases_of(plan, inner=inner), live_page(plan, run))
    keep_log(run)
    with failures_in_words(plan.needs, run):
        with (
            name_left_free(run, new=new) as training_begins,
            start_tracking(plan.config, run, new=new, made=steps_made(run)) as tracker,
        ):
            _fit_and_judge(plan, run, tracker, training_begins, inner)
        if not inner:
            distributed.leave()
    hub = plan.config.export.hub
    if hub.repo_id is not None and is_main():
        push_run(run, hub.repo_id, private=hub.private, licence=hub.licence)  # the run is finished, whatever comes of this
    return run


def _fit_and_judge(plan: Plan, run: Path, tracker: Tracker, training_begins: Callable[[], None], inner: bool) -> None:
    """Fit, evaluate each checkpoint against the base, judge, export, report."""
    began = time.perf_counter()
    log = ScoreLog(run, writes=is_main())
    base = judge_base(plan)
    elsewhere = base_elsewhere(plan, inner=inner)
    work, earlier = resume_log(log, run)
    if not log.lines:
        log.add(base.dev_line)
    for line in log.lines:  # what was judged before this session, if the dashboard missed it
        tracker.log_scores(line.to_dict(), base.dev.base)
    plan = gentler_near_ceiling(plan, run, log.lines[0].dev)
    hooks = checkpoint_hooks(plan, run, base.dev, log, work, tracker)
    before = weights_to_mix_with(plan)
    training_begins()
    begin("training")
    say(f"training {plan.recipe.max_steps:,} steps …" + ("" if inner else f" (watch: {RunFolder(run).page})"))
    fit(plan.encoder, plan.sets, plan.recipe, plan.config.training, run, plan.bf16, hooks, work)

    fitted = time.perf_counter()
    several = plan.config.training.seeds > 1
    winner = choose_winner(
        plan, run, log, base.dev, before, base.ahead, trained=inner or several, elsewhere=None if several else elsewhere
    )
    seeds = train_seeds(plan, run, winner, before, base, _train_inside) if several else None
    winner = winner if seeds is None else seeds.winner
    chosen = kept_as_shipped(plan, run, winner)
    tuned = None if seeds is None else seeds.tuned
    if tuned is None:
        detail(f"judging on test: {winner.sentence()} …")
        tuned = judge_tuned(chosen)
    panel = None if elsewhere is None else elsewhere.judge(chosen)
    if is_main():
        export_model(chosen.encoder.model, RunFolder(run).model, None if inner else chosen.encoder)
    seconds = {"base": base.seconds, "test": time.perf_counter() - fitted}
    results = compared(plan, base, tuned, winner) if is_main() else []
    results = with_seeds(results, plan, base, seeds) if seeds is not None and results else results
    folds, _ = folds_wanted(plan.config, plan.datasets)
    crossed = cross_validate(plan.config, run, folds, _train_inside, luck_of(results)) if folds else None
    if is_main():
        beside = None if inner else judge_references(plan, base, tuned, kept_base=winner.share == 0)
        seconds["total"] = earlier + time.perf_counter() - began
        if crossed is not None:
            results[0] = results[0].model_copy(update={"cross_validation": crossed})
        if not inner:  # what a part of another run finds is not what anybody chooses by
            results = with_looks(results, plan.config.output_dir, run.name)
        results = together(results)
        winner = base_where_unproven(plan, run, winner, before, base, results)
        results = marked_withheld(results) if winner.withheld else results
        report_run(
            run,
            plan.config,
            plan.datasets,
            results,
            base,
            tuned,
            log_of(run, winner, log),
            winner,
            work,
            seconds,
            tracker,
            beside,
            panel,
        )
        if not inner:
            keep_reference(chosen, run, winner, tuned)
        tidy(run)


def _train_inside(config: TrainSettings) -> None:
    """Carry out the run of a part of a cross-validation, or of a seed, from where it was."""
    folder = Path(config.output_dir) / str(config.run_name)
    if RunFolder(folder).is_run:
        resume_run(folder, inner=True)
    else:
        start_run(config, inner=True)
