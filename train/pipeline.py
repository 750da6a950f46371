"""The sentence: load → audit → split → fit → evaluate each checkpoint against the base → judge → report → export.

This is the only file that knows the order. Rank 0 speaks and writes; every rank computes.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from data.schema import RowKind, text_columns
from data.storage import write_json
from train import distributed
from train.config.launcher import heed_launcher
from train.config.load import dump_config, load_config
from train.config.schema import Config
from train.console import is_main, quiet_libraries, say
from train.deploy.export import export_model
from train.deploy.hub import push_run
from train.encode.cache.cache import Counters, VectorCache
from train.encode.cache.encoder import cached
from train.encode.cache.open import open_shared_cache
from train.encode.local import load_encoder
from train.encode.prompts import encoders_of
from train.encode.wrappers import RememberingEncoder, SharedEncoder, ShortenedEncoder
from train.errors import Interrupted, RunError
from train.evaluate.dev import CLEAR_GAIN, LONGEST, DevJudge, build_dev_judge, widened
from train.evaluate.evaluator import judge_test, primary_value
from train.evaluate.results import CrossValidation
from train.fit.checkpoints import check_checkpoint, keep_only, last_checkpoint, list_checkpoints
from train.fit.loop import Hooks, fit, load_weights
from train.fit.recipe import CEILING, heed_ceiling
from train.fit.trainer import Work
from train.folds import cross_validate
from train.plan.estimate import Estimate, estimate
from train.plan.folds import folds_wanted
from train.plan.plan import Plan, audited, make_plan
from train.plan.preflight import see_run_folder, settle_name
from train.plan.record import record_plan, refuse_changes
from train.report.run_report import Shortened, report_run
from train.runs.folder import create_run, open_run, read_record
from train.runs.score_log import ScoreLog, highest_line
from train.shortage import Needs, shortages_in_words
from train.tracking.tracker import Tracker, start_tracking
from train.winner import Winner, can_be_copied, choose_winner, copy_of

if TYPE_CHECKING:
    from torch import Tensor


def start_run(config: Config, *, debug: bool = False, inner: bool = False) -> Path:
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


def dry_run(config: Config, *, debug: bool = False) -> Estimate:
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
        raise Interrupted(stop.what, mend=f"continue with --resume {run}") from None
    except KeyboardInterrupt:
        raise Interrupted("stopped; what was complete is kept", mend=f"continue with --resume {run}") from None
    except RuntimeError as error:
        if not distributed.peer_is_lost(error):
            raise
        raise RunError(
            "another process of this run ended or cannot be reached any more",
            mend=f"look for its own message above; what was complete is kept: continue with --resume {run}",
        ) from error
    hub = plan.config.export.hub
    if hub.repo_id is not None and is_main():
        push_run(run, hub.repo_id, private=hub.private, licence=hub.licence)  # the run is finished, whatever comes of this
    return run


def _fit_and_judge(plan: Plan, run: Path, tracker: Tracker) -> None:
    began = time.perf_counter()
    config, log = plan.config, ScoreLog(run / "scores.jsonl", writes=is_main())
    cache = open_shared_cache(config.vector_cache, config.cache, say)
    base = encoders_of(plan.encoder, plan.prompts, lambda encoder: RememberingEncoder(SharedEncoder(cached(encoder, cache))))
    say("judging the base (step 0) …")
    base_test = judge_test(plan.datasets, base)
    base_cut = judge_shortened(plan, base)
    judge = _dev_judge(plan, base)
    base_seconds = time.perf_counter() - began
    done = _used(cache)
    say(f"  took {base_seconds:.0f} s" + (f"; {done.sentence()}" if done.hits or done.damaged else ""))

    work = _resume_log(log, run)
    earlier = work.seconds + sum(line.get("eval_seconds", 0.0) for line in log.lines)
    if not log.lines:
        log.add(judge.line(0, base))
    _heed_ceiling(plan, run, log.lines[0]["dev"])
    del base  # its vectors are not needed once training begins
    if cache is not None:
        cache.close()
    hooks = Hooks(
        on_evaluate=lambda step: _judge_checkpoint(step, plan, judge, log, work, tracker),
        after_save=lambda step, _path: _retain(run, log, step, config.training.keep_all_checkpoints),
        should_stop=lambda: config.training.patience is not None and log.without_improvement() >= config.training.patience,
        on_log=tracker.log_training,
    )
    for line in log.lines:  # what was judged before this session, if the dashboard missed it
        tracker.log_scores(line, judge.base)
    before = copy_of(plan.encoder.model) if _interpolates(plan) else None
    say(f"training {plan.recipe.max_steps:,} steps …")
    fit(plan.encoder, plan.sets, plan.recipe, config.training, run, plan.bf16, hooks, work)

    test_began = time.perf_counter()
    winner = _choose_winner(plan, run, log, judge, before)
    say(f"judging on test: {winner.sentence()} …")
    tuned = encoders_of(plan.encoder, plan.prompts, lambda encoder: RememberingEncoder(SharedEncoder(encoder)))
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

    def train(config: Config) -> None:
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


def judge_shortened(plan: Plan, encoders: Mapping[str, RememberingEncoder]) -> dict[int, dict[str, float]]:
    """Scores on test with vectors cut to each length of `training.matryoshka`: by length, then by data set name."""
    whole = plan.encoder.contract.dimensions
    found: dict[int, dict[str, float]] = {}
    for dimensions in plan.config.training.matryoshka:
        if dimensions < whole:
            cut = {name: ShortenedEncoder(encoder, dimensions) for name, encoder in encoders.items()}
            judged = judge_test(plan.datasets, cut)
            found[dimensions] = {name: primary_value(scores) for name, (_, scores) in judged.items()}
    return found


def _dev_judge(plan: Plan, base: Mapping[str, RememberingEncoder]) -> DevJudge:
    trained = {name: plan.datasets[name] for name in plan.sets}
    settings = plan.config.evaluation
    in_precision = _dev_encoders(plan) if plan.bf16 else None
    judge = build_dev_judge(trained, base, settings.dev_queries, settings.pool_top, _dev_budget(plan), in_precision)
    if not judge.tasks:
        say("  there is no dev split: the last checkpoint will be judged")
    for name, task in judge.tasks.items():
        things = "scored pairs" if task.kind is RowKind.SCORED else "queries"
        say(f"  dev {name}: {len(task):,} {things}, base {task.primary} {judge.base[name]:.4f}")
    return judge


def _dev_encoders(plan: Plan) -> dict[str, SharedEncoder]:
    """The present weights, for dev scores: in the precision of training, since they only choose. Test is judged in fp32."""
    return encoders_of(dataclasses.replace(plan.encoder, bf16=plan.bf16), plan.prompts, SharedEncoder)


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


def _judge_checkpoint(step: int, plan: Plan, judge: DevJudge, log: ScoreLog, work: Work, tracker: Tracker) -> dict[str, float]:
    """Score the present weights on dev, log the line, say it, and return metrics for the trainer's log."""
    line = distributed.share(judge.line(step, _dev_encoders(plan)))  # one choice of the best, whatever the rounding
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


