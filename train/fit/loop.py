"""Fits a model to its training rows and leaves complete checkpoints behind."""

from __future__ import annotations

import copy
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from datasets import Dataset
from transformers import PrinterCallback

from data.errors import reason
from data.schema import RowKind, text_columns
from train import distributed
from train.config.choices import Batches
from train.config.schema import TrainingConfig
from train.encode.contract import Role
from train.encode.forward.cpu_dropout import cheap_dropout
from train.encode.forward.packed import packed_through_wrapper
from train.encode.local import Encoder
from train.encode.prompts import prompted
from train.encode.routes import routers_of, task_of
from train.errors import Interrupted, RunError
from train.fit.batches.mixture import mix
from train.fit.batches.samplers import ShuffledBatchSampler
from train.fit.batches.training_set import TrainingSet
from train.fit.callbacks import FiguresCallback, ScheduleCallback
from train.fit.checkpoints import clear_staging, has_ended, last_checkpoint
from train.fit.collate import LABEL, TokenTable
from train.fit.losses.build import build_loss, kept_bytes
from train.fit.recipe import Recipe
from train.fit.trainer import PairTrainer, Work, freeze_unused_pooler, training_arguments

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Hooks:
    """What fitting asks of the outside; `fit` knows neither metrics nor reports."""

    on_evaluate: Callable[[int], dict[str, float]]
    """Judges the present weights after a step, on every rank; returns metrics to log."""
    after_save: Callable[[int, Path], None]
    """Called on rank 0 when a checkpoint is complete."""
    should_stop: Callable[[], bool]
    """Asked after each evaluation."""
    on_log: Callable[[int, Mapping[str, float]], None] = lambda step, figures: None
    """Gets an optimiser step and figures of the training, on rank 0."""
    on_step: Callable[[int], None] = lambda step: None
    """Gets each optimiser step that was made, on rank 0."""


def fit(
    encoder: Encoder,
    sets: Mapping[str, TrainingSet],
    recipe: Recipe,
    config: TrainingConfig,
    run: Path,
    bf16: bool,
    hooks: Hooks,
    work: Work,
) -> None:
    """Train until the recipe's last step, from the last complete checkpoint of the run folder if there is one.

    Args:
        encoder: the base model; its weights are changed in place.
        sets: training rows by data set name.
        recipe: steps, rates and batch sizes.
        config: the training section.
        run: run folder; checkpoints are published in it.
        bf16: train under bf16 autocast; master weights stay fp32.
        hooks: evaluation and retention.
        work: counters of the work done, updated in place.

    Raises:
        Interrupted: a signal came; a checkpoint of the last finished step is complete.
    """
    device = encoder.model.device.type
    found = last_checkpoint(run)
    if has_ended(run):
        return  # it was finished, and is only judged again
    if found is not None and (found[0] >= recipe.max_steps or hooks.should_stop()):
        return  # the last session was stopped after training had ended, by its steps or for want of progress
    distributed.on_main(lambda: clear_staging(run))  # which writes its scores, before and after
    freeze_unused_pooler(encoder.model)
    prompts = {name: column_prompts(encoder, one) for name, one in sets.items()}
    tables = {name: training_columns(one.table) for name, one in sets.items()}
    keys = {name: one.keys for name, one in sets.items()}
    joint = {name for name, one in sets.items() if one.batches == Batches.JOINT}
    tokens = distributed.first_on_each_machine(lambda: token_tables(encoder, tables, prompts, recipe.max_tokens, keys, joint))
    if tokens is None:  # the stock collator reads labels from a column
        tables = {name: _with_labels(table, keys[name]) for name, table in tables.items()}
    prompts = prompts if any(any(p.values()) for p in prompts.values()) and tokens is None else {}
    routes = {name: column_tasks(encoder, one) for name, one in sets.items()} if routers_of(encoder.model) else {}
    arguments = training_arguments(config, recipe, run, bf16, device, prompts, routes)
    trained = _to_be_spread(encoder.model) if distributed.weights_are_spread() else encoder.model
    trainer = PairTrainer(
        trained,
        arguments,
        tables=tables,
        losses={
            name: build_loss(
                one.loss,
                trained,
                config,
                arguments.world_size,
                one.relevance,
                by_trainer=tokens is not None,
                joint=one.batches == Batches.JOINT,
            )
            for name, one in sets.items()
        },
        samplers=mixed_samplers(sets, recipe, config),
        tokens=tokens,
        max_tokens=recipe.max_tokens,
        keep_bytes={name: kept_bytes(one.loss) for name, one in sets.items()},
        whole=None if trained is encoder.model else encoder.model,
        on_evaluate=hooks.on_evaluate,
        after_save=hooks.after_save,
        work=work,
    )
    schedule = ScheduleCallback(recipe.evaluation_steps, hooks.should_stop)
    trainer.remove_callback(PrinterCallback)  # our own progress line says it in words
    trainer.add_callback(schedule)
    trainer.add_callback(FiguresCallback(hooks.on_log, trainer.work_seen, hooks.on_step))
    if distributed.world_size() > 1:
        torch.manual_seed(config.seed + distributed.rank())  # each process drops other weights
    with _stopping_on_signals(schedule), cheap_dropout(trained), packed_through_wrapper(trained):
        trainer.train(resume_from_checkpoint=str(found[1]) if found else None)
    trainer.stop_clock()
    if trainer.is_world_process_zero():
        clear_staging(run)
    if schedule.interrupted:
        raise Interrupted(f"stopped after step {trainer.state.global_step} of {recipe.max_steps}; the checkpoint is complete")


