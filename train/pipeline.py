"""The sentence: load → audit → split → fit → evaluate each checkpoint against the base → judge → report → export.

This is the only file that knows the order. Rank 0 speaks and writes; every rank computes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.audit import audit
from data.load import prepare
from data.schema import DataError, PreparedDataset, RowKind, text_columns
from train import ranks
from train.config import Config
from train.deploy.export import export_model
from train.deploy.hub import check_push, push_run
from train.encode.encoder import Encoder, load_encoder, resolve_device
from train.encode.locate import WeightsOrigin
from train.encode.memo import RememberingEncoder
from train.encode.packed import why_not_packed
from train.encode.shared import SharedEncoder
from train.errors import ConfigError, Interrupted, ModelError, RunError
from train.evaluate.dev import LONGEST, DevJudge, build_dev_judge, judge_test, refuse_unjudgeable
from train.fit.batching import RankShare
from train.fit.checkpoints import check_checkpoint, keep_only, last_checkpoint, list_checkpoints
from train.fit.estimate import Estimate, estimate
from train.fit.fit import Hooks, TrainingSet, fit, load_weights
from train.fit.losses import LOSS_NAMES, choose_loss
from train.fit.precision import bf16_pays
from train.fit.recipe import Recipe, plan_recipe
from train.fit.trainer import Work
from train.launcher import heed_launcher
from train.reporting import report_run
from train.runfolder import ScoreLog, create_run, default_name, environment, open_run, read_record, write_json, write_text
from train.settings import dump_config, load_config
from train.shortage import Needs, shortages_in_words
from train.terminal import is_main, quiet_libraries, say
from train.tracking.tracker import Tracker, check_tracking, start_tracking


@dataclass
class Plan:
    """Everything that is known before the first optimiser step."""

    config: Config
    datasets: dict[str, PreparedDataset]
    encoder: Encoder
    origin: WeightsOrigin
    sets: dict[str, TrainingSet]
    recipe: Recipe
    bf16: bool


def start_run(config: Config, *, debug: bool = False) -> Path:
    """Train, judge, report and export. Returns the run folder.

    Raises:
        ConfigError, DataError, ModelError, RunError: nothing was written, or what was written is complete.
        Interrupted: everything needed to go on is in the run folder.
    """
    quiet_libraries(debug)
    ranks.join(config.model.device)
    name = ranks.on_main(lambda: _settle_name(config))
    plan = make_plan(config.model_copy(update={"run_name": name}))
    run = Path(config.output_dir) / name
    ranks.on_main(lambda: create_run(Path(config.output_dir), name, record=lambda folder: record_plan(plan, folder)))
    _see_run_folder(run)
    return _carry_out(plan, run, new=True)


def resume_run(path: Path, *, debug: bool = False) -> Path:
    """Continue a run folder from its last complete checkpoint; a run without one starts over from the base."""
    quiet_libraries(debug)
    run = open_run(path)
    config = heed_launcher(load_config(run / "config.yaml"), say)
    if (last := last_checkpoint(run)) is not None:
        check_checkpoint(last[1])
    say(f"resuming {run}")
    ranks.join(config.model.device)
    plan = make_plan(config)
    _refuse_changes(plan, run)
    return _carry_out(plan, run, new=False)


def dry_run(config: Config, *, debug: bool = False) -> Estimate:
    """Show the resolved config, the data, the recipe and an estimate of time and memory; train nothing, make no run folder."""
    quiet_libraries(debug)
    ranks.join(config.model.device)
    ranks.on_main(lambda: _settle_name(config))
    plan = make_plan(config)
    _audited(plan)
    say("\nresolved config:\n" + dump_config(plan.config))
    with shortages_in_words(_needs(plan)):
        found = estimate(plan.encoder, plan.sets, plan.datasets, plan.recipe, plan.config, plan.bf16)
    for line in found.lines():
        say(line)
    say("dry run: nothing was trained, no run folder was made")
    return found


def make_plan(config: Config) -> Plan:
    """Load, audit and split the data, load the base, and settle what the config leaves open. Everything found is said."""
    if ranks.world_size() > 1:
        say(f"{ranks.world_size()} processes share the work")
    resolve_device(config.model.device)  # raises: better now than after reading the data
    datasets = ranks.first_on_each_machine(lambda: load_datasets(config))
    encoder, origin, notes = ranks.first_on_each_machine(lambda: load_encoder(config.model, config.evaluation.batch_size))
    say(f"base model: {origin.sentence()}")
    say(f"  {encoder.contract.sentence()}; on {encoder.model.device}")
    if (asked := config.model.max_tokens or 0) > encoder.contract.max_tokens:
        notes.append(f"model.max_tokens={asked} is more than the model can read: {encoder.contract.max_tokens} are used")
    for note in notes:
        say(f"  note: {note}")
    sets = training_sets(config, datasets)
    refuse_unjudgeable(datasets, trained=sets)
    rows = {name: (one.kind, len(one.table)) for name, one in sets.items()}
    seed = config.training.seed
    recipe = plan_recipe(
        config.training,
        rows,
        encoder.contract.max_tokens,
        lambda name, size: len(sets[name].sampler(size, seed)),
        ranks.world_size(),
    )
    bf16, why = ranks.share(_precision(config, encoder))  # probed: processes may see different speeds
    say("recipe:")
    for reason in recipe.reasons:
        say(f"  {reason}")
    say(f"  {'bf16 autocast' if bf16 else 'fp32'} ({why})")
    for name, one in sets.items():
        say(f"  {name}: {LOSS_NAMES[one.loss]} loss")
        if left_out := one.sampler(recipe.batch_sizes[name], seed).count_left_out():
            say(f"  {name}: {left_out:,} of {len(one.table):,} rows find no batch in the first epoch without a false negative")
        share = RankShare(one.sampler(recipe.batch_sizes[name], seed), ranks.rank(), ranks.world_size())
        if dropped := share.count_dropped():
            say(f"  {name}: {dropped:,} rows of the first epoch do not divide among {ranks.world_size()} processes: dropped")
    obstacle = why_not_packed(encoder.model)
    say("  forward: packed without padding" if obstacle is None else f"  forward: sorted by length, in chunks ({obstacle})")
    # what was probed is fixed in the recorded config, so that a resumed run computes as the first part did
    training = config.training.model_copy(update={"precision": "bf16" if bf16 else "fp32"})
    return Plan(config.model_copy(update={"training": training}), datasets, encoder, origin, sets, recipe, bf16)


def load_datasets(config: Config) -> dict[str, PreparedDataset]:
    """Every data set of the config, loaded and split; what was recognised and counted is said."""
    cache = Path(config.output_dir) / ".cache"
    datasets: dict[str, PreparedDataset] = {}
    for number, spec in enumerate(config.data.datasets):
        prepared = prepare(spec, config.data.split, cache, say=say)
        if prepared.name in datasets:
            raise ConfigError(
                f"two data sets are called {prepared.name!r}: {datasets[prepared.name].location} and {prepared.location}",
                mend=f"give one of them a name of its own: data.datasets.{number}.name=NAME",
            )
        datasets[prepared.name] = prepared
    return datasets


def training_sets(config: Config, datasets: Mapping[str, PreparedDataset]) -> dict[str, TrainingSet]:
    """Training rows and loss of each data set that is trained on."""
    sets = {}
    for spec, (name, prepared) in zip(config.data.datasets, datasets.items(), strict=True):
        if not spec.train:
            continue
        rows = len(prepared.splits["train"]) if "train" in prepared.splits else 0
        if rows < 2:
            others = ", ".join(f"{split} {len(table):,}" for split, table in prepared.splits.items() if split != "train")
            raise DataError(
                f"{name} has {'one training row, and two are needed' if rows else 'no training rows'} (it has {others})",
                where=prepared.location,
                mend="add rows to train on (a file named train beside it, say); to judge a model on these alone, run"
                f" `embed-tune evaluate MODEL --data {prepared.location}`; beside other data sets set train: false for this one",
            )
        sets[name] = TrainingSet(prepared.splits["train"], prepared.kind, choose_loss(spec, prepared.kind))
    return sets


def record_plan(plan: Plan, run: Path) -> None:
    """Write what explains and repeats the run, before it begins; warnings about the data are said, too."""
    write_text(run / "config.yaml", dump_config(plan.config))
    write_json(run / "audit.json", _audited(plan))
    write_json(
        run / "environment.json",
        environment(
            {
                "device": str(plan.encoder.model.device),
                "model": {
                    "name": plan.origin.name,
                    "from": plan.origin.kind,
                    "revision": plan.origin.revision,
                    "sha256": plan.origin.sha256,
                },
                "contract": plan.encoder.contract.as_dict(),
                "data": {name: prepared.fingerprint for name, prepared in plan.datasets.items()},
                "recipe": list(plan.recipe.reasons),
            }
        ),
    )


def _audited(plan: Plan) -> dict[str, Any]:
    """What is in the data; warnings are said."""
    audited = audit(list(plan.datasets.values()))
    for dataset in audited["datasets"]:
        for finding in dataset["findings"]:
            if finding["severity"] == "warning":
                shown = finding["examples"]
                rows = f" ({', '.join(shown)}{', …' * (finding['count'] > len(shown))})" if shown else ""
                say(f"{dataset['name']}: warning: {finding['what']}: {finding['count']:,}{rows}")
    return audited


def _needs(plan: Plan) -> Needs:
    return Needs(plan.recipe.batch_sizes, plan.recipe.max_tokens, str(plan.encoder.model.device))


def _carry_out(plan: Plan, run: Path, new: bool) -> Path:
    """Fit, evaluate each checkpoint against the base, judge, report, export."""
    try:
        with shortages_in_words(_needs(plan), run), start_tracking(plan.config, run, new=new) as tracker:
            _fit_and_judge(plan, run, tracker)
        ranks.leave()
    except Interrupted as stop:
        raise Interrupted(str(stop), mend=f"continue with --resume {run}") from None
    except KeyboardInterrupt:
        raise Interrupted("stopped; what was complete is kept", mend=f"continue with --resume {run}") from None
    except RuntimeError as error:
        if not ranks.peer_is_lost(error):
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
    base = RememberingEncoder(SharedEncoder(plan.encoder))
    say("judging the base (step 0) …")
    base_test = judge_test(plan.datasets, base)
    judge = _dev_judge(plan, base)
    base_seconds = time.perf_counter() - began
    say(f"  took {base_seconds:.0f} s")

    work = _resume_log(log, run)
    if not log.lines:
        log.add(judge.line(0, base))
    del base  # its vectors are not needed once training begins
    hooks = Hooks(
        on_evaluate=lambda step: _judge_checkpoint(step, plan, judge, log, work, tracker),
        after_save=lambda step, _path: _retain(run, log, step, config.training.keep_all_checkpoints),
        should_stop=lambda: config.training.patience is not None and log.without_improvement() >= config.training.patience,
        on_log=tracker.log_training,
    )
    for line in log.lines:  # what was judged before this session, if the dashboard missed it
        tracker.log_scores(line, judge.base)
    say(f"training {plan.recipe.max_steps:,} steps …")
    fit(plan.encoder, plan.sets, plan.recipe, config.training, run, plan.bf16, hooks, work)

    best = _load_best(plan, run, log)
    say(f"judging the checkpoint of step {best} on test …")
    test_began = time.perf_counter()
    tuned_test = judge_test(plan.datasets, SharedEncoder(plan.encoder))
    if is_main():
        export_model(plan.encoder.model, run / "model")
        now = time.perf_counter()
        seconds = {"base": base_seconds, "test": now - test_began, "total": now - began}
        report_run(run, config, plan.datasets, base_test, tuned_test, log, best, work, seconds, tracker)


def _dev_judge(plan: Plan, base: RememberingEncoder) -> DevJudge:
    trained = {name: plan.datasets[name] for name in plan.sets}
    settings = plan.config.evaluation
    judge = build_dev_judge(trained, base, settings.dev_queries, settings.pool_top, _dev_budget(plan))
    if not judge.tasks:
        say("  there is no dev split: the last checkpoint will be judged")
    for name, task in judge.tasks.items():
        things = "scored pairs" if task.kind is RowKind.SCORED else "queries"
        say(f"  dev {name}: {len(task):,} {things}, base {task.primary} {judge.base[name]:.4f}")
    return judge


def _dev_budget(plan: Plan) -> float:
    """Characters that judging one checkpoint may encode, so that it takes at most a tenth of the training before it.

    A training pass costs three forward passes (forward, and twice as much backward).
    """
    characters = 0
    for one in plan.sets.values():
        sample = one.table.select(range(min(len(one.table), 2000)))
        texts = [sample[column] for column in text_columns(sample.column_names)]
        characters += int(sum(min(len(text), LONGEST) for column in texts for text in column) / len(sample) * len(one.table))
    passes = plan.recipe.max_steps / plan.recipe.steps_per_epoch
    return 0.1 * 3 * characters * passes / len(plan.recipe.evaluation_steps)


def _judge_checkpoint(step: int, plan: Plan, judge: DevJudge, log: ScoreLog, work: Work, tracker: Tracker) -> dict[str, float]:
    """Score the present weights on dev, log the line, say it, and return metrics for the trainer's log."""
    line = ranks.share(judge.line(step, SharedEncoder(plan.encoder)))  # one choice of the best, whatever the rounding
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
    """Keep the best and the last checkpoint."""
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


