"""Models that are no single transformer are trained as the library would: every route, every table of word vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from sentence_transformers.sentence_transformer.modules import BoW, Dense, Router

from data.schema import RowKind
from tests.support import tiny_models
from train.config.schema import ModelConfig, TrainingConfig
from train.encode.modules import is_static
from train.encode.open import open_model
from train.fit.batches.training_set import TrainingRows, TrainingSet
from train.fit.loop import Hooks, fit
from train.fit.recipe import plan_recipe
from train.fit.rules import STATIC_RATE
from train.fit.trainer import Work

PAIRS = {
    "anchor": [f"how deep does bulb {i} go" for i in range(8)],
    "positive": [f"bulb {i} goes {i} times deep" for i in range(8)],
}


def heads(folder: Path) -> Path:
    return tiny_models.saved(
        folder / "model", *tiny_models.part(folder / "one"), Router.for_query_document([Dense(32, 16)], [Dense(32, 16)])
    )


def counts(folder: Path) -> Path:
    return tiny_models.saved(folder, BoW(["bulb", "deep", "times", "how"], {}), Dense(4, 8))


MODELS: dict[str, tuple[Callable[[Path], Path], set[str]]] = {
    "static": (tiny_models.static, {"0.embedding.weight"}),
    "router": (tiny_models.router, {"0.sub_modules.query.0", "0.sub_modules.document.0"}),
    "router without default": (lambda folder: tiny_models.router(folder, None), {"0.sub_modules.query.0"}),
    "heads": (heads, {"0.model", "2.sub_modules.query.0", "2.sub_modules.document.0"}),
    "word counts": (counts, {"1.linear.weight"}),
}


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("static", "mnrl"),
        ("static", "cached_mnrl"),
        ("router", "mnrl"),
        ("router without default", "cached_mnrl"),
        ("heads", "mnrl"),
        ("word counts", "mnrl"),
    ],
)
def test_a_step_moves_every_part(kind: str, loss: str, tmp_path: Path) -> None:
    make, parts = MODELS[kind]
    encoder = open_model(ModelConfig(name=str(make(tmp_path / "base")), device="cpu")).local
    assert encoder.store is None
    before = {name: weight.detach().clone() for name, weight in encoder.model.named_parameters()}
    config = TrainingConfig(max_steps=2, batch_size=8, evaluations=1, warmup=0.0)
    one = TrainingSet(TrainingRows(Dataset.from_dict(PAIRS), RowKind.PAIR), loss)
    recipe = plan_recipe(config, {"pairs": one.facts}, encoder.contract.max_tokens, static=is_static(encoder.model))
    work, judged = Work(), []
    run = tmp_path / "run"
    run.mkdir()
    hooks = Hooks(lambda step: judged.append(step) or {}, lambda step, path: None, lambda: False)
    fit(encoder, {"pairs": one}, recipe, config, run, False, hooks, work)
    moved = {name for name, weight in encoder.model.named_parameters() if not torch.equal(weight, before[name])}
    assert all(any(name.startswith(part) for name in moved) for part in parts), moved
    assert judged == [2] and work.rows == 16
    if kind == "static":
        assert recipe.learning_rate == STATIC_RATE
        assert any("huggingface.co/blog/static-embeddings" in why for why in recipe.reasons)
        most = max(float((weight.detach() - before[name]).abs().max()) for name, weight in encoder.model.named_parameters())
        assert 0.2 < most < 0.5, "two steps of Adam at the rate for such models"
