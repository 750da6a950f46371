"""The sentence: load → audit → split → fit → evaluate each checkpoint against the base → judge → report → export.

This is the only file that knows the order. Rank 0 speaks and writes; every rank computes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from data.storage import write_json
from train import distributed
from train.config.launcher import heed_launcher
from train.config.load import dump_config, load_config
from train.config.schema import TrainSettings
from train.console import is_main, quiet_libraries, say
from train.deploy.export import export_model
from train.deploy.hub import push_run
from train.encode.cache.cache import Counters, VectorCache
from train.encode.cache.open import open_shared_cache
from train.encode.protocol import TextEncoder
from train.encode.wrappers import ShortenedEncoder, for_judging
from train.errors import Interrupted, RunError
from train.evaluate.evaluator import judge_test, primary_value
from train.evaluate.results import CrossValidation
from train.fit.checkpoints import check_checkpoint, last_checkpoint
from train.fit.loop import Hooks, fit
from train.fit.recipe import heed_ceiling
from train.plan.estimate import Estimate, estimate
from train.plan.folds import folds_wanted
from train.plan.plan import Plan, audited, make_plan
from train.plan.preflight import see_run_folder, settle_name
from train.plan.record import record_plan, refuse_changes
from train.report.run_report import Shortened, report_run
from train.runs.folder import create_run, open_run, read_record
from train.runs.score_log import ScoreLog
from train.selection.choose import choose_winner, dev_judge, interpolates, judge_checkpoint, resume_log, retain
from train.selection.interpolation import copy_of
from train.tracking.base import Tracker
from train.tracking.start import start_tracking
from train.workflows.cross_validate import cross_validate
from train.workflows.failures import Needs, shortages_in_words

if TYPE_CHECKING:
    pass


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
    name = distributed.on_main(lambda: settle_name(config))
    plan = make_plan(config.model_copy(update={"run_name": name}))
    run = Path(config.output_dir) / name
    distributed.on_main(lambda: create_run(Path(config.output_dir), name, record=lambda folder: record_plan(plan, folder)))
    see_run_folder(run)
    return _carry_out(plan, run, new=True, inner=inner)


def resume_run(path: Path, *, debug: bool = False, inner: bool = False) -> Path:
    """Continue a run folder from its last complete checkpoint; a run without one starts over from the base. See `start_run`."""
    quiet_libraries(debug)
    run = open_run(path)
    config = heed_launcher(load_config(run / "config.yaml"), say)
    if (last := last_checkpoint(run)) is not None:
        check_checkpoint(last[1])
    say(f"resuming {run}")
    distributed.join(config.model.device)
    plan = make_plan(config)
    refuse_changes(plan, run)
    return _carry_out(plan, run, new=False, inner=inner)


def dry_run(config: TrainSettings, *, debug: bool = False) -> Estimate:
    """Show the resolved config, the data, the recipe and an estimate of time and memory; train nothing, make no run folder."""
    quiet_libraries(debug)
    distributed.join(config.model.device)
    distributed.on_main(lambda: settle_name(config))
    plan = make_plan(config)
    audited(plan)
    say("\nresolved config:\n" + dump_config(plan.config))
    with shortages_in_words(needs(plan)):
        found = estimate(plan.encoder, plan.sets, plan.datasets, plan.recipe, plan.config, plan.bf16)
    for line in found.lines():
        say(line)
    if (folds := folds_wanted(config, plan.datasets)[0]) > 0:
        say(f"cross-validation: {folds} more runs that take about as long each")
    say("dry run: nothing was trained, no run folder was made")
    return found


def _carry_out(plan: Plan, run: Path, new: bool, inner: bool) -> Path:
    """Fit, evaluate each checkpoint against the base, judge, report, export."""
    try:
        with shortages_in_words(needs(plan), run), start_tracking(plan.config, run, new=new) as tracker:
            _fit_and_judge(plan, run, tracker)
        if not inner:
            distributed.leave()
    except Interrupted as stop:
        # of a part of a cross-validation only the run as a whole is to be continued
        raise Interrupted(stop.what, hint=f"continue with --resume {run}") from None
    except KeyboardInterrupt:
        raise Interrupted("stopped; what was complete is kept", hint=f"continue with --resume {run}") from None
    except RuntimeError as error:
        if not distributed.peer_is_lost(error):
            raise
        raise RunError(
            "another process of this run ended or cannot be reached any more",
            hint=f"look for its own message above; what was complete is kept: continue with --resume {run}",
        ) from error
    hub = plan.config.export.hub
    if hub.repo_id is not None and is_main():
        push_run(run, hub.repo_id, private=hub.private, licence=hub.licence)  # the run is finished, whatever comes of this
    return run


def _fit_and_judge(plan: Plan, run: Path, tracker: Tracker) -> None:
    began = time.perf_counter()
    config, log = plan.config, ScoreLog(run / "scores.jsonl", writes=is_main())
    cache = open_shared_cache(config.vector_cache, config.cache, say)
    base = for_judging(plan.encoder, plan.prompts, cache=cache, shared=True)
    say("judging the base (step 0) …")
    base_test = judge_test(plan.datasets, base)
    base_cut = judge_shortened(plan, base)
    judge = dev_judge(plan, base)
    base_seconds = time.perf_counter() - began
    done = _used(cache)
    say(f"  took {base_seconds:.0f} s" + (f"; {done.sentence()}" if done.hits or done.damaged else ""))

    work = resume_log(log, run)
    earlier = work.seconds + sum(line.get("eval_seconds", 0.0) for line in log.lines)
    if not log.lines:
        log.add(judge.line(0, base))
    _heed_ceiling(plan, run, log.lines[0]["dev"])
    del base  # its vectors are not needed once training begins
    if cache is not None:
        cache.close()
    hooks = Hooks(
        on_evaluate=lambda step: judge_checkpoint(step, plan, judge, log, work, tracker),
        after_save=lambda step, _path: retain(run, log, step, config.training.keep_all_checkpoints),
        should_stop=lambda: config.training.patience is not None and log.without_improvement() >= config.training.patience,
        on_log=tracker.log_training,
    )
    for line in log.lines:  # what was judged before this session, if the dashboard missed it
        tracker.log_scores(line, judge.base)
    before = copy_of(plan.encoder.model) if interpolates(plan) else None
    say(f"training {plan.recipe.max_steps:,} steps …")
    fit(plan.encoder, plan.sets, plan.recipe, config.training, run, plan.bf16, hooks, work)

    test_began = time.perf_counter()
    winner = choose_winner(plan, run, log, judge, before)
    say(f"judging on test: {winner.sentence()} …")
    tuned = for_judging(plan.encoder, plan.prompts, shared=True)
    tuned_test, tuned_cut = judge_test(plan.datasets, tuned), judge_shortened(plan, tuned)
    if is_main():
        export_model(plan.encoder.model, run / "model")
    test_seconds = time.perf_counter() - test_began
    crossed = _cross_validated(plan, run)
    if is_main():
        seconds = {"base": base_seconds, "test": test_seconds, "total": earlier + time.perf_counter() - began}
        cut = Shortened(base_cut, tuned_cut)
        report_run(
            run, config, plan.datasets, base_test, tuned_test, cut, crossed, log, winner, work, seconds, tracker, done.hits
        )


def _cross_validated(plan: Plan, run: Path) -> CrossValidation | None:
    """What all rows say, where test alone says little; None where it is not asked for."""
    folds, _ = folds_wanted(plan.config, plan.datasets)

    def train(config: TrainSettings) -> None:
        folder = Path(config.output_dir) / str(config.run_name)
        if (folder / "config.yaml").is_file():
            resume_run(folder, inner=True)
        else:
            start_run(config, inner=True)

    return cross_validate(plan.config, run, folds, train) if folds else None


def _used(cache: VectorCache | None) -> Counters:
    """What all processes did with the cache, together."""
    own = astuple(Counters() if cache is None else cache.counters)
    return Counters(*(int(total) for total in distributed.totals(own)))


def judge_shortened(plan: Plan, encoders: Mapping[str, TextEncoder]) -> dict[int, dict[str, float]]:
    """Scores on test with vectors cut to each length of `training.matryoshka`: by length, then by data set name."""
    whole = plan.encoder.contract.dimensions
    found: dict[int, dict[str, float]] = {}
    for dimensions in plan.config.training.matryoshka:
        if dimensions < whole:
            cut = {name: ShortenedEncoder(encoder, dimensions) for name, encoder in encoders.items()}
            judged = judge_test(plan.datasets, cut)
            found[dimensions] = {name: primary_value(scores) for name, (_, scores) in judged.items()}
    return found


def _heed_ceiling(plan: Plan, run: Path, base_dev: float | None) -> None:
    """Train gently where the base is nearly perfect; what that changes is said and recorded."""
    found = heed_ceiling(plan.recipe, base_dev, plan.config.training)
    if found is plan.recipe:
        return
    plan.recipe = found
    say(f"  {found.reasons[-1]}")
    if is_main():
        record = read_record(run, "environment.json", "recipe")
        write_json(run / "environment.json", record | {"recipe": list(found.reasons)})


def needs(plan: Plan) -> Needs:
    return Needs(plan.recipe.batch_sizes, plan.recipe.max_tokens, str(plan.encoder.model.device))
