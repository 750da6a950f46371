"""How long a run will take and how much memory it needs, measured on a few batches instead of guessed from tables."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from train.config.schema import TrainSettings
from train.encode.local import Encoder
from train.fit.batches.training_set import TrainingSet
from train.fit.loop import mixed_samplers
from train.fit.step import batch_loss
from train.machine import resident_peak_mb
from train.plan.plan import Plan
from train.plan.whole_time import encoding_pace, expected, in_words
from train.runs.phases import NOMINAL_PACE


@dataclass(frozen=True)
class Estimate:
    """How long a run will take and how much memory it needs.

    Attributes:
        train_seconds: of the optimiser steps.
        eval_seconds: of judging base and tuned on the run's own data.
        memory_mb: mebibytes.
        parts: seconds of everything that the run will do, by what it is; judging on dev is part of training.
    """

    train_seconds: float
    eval_seconds: float
    memory_mb: float
    parts: Mapping[str, float] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the estimate in words."""
        return [in_words(self.parts), f"estimated memory: about {self.memory_mb / 1024:.1f} GiB"]

    def to_dict(self) -> dict[str, object]:
        """Return the figures by name."""
        return {**dataclasses.asdict(self), "whole_seconds": sum(self.parts.values())}

    def __str__(self) -> str:
        return "\n".join(self.lines())


def estimate(plan: Plan) -> Estimate:
    """Run one forward and backward pass a data set (no weight is changed) and encode a few documents; extrapolate.

    Args:
        plan: of the run; the gradients of its encoder are cleared again.
    """
    encoder, recipe, config = plan.encoder, plan.recipe, plan.config
    per_epoch, total = 0.0, 0
    for name, sampler in mixed_samplers(plan.sets, recipe, config.training).items():
        total += len(sampler)
        seconds = _seconds_a_batch(encoder, plan.sets[name], recipe.batch_sizes[name], recipe.max_tokens, config, plan.bf16)
        per_epoch += seconds * len(sampler)
    train_seconds = per_epoch * recipe.max_steps * config.training.gradient_accumulation / total
    parts = expected(plan, encoding_pace(plan) or NOMINAL_PACE, train_seconds / recipe.max_steps)
    parameters = sum(p.numel() * 4 for p in encoder.model.parameters())
    peak_mb = resident_peak_mb()
    if encoder.model.device.type == "cuda":
        peak_mb = torch.cuda.max_memory_allocated() / 2**20
    encoder.model.zero_grad(set_to_none=True)
    # Adam keeps two fp32 numbers a weight, which the probe has not allocated
    return Estimate(train_seconds, parts.get("judging", 0.0), peak_mb + 2 * parameters / 2**20, parts)


def _seconds_a_batch(encoder: Encoder, one: TrainingSet, size: int, max_tokens: int, config: TrainSettings, bf16: bool) -> float:
    """Measure the seconds of one forward and backward pass, the second of two (the first one warms up)."""
    batches = iter(one.sampler(size, config.training.seed))
    seconds = 0.0
    for rows in [batch for batch, _ in zip(batches, range(2), strict=False)]:
        began = time.perf_counter()
        batch_loss(encoder, one, rows, max_tokens, config.training, bf16).backward()
        seconds = time.perf_counter() - began
    return seconds
