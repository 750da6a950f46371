"""Sentence Transformers' trainer with this project's batches, forward, evaluation schedule and checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch.utils.data import BatchSampler

from data.errors import reason
from data.foreign_errors import SHORT_WRITE
from data.storage import write_json
from train import distributed
from train.config.choices import Schedule
from train.config.schema import TrainingConfig
from train.encode.forward.columns import embed_columns
from train.encode.token_limit import limited_tokens
from train.encode.weights.save import save_model
from train.errors import RunError
from train.fit.batches.samplers import RankShare, ShuffledBatchSampler
from train.fit.callbacks import LossMeter
from train.fit.checkpoints import STAGING, WORK_FILE, checkpoint_folder, clear_staging, publish
from train.fit.collate import COLUMNS, LABEL, PackingCollator, TokenTable, count
from train.fit.recipe import Recipe


@dataclass
class Work:
    """What training has consumed so far, resumed sessions included. Seconds run from first to last optimiser step."""

    seconds: float = 0.0
    rows: int = 0
    tokens: int = 0

    @classmethod
    def read(cls, checkpoint: Path) -> Work:
        """Read what had been consumed when a checkpoint was saved; nothing where it does not say."""
        try:
            return cls(**json.loads((checkpoint / WORK_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()


class PairTrainer(SentenceTransformerTrainer):
    """Trains all data sets together, one loss and one batch sampler each.

    Args:
        model: in fp32; autocast does bf16.
        arguments: from `training_arguments`.
        tables: training rows by data set name; text columns and `score` only.
        losses: loss module by data set name.
        samplers: batch sampler by data set name; batches are global (all processes together).
        tokens: token ids of each table; None where they cannot stand for the model's texts, which are tokenised batch by batch.
        max_tokens: training texts are cut at this many tokens.
        keep_bytes: see `embed_columns`.
        whole: where the weights in training are spread over the processes (FSDP), a model of the same shape that each process has
            whole; it gets the weights before each evaluation and each save. None otherwise.
        on_evaluate: called on every rank with the step; judges the checkpoint and returns metrics to log.
        after_save: called on rank 0 once a checkpoint is complete.
        work: counters, updated in place.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        arguments: SentenceTransformerTrainingArguments,
        tables: Mapping[str, Dataset],
        losses: Mapping[str, torch.nn.Module],
        samplers: Mapping[str, ShuffledBatchSampler],
        tokens: Mapping[str, TokenTable] | None,
        max_tokens: int,
        keep_bytes: Mapping[str, int | None],
        whole: SentenceTransformer | None,
        on_evaluate: Callable[[int], dict[str, float]],
        after_save: Callable[[int, Path], None],
        work: Work,
    ) -> None:
        self._samplers, self._max_tokens, self._tokens_of, self._keep_bytes = dict(samplers), max_tokens, tokens, keep_bytes
        self._on_evaluate, self._after_save, self.work = on_evaluate, after_save, work
        self._saving, self._whole = False, whole
        self._meter = LossMeter(tables)
        self._clock: float | None = None
        self._rows = 0  # of this process since the last `stop_clock`, as are tokens
        self._tokens: int | torch.Tensor = 0
        rows = DatasetDict(tables) if tokens is None else DatasetDict({name: table.rows() for name, table in tokens.items()})
        super().__init__(model=model, args=arguments, train_dataset=rows, loss=dict(losses))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add no callback: the stock one copies training texts into the model card."""

    def get_optimizer_cls_and_kwargs(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Return the stock choice. It makes the losses modules of a common one, where a name ("train") may be taken."""
        losses: Any = self.loss
        self.loss = {f"loss of {name}": loss for name, loss in losses.items()}
        try:
            return super().get_optimizer_cls_and_kwargs(*args, **kwargs)
        finally:
            self.loss = losses

    def get_batch_sampler(self, dataset: Dataset, *args: Any, **kwargs: Any) -> BatchSampler:
        """Return the sampler that was given for this table, or this process's share of it."""
        tables: Any = self.train_dataset
        sampler = next(self._samplers[name] for name, table in tables.items() if table is dataset)
        return sampler if distributed.world_size() == 1 else RankShare(sampler, distributed.rank(), distributed.world_size())

    def get_train_dataloader(self) -> Any:
        """Return the stock loader, already divided among the processes by `get_batch_sampler` and not once more by Accelerate."""
        loader = self._build_dataloader(self.train_dataset, self.args.train_batch_size, dataset_kind="train")
        self._train_dataloader = prepare_data_loader(
            loader, device=self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return self._train_dataloader

    def get_data_collator(self, *args: Any, **kwargs: Any) -> Any:
        """Return a collator that packs token ids; or the stock one, with training texts cut at the recipe's length."""
        if self._tokens_of is not None:
            return PackingCollator(self._tokens_of)
        collator = super().get_data_collator(*args, **kwargs)
        tokenise = collator.preprocess_fn

        def cut(*texts: Any, **options: Any) -> Any:
            with limited_tokens(self.model, self._max_tokens):
                return tokenise(*texts, **options)

        collator.preprocess_fn = cut
        return collator

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the data set's loss over embeddings of all columns, together and without padding where that is possible."""
        rows, tokens = count(inputs)
        self._rows += rows
        self._tokens = self._tokens + tokens
        name = inputs["dataset_name"]
        if COLUMNS not in inputs:
            value: Any = super().compute_loss(model, inputs, False, num_items_in_batch)
        else:
            loss: Any = self.loss[name]
            # Accelerate puts autocast around the model's own forward, which the packed one passes by
            with self.accelerator.autocast():
                columns = embed_columns(model, inputs[COLUMNS], self._keep_bytes[name], one_pass=self._whole is not None)
            value = loss.compute_loss_from_embeddings([column.float() for column in columns], inputs.get(LABEL))
        self._meter.add(name, value)
        return (value, {}) if return_outputs else value

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log as the stock trainer does; where several data sets train together, the loss of each stands beside their mean."""
        super().log(logs | self._meter.read() if "loss" in logs else logs, *args, **kwargs)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take the stock step, with the clock started at the first one."""
        if self._clock is None:
            self._clock = time.perf_counter()
        return super().training_step(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Judge the present weights; the time this takes does not count as training."""
        self.stop_clock()
        if self._whole is not None:
            distributed.copy_weights(self.accelerator.get_state_dict(self.model), self._whole)
        metrics = self._on_evaluate(self.state.global_step)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def stop_clock(self) -> None:
        """Add the time since the clock was started to the work done, with the rows and tokens of all processes."""
        if self._clock is not None:
            self.work.seconds += time.perf_counter() - self._clock
            self._clock = None
        rows, tokens = distributed.totals([self._rows, int(self._tokens)])
        self.work.rows += int(rows)
        self.work.tokens += int(tokens)
        self._rows, self._tokens = 0, 0

    def rows_seen(self) -> int:
        """Return about how many rows all processes together have trained on by now."""
        # asked each step, so the tokens, which are counted on the GPU, are left alone
        return self.work.rows + self._rows * distributed.world_size()

    def work_seen(self) -> tuple[int, int]:
        """Return about how many rows and tokens all processes together have trained on by now."""
        rows, tokens = (count * distributed.world_size() for count in (self._rows, int(self._tokens)))
        return self.work.rows + rows, self.work.tokens + tokens

    def _get_output_dir(self, trial: Any) -> str:
        run = super()._get_output_dir(trial)
        return str(Path(run) / STAGING) if self._saving else run

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save under a staging name; rename once every rank has written its part."""
        self.stop_clock()
        run = Path(str(self.args.output_dir))
        if self.args.should_save:
            clear_staging(run)
            (run / STAGING).mkdir()
        self.accelerator.wait_for_everyone()
        self._saving = True
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:  # a full disk raises whatever the library that writes raises
            if self.args.should_save:
                clear_staging(run)
            why = "the disk took less than was written" if SHORT_WRITE.said_by(error) else reason(error)
            raise RunError(
                f"the checkpoint of step {self.state.global_step} could not be written: {why}",
                hint=f"make room on the disk, then continue with --resume {run}; earlier checkpoints are complete",
            ) from error
        finally:
            self._saving = False
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            step = self.state.global_step
            write_json(checkpoint_folder(run / STAGING, step) / WORK_FILE, asdict(self.work))
            self._after_save(step, publish(run, step))
        self.accelerator.wait_for_everyone()  # nobody looks for the checkpoint before it is there

    def _load_from_checkpoint(self, path: str, model: Any = None) -> None:
        """Load as the stock trainer does; weights that are spread over the processes are loaded whole and handed out."""
        if self._whole is None:
            super()._load_from_checkpoint(path)
            return
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        trusted = self._whole.trust_remote_code
        loaded = SentenceTransformer(path, device="cpu", model_kwargs={"dtype": torch.float32}, trust_remote_code=trusted)
        options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
        set_model_state_dict(model, loaded.state_dict(), options=options)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save the model without a model card (the stock card quotes training texts) and without pickled arguments."""
        if self._whole is not None:
            distributed.copy_weights(state_dict, self._whole)
        if self.args.should_save:
            model = self.model if self._whole is None else self._whole
            save_model(model, Path(str(output_dir)))


def training_arguments(
    config: TrainingConfig,
    recipe: Recipe,
    run: Path,
    bf16: bool,
    device: str,
    prompts: dict[str, dict[str, str]],
    routes: dict[str, dict[str, str | None]],
) -> SentenceTransformerTrainingArguments:
    """Return the stock arguments for a recipe."""
    return SentenceTransformerTrainingArguments(
        output_dir=str(run),
        max_steps=recipe.max_steps,
        per_device_train_batch_size=max(recipe.batch_sizes.values()) // distributed.world_size(),
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=config.schedule.value if config.schedule != Schedule.CONSTANT else "constant_with_warmup",
        warmup_steps=recipe.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=bf16,
        seed=config.seed,
        use_cpu=device == "cpu",
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=max(1, min(50, recipe.max_steps // 20)),
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        run_name=run.name,
        prompts=prompts or None,
        router_mapping=routes,  # type: ignore[arg-type]
        multi_dataset_batch_sampler="proportional",
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,
        dataloader_pin_memory=device != "cpu",
    )


def freeze_unused_pooler(model: SentenceTransformer) -> None:
    """Freeze the pooler that BERT builds and sentence embeddings never use: frozen, it costs no memory and no search for unused
    parameters."""
    for name, parameter in model.named_parameters():
        if ".pooler." in name:
            parameter.requires_grad_(False)