def training_columns(table: Dataset) -> Dataset:
    """Keep only what the loss reads: texts in the order it expects them, and the score of scored pairs."""
    keep = text_columns(table.column_names) + (["score"] if "score" in table.column_names else [])
    return table.select_columns(keep)


def _with_labels(table: Dataset, keys: np.ndarray | None) -> Dataset:
    return table if keys is None else table.add_column(LABEL, list(keys))


def load_weights(encoder: Encoder, checkpoint: Path) -> None:
    """Put a checkpoint's weights into the encoder's model.

    Raises:
        RunError: the checkpoint is damaged, or a weight is missing, surplus or of another shape.
    """
    from sentence_transformers import SentenceTransformer

    try:
        other = SentenceTransformer(
            str(checkpoint),
            device="cpu",
            model_kwargs={"dtype": torch.float32},
            trust_remote_code=encoder.model.trust_remote_code,
        )
        encoder.model.load_state_dict(other.state_dict(), strict=True)
    except Exception as error:  # a damaged file raises whatever the library that reads it raises
        raise RunError(
            f"{checkpoint}, the best checkpoint, cannot be loaded: {reason(error)}",
            hint="restore the folder from a backup, or start the run again; no other checkpoint is used instead",
        ) from error


def token_tables(
    encoder: Encoder,
    tables: Mapping[str, Dataset],
    prompts: Mapping[str, Mapping[str, str]],
    max_tokens: int,
    keys: Mapping[str, np.ndarray | None],
    joint: Collection[str],
) -> dict[str, TokenTable] | None:
    """Tokenise the training rows, by data set name; None where the model's texts are more than token ids.

    Args:
        encoder: the model.
        tables: as `training_columns` gives them.
        prompts: by data set name, the prompt of each text column.
        max_tokens: where texts are cut.
        keys: by data set name, what the loss takes for labels.
        joint: names of the data sets whose batches hold each text once.
    """
    found = {
        name: TokenTable.of(table, prompts[name], encoder, max_tokens, keys[name], name in joint)
        for name, table in tables.items()
    }
    return {name: one for name, one in found.items() if one is not None} if None not in found.values() else None


def column_prompts(encoder: Encoder, one: TrainingSet) -> dict[str, str]:
    """Return the prompt of each text column of a data set."""
    contract = prompted(encoder, one.prompts).contract
    return {column: contract.prompt(role) for column, role in column_roles(one).items()}


def column_tasks(encoder: Encoder, one: TrainingSet) -> dict[str, str | None]:
    """Return what a router is told of each text column of a data set; None for a model without one."""
    return {column: task_of(encoder.model, role) for column, role in column_roles(one).items()}


def column_roles(one: TrainingSet) -> dict[str, Role]:
    """Return what the texts of each column of a data set are."""
    if one.kind is RowKind.SCORED:
        return dict.fromkeys(text_columns(one.table.column_names), Role.SYMMETRIC)
    return {c: Role.QUERY if c == "anchor" else Role.DOCUMENT for c in text_columns(one.table.column_names)}


def mixed_samplers(sets: Mapping[str, TrainingSet], recipe: Recipe, config: TrainingConfig) -> dict[str, ShuffledBatchSampler]:
    """Return the batches of all data sets, each with its share of an epoch."""
    samplers = {name: one.sampler(recipe.batch_sizes[name], config.seed) for name, one in sets.items()}
    return mix(samplers, recipe.batches_per_epoch, {name: one.weight for name, one in sets.items()}, config.mixture_temperature)


def _to_be_spread(model: SentenceTransformer) -> SentenceTransformer:
    """Return a copy whose weights may be spread over the processes, while the model itself stays whole for judging and export."""
    twin = copy.deepcopy(model)
    # Accelerate looks among the direct children for a last norm layer of a language model and would take the one that
    # normalises embeddings for it, which cannot be sharded; inside the transformer it finds none
    twin.base_model_prefix = "0"  # type: ignore[assignment]
    return twin


@contextmanager
def _stopping_on_signals(schedule: ScheduleCallback) -> Iterator[None]:
    """End the run after the present step, with a checkpoint, on Ctrl-C or a scheduler's SIGTERM."""
    if threading.current_thread() is not threading.main_thread():  # Python lets no other thread handle signals
        yield
        return
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, schedule.request_stop) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