def _precision(config: Config, encoder: Encoder) -> tuple[bool, str]:
    if config.training.precision == "auto":
        return bf16_pays(str(encoder.model.device))
    return config.training.precision == "bf16", "from your config"


def _refuse_changes(plan: Plan, run: Path) -> None:
    """A run goes on only with the data and the base that it began with: its scores would compare unlike things."""
    recorded = read_record(run, "environment.json", "model", "data")
    if (recorded["model"]["revision"], recorded["model"]["sha256"]) != (plan.origin.revision, plan.origin.sha256):
        raise ModelError(
            f"the weights of {plan.origin.name} are not those with which {run} began",
            mend="put them back (model.revision names one on the Hub), or start a new run",
        )
    for name, prepared in plan.datasets.items():
        if recorded["data"].get(name) != prepared.fingerprint:
            raise DataError(
                f"{name} is not what it was when the run began",
                where=prepared.location,
                mend="put the data back, or start a new run",
            )


def _settle_name(config: Config) -> str:
    """The name of a new run; what would stop it at its end is found before its data are read."""
    name = config.run_name or default_name(_dataset_name(config))
    if (Path(config.output_dir) / name).exists():
        create_run(Path(config.output_dir), name)  # raises, and says what to do
    if config.export.hub.repo_id is not None:
        check_push(config.export.hub.repo_id)
    check_tracking(config.tracking)
    return name


def _see_run_folder(run: Path) -> None:
    """Processes on other machines must see the folder, too: checkpoints are read from it."""
    sees = ranks.collect(run.is_dir())
    if not all(sees):
        raise RunError(
            f"{run} is not seen by processes {', '.join(str(i) for i, one in enumerate(sees) if not one)}",
            mend="several machines need a folder that all of them share: set output_dir to one",
        )


def _dataset_name(config: Config) -> str:
    first = config.data.datasets[0]
    stem = first.name or Path(first.source.rstrip("/")).stem or "run"
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem).strip(".-_")
    return clean or hashlib.sha256(first.source.encode()).hexdigest()[:8]