def _resume_log(log: ScoreLog, run: Path) -> Work:
    """Work done and scores up to the last complete checkpoint; what came later is done again."""
    steps = list_checkpoints(run)
    log.forget_after(max(steps, default=0))
    return Work.read(steps[max(steps)]) if steps else Work()


def _retain(run: Path, log: ScoreLog, step: int, keep_all: bool) -> None:
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
            mend="put it back, or start the run anew; no other checkpoint is put in its place",
        )
    load_weights(plan.encoder, found[step])
    return step


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


def _interpolates(plan: Plan) -> bool:
    """Whether weights between the base and the best checkpoint are tried."""
    return plan.config.training.interpolation == "auto" and can_be_copied(plan.encoder.model)


def _choose_winner(plan: Plan, run: Path, log: ScoreLog, judge: DevJudge, before: Mapping[str, Tensor] | None) -> Winner:
    """Load the best checkpoint, and put in its place what is better on dev."""
    step, model = _load_best(plan, run, log), plan.encoder.model

    def dev() -> float:
        return float(distributed.share(judge.line(step, _dev_encoders(plan)))["dev"])  # one choice, whatever the rounding

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
        judge, values = widened(judge, plan.datasets, _dev_encoders(plan))
        if values:
            line = next(line for line in log.lines if line["step"] == step)
            each = (line["datasets"] | values).values()
            found = float(distributed.share(sum(each) / len(each)))
            say(f"  in the whole corpus: dev {found:.4f} (base {base_dev:.4f})")
    return choose_winner(model, before, step, found, base_dev, dev)


def needs(plan: Plan) -> Needs:
    return Needs(plan.recipe.batch_sizes, plan.recipe.max_tokens, str(plan.encoder.model.device))
