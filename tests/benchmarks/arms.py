"""The arms of the training benchmark, each run in a process of its own: stock (A), stock at its best (B), ours (D).

All arms get the same rows in the same batches, truncation, dropout, loss, learning rate and its schedule, weight decay, clipping,
seed and trainable weights (the unused pooler is frozen in all). The stock arms are `SentenceTransformerTrainer` with

- A: nothing else set (besides that it neither saves nor reports);
- B: bf16 where the project's own rule says that it pays. On a CPU the faster of eager and fused (SDPA) attention, timed at the
  start, and no data loading workers: they would take cores from the matrix products (`--workers` tries others). On a GPU flash
  attention 2 without padding where it is installed, otherwise SDPA with padding to multiples of 8; TF32; 4 workers. AdamW is the
  fused one in all arms, the library's default. `--compile` adds torch.compile.

D is `train.fit.loop.fit`, the path of `embed-tune train`, with its own settings for precision, packing and caching.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.schema import RowKind, text_columns
from tests.benchmarks.counting import own_shapes
from tests.benchmarks.machine import describe, matrix_peaks
from tests.benchmarks.workloads import BenchmarkError, Workload, load_workload
from train.config.schema import ModelConfig, TrainingConfig

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from tests.benchmarks.gate import WatchedSet
    from train.encode.local import Encoder
    from train.fit.recipe import Recipe

ARMS = ("A", "B", "D")

PROBED_ROWS = 32
"""Texts of a forward and backward pass with which the kinds of attention are compared."""

JUDGED_ROWS = 64
"""Rows of the first batch whose loss is reported when training has ended."""


@dataclass(frozen=True)
class TrainSpec:
    """What one arm trains; equal in all arms but for `arm` and `run`.

    `steps` wins over `epochs`. Lengths in tokens. `attention`, `workers` and `compiled` are for arm B, None means its own choice.
    """

    arm: str
    workload: str
    folder: Path | None
    cache: Path
    run: Path
    model: str
    device: str
    batch: int
    rows: int
    seed: int
    steps: int | None = None
    epochs: float | None = None
    learning_rate: float | None = None
    dropout: float | None = None
    attention: str | None = None
    workers: int | None = None
    compiled: bool = False
    score: bool = False


@dataclass(frozen=True)
class PeakSpec:
    """Whose matrix shapes are timed; `size` is the side of the large square matrices."""

    model: str
    device: str
    size: int | None


def measure_machine(spec: PeakSpec, connection: Connection) -> None:
    """In a child: the machine in words and its matrix peaks."""
    from train.encode.open import open_model

    model = open_model(ModelConfig(name=spec.model, device=spec.device)).local.model
    device = str(model.device)
    connection.send(("machine", describe(device) | {"peak_flops": matrix_peaks(device, own_shapes(model), spec.size)}))


def train_arm(spec: TrainSpec, connection: Connection) -> None:
    """In a child: train one arm as its parent says `go`, then report the loss of the first batch, and the test score if asked."""
    import transformers.trainer

    from tests.benchmarks.gate import Gate, WatchedSet
    from train.encode.open import open_model
    from train.fit.batches.training_set import TrainingRows

    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # the stock trainer would spread over all
    encoder = open_model(ModelConfig(name=spec.model, device=spec.device)).local
    if encoder.similarity == "dot":
        raise BenchmarkError("the stock ranking loss compares by cosine, this model by dot product")
    set_dropout(encoder.model, spec.dropout)
    workload = load_workload(spec.workload, spec.folder, spec.cache, encoder.model.tokenizer, spec.rows, spec.seed)
    rows = WatchedSet(TrainingRows(workload.table, workload.kind), workload.loss)
    config, recipe = settle(spec, workload, rows, encoder)
    prompts = column_prompts(encoder, workload)
    sampler = rows.sampler(spec.batch, spec.seed)
    gate = Gate(connection, encoder, rows, sampler, recipe.max_tokens, prompts)
    callbacks: list[Any] = transformers.trainer.DEFAULT_CALLBACKS
    callbacks.append(gate)  # what every trainer starts with, ours too
    limit = encoder.model.max_seq_length
    first_pass(encoder.model)
    train = train_ours if spec.arm == "D" else train_stock
    options = train(spec, encoder, rows, config, recipe, prompts)
    if not gate.reached:
        raise BenchmarkError(f"the trainer of arm {spec.arm} did not begin, or did not call its callbacks")
    encoder.model.max_seq_length = recipe.max_tokens
    loss = first_loss(encoder.model, workload, sampler.batches(0, 1)[0], prompts)
    encoder.model.max_seq_length = limit
    score = score_on_test(encoder, workload) if spec.score else None
    connection.send(("final", {"loss_after": loss, "test_score": score, "options": options}))


def settle(spec: TrainSpec, workload: Workload, rows: WatchedSet, encoder: Encoder) -> tuple[TrainingConfig, Recipe]:
    """The project's recipe; the stock arms take learning rate, schedule, steps and truncation from it, too."""
    from train.fit.recipe import plan_recipe

    config = TrainingConfig(
        max_steps=spec.steps,
        epochs=spec.epochs,
        batch_size=spec.batch,
        learning_rate=spec.learning_rate,
        max_tokens=workload.max_tokens,
        seed=spec.seed,
        symmetric=False,  # the stock loss ranks documents for queries only
    )
    recipe = plan_recipe(
        config,
        {workload.name: rows.facts},
        encoder.contract.max_tokens,
        lambda name, size: len(rows.sampler(size, spec.seed)),
    )
    return config, replace(recipe, evaluation_steps=())  # nothing is judged or saved on the way


