"""Before the first step: what one process does for all."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset

from data.schema import RowKind
from tests.support import tiny_models
from train import distributed
from train.config.schema import ModelConfig, TrainingConfig
from train.encode.open import open_model
from train.fit.batches.training_set import TrainingRows, TrainingSet
from train.fit.loop import Hooks, fit
from train.fit.recipe import plan_recipe
from train.fit.trainer import Work


class Waiting(Exception):
    """The process waits for the main one."""


@pytest.mark.parametrize("rank", [0, 1])
def test_what_the_main_process_is_writing_is_left_to_it(rank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_value: object) -> None:
        raise Waiting

    being_written = tmp_path / ".scores.jsonl.0123.tmp"
    being_written.touch()
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setattr(distributed, "share", wait)
    encoder = open_model(ModelConfig(name=str(tiny_models.static(tmp_path / "base")), device="cpu")).local
    rows = TrainingRows(Dataset.from_dict({"anchor": ["a", "b"], "positive": ["c", "d"]}), RowKind.PAIR)
    sets = {"pairs": TrainingSet(rows, "mnrl")}
    config = TrainingConfig(max_steps=1, batch_size=2, evaluations=1)
    recipe = plan_recipe(config, {"pairs": sets["pairs"].facts}, 16, static=True)
    hooks = Hooks(lambda step: {}, lambda step, path: None, lambda: False)
    with pytest.raises(Waiting):
        fit(encoder, sets, recipe, config, tmp_path, False, hooks, Work())
    assert being_written.exists() == (rank == 1)
