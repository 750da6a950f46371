"""How long a run will take and how much memory it needs, measured on a few batches instead of guessed from tables."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from data.prepared import PreparedDataset
from train.config.schema import TrainSettings
from train.encode.contract import Role
from train.encode.local import Encoder
from train.fit.batches.training_set import TrainingSet
from train.fit.loop import mixed_samplers
from train.fit.recipe import Recipe
from train.fit.step import batch_loss
from train.machine import resident_peak_mb

ENCODE_SAMPLE = 128
"""Documents encoded to learn the speed of judging."""


@dataclass(frozen=True)
class Estimate:
    """How long a run will take and how much memory it needs: seconds and mebibytes; training seconds exclude evaluation."""

    train_seconds: float
    eval_seconds: float
    memory_mb: float

    def lines(self) -> list[str]:
        """Return the estimate in words."""
        return [
            f"estimated time: about {_minutes(self.train_seconds)} of training, {_minutes(self.eval_seconds)} of judging",
            f"estimated memory: about {self.memory_mb / 1024:.1f} GiB",
        ]

    def to_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return "\n".join(self.lines())


def estimate(
    encoder: Encoder,
    sets: Mapping[str, TrainingSet],
    datasets: Mapping[str, PreparedDataset],
    recipe: Recipe,
    config: TrainSettings,
    bf16: bool,
) -> Estimate:
    """Run one forward and backward pass a data set (no weight is changed) and encode a few documents; extrapolate.

    Args:
        encoder: the base; its gradients are cleared again.
        sets: training rows.
        datasets: all data sets, for the texts that judging encodes.
        recipe: steps and batch sizes.
        config: the whole config.
        bf16: as in training.
    """
    per_epoch, total = 0.0, 0
    for name, sampler in mixed_samplers(sets, recipe, config.training).items():
        total += len(sampler)
        seconds = _seconds_a_batch(encoder, sets[name], recipe.batch_sizes[name], recipe.max_tokens, config, bf16)
        per_epoch += seconds * len(sampler)
    train_seconds = per_epoch * recipe.max_steps * config.training.gradient_accumulation / total
    eval_seconds = sum(_seconds_to_judge(encoder, prepared) for prepared in datasets.values())
    parameters = sum(p.numel() * 4 for p in encoder.model.parameters())
    peak_mb = resident_peak_mb()
    if encoder.model.device.type == "cuda":
        peak_mb = torch.cuda.max_memory_allocated() / 2**20
    encoder.model.zero_grad(set_to_none=True)
    # Adam keeps two fp32 numbers a weight, which the probe has not allocated
    return Estimate(train_seconds, eval_seconds, peak_mb + 2 * parameters / 2**20)


def _seconds_a_batch(encoder: Encoder, one: TrainingSet, size: int, max_tokens: int, config: TrainSettings, bf16: bool) -> float:
    """Measure the seconds of one forward and backward pass, the second of two (the first one warms up)."""
    batches = iter(one.sampler(size, config.training.seed))
    seconds = 0.0
    for rows in [batch for batch, _ in zip(batches, range(2), strict=False)]:
        began = time.perf_counter()
        batch_loss(encoder, one, rows, max_tokens, config.training, bf16).backward()
        seconds = time.perf_counter() - began
    return seconds


def _seconds_to_judge(encoder: Encoder, prepared: PreparedDataset) -> float:
    """Estimate the seconds to judge base and tuned on test and the dev pool of all checkpoints, reckoned as a third corpus
    pass."""
    texts: list[str] = []
    total = 0
    if prepared.corpus is not None:
        texts, total = prepared.corpus["text"][:ENCODE_SAMPLE], len(prepared.corpus)
    else:
        for split in ("dev", "test"):
            if split in prepared.splits:
                texts = texts or prepared.splits[split]["sentence1"][:ENCODE_SAMPLE]
                total += 2 * len(prepared.splits[split])
    if not texts:
        return 0.0
    began = time.perf_counter()
    encoder.encode(texts, Role.DOCUMENT)
    return (time.perf_counter() - began) / len(texts) * total * 3


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