def train_ours(
    spec: TrainSpec, encoder: Encoder, rows: WatchedSet, config: TrainingConfig, recipe: Recipe, prompts: dict[str, str]
) -> dict[str, Any]:
    """Arm D. Returns what it chose."""
    from train.encode.forward.cpu_malloc import keep_freed_memory
    from train.fit.loop import Hooks, fit
    from train.fit.precision import bf16_pays
    from train.fit.trainer import Work

    if encoder.model.device.type == "cpu":
        keep_freed_memory()  # as the pipeline does before it loads the model
    bf16, why = bf16_pays(str(encoder.model.device))
    hooks = Hooks(on_evaluate=lambda step: {}, after_save=lambda step, path: None, should_stop=lambda: False)
    fit(
        encoder=encoder,
        sets={spec.workload: rows},
        recipe=recipe,
        config=config,
        run=spec.run,
        bf16=bf16,
        hooks=hooks,
        work=Work(),
    )
    return {"bf16": why, "learning_rate": recipe.learning_rate}


def train_stock(
    spec: TrainSpec, encoder: Encoder, rows: WatchedSet, config: TrainingConfig, recipe: Recipe, prompts: dict[str, str]
) -> dict[str, Any]:
    """Arms A and B. Returns what was chosen for them."""
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

    model, device = encoder.model, encoder.model.device.type
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".pooler." not in name)
    model.max_seq_length = recipe.max_tokens
    table = rows.table.select_columns(text_columns(rows.table.column_names) + ["score"] * (rows.kind is RowKind.SCORED))
    given: Any = lambda *args, **kwargs: rows.sampler(spec.batch, spec.seed)  # noqa: E731  (typed: any sampler serves)
    chosen = best_options(spec, model, table) if spec.arm == "B" else {}
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(spec.run),
        max_steps=recipe.max_steps,
        per_device_train_batch_size=spec.batch,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=spec.seed,
        use_cpu=device == "cpu",
        batch_sampler=given,
        prompts=prompts if any(prompts.values()) else None,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **chosen.get("arguments", {}),
    )
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=table, loss=stock_loss(model, rows.loss)).train()
    transformer: Any = model[0]
    attention = transformer.auto_model.config._attn_implementation
    return {
        "attention": attention,
        "learning_rate": recipe.learning_rate,
    } | chosen


def best_options(spec: TrainSpec, model: SentenceTransformer, table: Any) -> dict[str, Any]:
    """The best of the stock trainer on this machine: sets the model's attention, returns training arguments and notes."""
    from transformers.utils import is_flash_attn_2_available

    from train.fit.precision import bf16_pays

    on_gpu = model.device.type == "cuda"
    bf16, why = bf16_pays(str(model.device))
    arguments: dict[str, Any] = {"bf16": bf16}
    notes: dict[str, Any] = {"bf16": why}
    attention = spec.attention or ("flash_attention_2" if on_gpu and bf16 and is_flash_attn_2_available() else None)
    if attention is None and on_gpu:
        attention = "sdpa"
    if attention is None:
        attention, notes["attention_seconds"] = faster_attention(model, table, bf16)
    set_attention(model, attention)
    transformer: Any = model[0]
    if on_gpu and "flash" not in attention and hasattr(transformer, "processing_kwargs"):
        transformer.processing_kwargs = {"text": {"pad_to_multiple_of": 8}}
        notes["padded_to_multiple_of"] = 8
    if on_gpu and bf16:
        arguments["tf32"] = True  # GPUs that compute in bf16 have it
    workers = spec.workers if spec.workers is not None else 4 * on_gpu
    if workers:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the workers are forked
        arguments |= {"dataloader_num_workers": workers, "dataloader_persistent_workers": True}
    if spec.compiled:
        arguments["torch_compile"] = True
    return {"arguments": arguments, "notes": notes}


