"""Trains a few steps with each loss and writes losses and gradients: the same program under one process and under several.

Arguments: folder of a model without dropout, file to write. Every global batch has `BATCH` rows whatever the world size.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback

from data.schema import RowKind
from train import distributed
from train.config.schema import ModelConfig, TrainingConfig
from train.encode.open import open_model
from train.fit import loop as fitting
from train.fit.batches.training_set import TrainingRows, TrainingSet
from train.fit.loop import Hooks
from train.fit.recipe import plan_recipe
from train.fit.trainer import PairTrainer, Work

BATCH, STEPS = 8, 4
WORDS = ("ants bees cats dogs eels frogs goats hens ibex jays kites larks mice newts owls pigs quail rams seals toads").split()  # noqa: SIM905  (a list of twenty strings reads worse)


def scored() -> TrainingSet:
    """32 scored pairs of different lengths."""
    rows = {
        "sentence1": [f"{WORDS[i % 20]} " * (1 + i % 5) + str(i) for i in range(32)],
        "sentence2": [f"{WORDS[i * 7 % 20]} " * (1 + i % 3) + str(i) for i in range(32)],
        "score": [(i * 13 % 32) / 32 for i in range(32)],
    }
    return TrainingSet(TrainingRows(Dataset.from_dict(rows), RowKind.SCORED), "cosine")


def tuples() -> TrainingSet:
    """32 rows of anchor, positive and negative; two share an anchor."""
    rows = {
        "anchor": [f"where do {WORDS[i % 20]} live {i if i != 20 else 0}" for i in range(32)],
        "positive": [f"{WORDS[i % 20]} live in place {i} " + "far away " * (i % 4) for i in range(32)],
        "negative_1": [f"{WORDS[(i + 5) % 20]} eat {i + 100}" for i in range(32)],
    }
    return TrainingSet(TrainingRows(Dataset.from_dict(rows), RowKind.TUPLE), "mnrl")


def crowded() -> TrainingSet:
    """32 pairs with three positives between them: in each batch of 8 rows some meet that are no negatives of one another."""
    rows = {
        "anchor": [f"where do {WORDS[i % 20]} live {i}" for i in range(32)],
        "positive": [f"{WORDS[i % 3]} live far away" for i in range(32)],
    }
    return TrainingSet(TrainingRows(Dataset.from_dict(rows), RowKind.PAIR), "mnrl")


def joint() -> TrainingSet:
    """96 pairs of 20 queries and 32 documents in batches of documents: both processes have some of the same queries."""
    rows = {
        "anchor": [f"where do {WORDS[(i + i // 32 * 7) % 20]} live" for i in range(96)],
        "positive": [f"{WORDS[i % 20]} live far away {i % 32}" for i in range(96)],
    }
    return TrainingSet(TrainingRows(Dataset.from_dict(rows), RowKind.PAIR), "mnrl", batches="joint")


class Watch(TrainerCallback):
    """Keeps losses and gradients of every step."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.gradients: list[torch.Tensor] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.gradients.append(torch.cat([p.grad.flatten().clone() for p in model.parameters() if p.grad is not None]))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if "loss" in (logs or {}):
            self.losses.append(logs["loss"])


def train(model: str, sets: dict[str, TrainingSet], *, stored: bool = True, **options: Any) -> dict[str, Any]:
    """Return losses [steps], gradients [steps, parameters] and counted work of a short training.

    `stored`: token ids stand for texts; otherwise the stock collator and forward are used. `options` are of the config.
    """
    watch = Watch()

    class Watched(PairTrainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.add_callback(watch)

    fitting.PairTrainer = Watched  # type: ignore[misc]
    encoder = open_model(ModelConfig(name=model, device="cpu")).local
    if not stored:
        encoder.store = None
    settings = {"max_steps": STEPS, "batch_size": BATCH, "max_grad_norm": 1e9, "learning_rate": 1e-4, "evaluations": 1}
    config = TrainingConfig(**settings, **options)
    facts = {name: one.facts for name, one in sets.items()}
    recipe = plan_recipe(config, facts, 64, processes=distributed.world_size())
    hooks = Hooks(lambda step: {}, lambda step, path: None, lambda: False)
    work = Work()
    folder = Path(distributed.share(tempfile.mkdtemp()))
    fitting.fit(encoder, sets, recipe, config, folder, False, hooks, work)
    counted = {"rows": work.rows, "tokens": work.tokens}
    return {"losses": watch.losses, "gradients": torch.stack(watch.gradients), "work": counted}


def main(model: str, out: str) -> None:
    """Train with every loss, and on two data sets together."""
    distributed.join("cpu")
    found: dict[str, Any] = {"world_size": torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1}
    for loss in ("cosine", "cosent", "angle"):
        one = scored()
        found[loss] = train(model, {"scored": TrainingSet(one.rows, loss)})
    for loss in ("mnrl", "cached_mnrl"):
        one = tuples()
        found[loss] = train(model, {"tuples": TrainingSet(one.rows, loss)})
    for loss in ("mnrl", "cached_mnrl"):
        one = TrainingSet(crowded().rows, loss)
        found[f"masked_{loss}"] = train(model, {"crowded": one}, matryoshka=[32, 8])
        found[f"padded_{loss}"] = train(model, {"crowded": one}, matryoshka=[32, 8], stored=False)
    found["blind"] = train(model, {"crowded": TrainingSet(crowded().rows, "mnrl", blind=True)})
    found["joint"] = train(model, {"joint": joint()}, matryoshka=[32, 8])
    found["together"] = train(model, {"scored": scored(), "tuples": tuples()})
    if distributed.is_main():
        torch.save(found, out)
    distributed.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