def faster_attention(model: SentenceTransformer, table: Any, bf16: bool) -> tuple[str, dict[str, float]]:
    """The faster of eager and fused attention for a training pass over a few texts, and the seconds of each (best of several)."""
    import torch

    column = text_columns(table.column_names)[-1]
    features = model.preprocess(table[: min(PROBED_ROWS, len(table))][column])
    model.train()
    seconds = {"eager": float("inf"), "sdpa": float("inf")}
    for _ in range(4):
        for name, best in seconds.items():  # in turn, so that other work on the machine hits both
            set_attention(model, name)
            start = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
                out = model(dict(features))["sentence_embedding"]
            out.sum().backward()
            seconds[name] = min(best, time.perf_counter() - start)
    model.zero_grad(set_to_none=True)
    return min(seconds, key=lambda name: seconds[name]), seconds


def first_pass(model: SentenceTransformer) -> None:
    """One small forward and backward pass: what libraries load and set up for it is no arm's own memory."""
    from sentence_transformers.util import batch_to_device

    features = batch_to_device(model.preprocess(["one", "two"]), model.device)
    model(features)["sentence_embedding"].sum().backward()
    model.zero_grad(set_to_none=True)


def set_attention(model: SentenceTransformer, name: str) -> None:
    """Switch the attention; the model looks anew whether it may leave padding out, as flash attention allows."""
    transformer: Any = model[0]
    transformer.auto_model.set_attn_implementation(name)
    if hasattr(transformer, "unpad_inputs"):
        transformer.unpad_inputs = None


def set_dropout(model: SentenceTransformer, probability: float | None) -> None:
    """Give every dropout layer this probability; None keeps the model's own."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Dropout) and probability is not None:
            module.p = probability


def stock_loss(model: SentenceTransformer, name: str) -> torch.nn.Module:
    """The library's loss with its defaults."""
    from sentence_transformers.sentence_transformer import losses

    return losses.CosineSimilarityLoss(model) if name == "cosine" else losses.MultipleNegativesRankingLoss(model)


def column_prompts(encoder: Encoder, workload: Workload) -> dict[str, str]:
    """What the contract puts before the texts of each column."""
    columns = text_columns(workload.table.column_names)
    if workload.kind is RowKind.SCORED:
        return {column: encoder.contract.prompt("symmetric") for column in columns}
    return {column: encoder.contract.prompt("query" if column == "anchor" else "document") for column in columns}


def first_loss(model: SentenceTransformer, workload: Workload, batch: list[int], prompts: dict[str, str]) -> float:
    """The stock loss of the first batch's first rows, without dropout: arms that trained alike agree in it."""
    import torch
    from sentence_transformers.util import batch_to_device

    part = workload.table.select(batch[:JUDGED_ROWS])
    columns = text_columns(part.column_names)
    labels = torch.tensor(part["score"][:]) if workload.kind is RowKind.SCORED else torch.arange(len(part))
    model.eval()
    with torch.no_grad():
        features = [
            batch_to_device(model.preprocess(part[column][:], prompt=prompts[column] or None), model.device) for column in columns
        ]
        return float(stock_loss(model, workload.loss)(features, labels.to(model.device)))


def score_on_test(encoder: Encoder, workload: Workload) -> dict[str, Any]:
    """The primary metric of the test split, by the project's own evaluation."""
    from train.evaluate.evaluator import score_model
    from train.evaluate.tasks import build_task

    if workload.prepared is None:
        raise BenchmarkError(f"{workload.name} has no test split to score", hint="score a workload with data")
    task = build_task(workload.prepared, "test")
    scores = score_model(task, encoder)
    return {"metric": task.primary, "n": len(task), "value": scores.values[task.primary]}
