"""Which weights a run ships: the best on dev between the base and its best checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from torch import nn

from train import pipeline
from train.config.load import load_config
from train.fit.recipe import CEILING
from train.runs.records import ScoreLine
from train.selection.dev import DevJudge
from train.selection.interpolation import SHARES, Winner, choose_weights, copy_of, interpolate

POINTS = (0.0, *SHARES, 1.0)


def models() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """A model whose weights are all 2, with a counter beside them, and a base whose weights are all 0."""
    model = nn.BatchNorm1d(3)
    for weight in model.state_dict().values():
        weight.fill_(2)
    return model, {name: torch.zeros_like(weight) for name, weight in model.state_dict().items()}


def choose(model: nn.Module, base: dict[str, torch.Tensor] | None, dev: dict[float, float], *, trained: bool = False) -> Winner:
    """The winner where the model with weight 2 · share has a given dev score."""

    def judge() -> ScoreLine:
        return ScoreLine(step=60, dev=dev[round(float(model.state_dict()["weight"][0]) / 2, 4)])

    return choose_weights(model, base, 60, dev[1.0], dev[0.0], judge, trained=trained)


def test_interpolated_weights_by_hand() -> None:
    model, base = models()
    tuned = copy_of(model)
    interpolate(model, base, tuned, 0.25)
    state = model.state_dict()
    assert state["weight"].tolist() == [0.5] * 3 and state["running_var"].tolist() == [0.5] * 3
    assert int(state["num_batches_tracked"]) == 2  # whole numbers are the tuned model's
    interpolate(model, base, tuned, 1)
    assert all(torch.equal(weight, tuned[name]) for name, weight in model.state_dict().items())
    interpolate(model, base, tuned, 0)
    assert all(torch.equal(weight, base[name]) for name, weight in model.state_dict().items())


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.96, 0.97]), min_size=len(POINTS), max_size=len(POINTS)))
def test_the_best_on_dev_wins_and_its_weights_are_there(values: list[float]) -> None:
    model, base = models()
    dev = dict(zip(POINTS, values, strict=True))
    winner = choose(model, base, dev)
    assert winner.dev == max(values) == dev[winner.share]
    assert float(model.state_dict()["weight"][0]) == pytest.approx(2 * winner.share)
    assert winner.tried == tuple(dev.items())
    equals = [share for share in POINTS if dev[share] == winner.dev]
    assert winner.share == (min(equals) if values[0] > CEILING or 0 in equals else max(equals))


def test_the_base_is_kept_where_nothing_is_better() -> None:
    model, base = models()
    winner = choose(model, base, {0.0: 0.8, 0.25: 0.7, 0.5: 0.6, 0.75: 0.5, 0.9: 0.45, 1.0: 0.4})
    assert winner.share == 0 and "the base is kept" in winner.sentence()
    assert not model.state_dict()["weight"].any()


@pytest.mark.parametrize(
    ("dev", "share"),
    [
        ({0.0: 0.8, 0.25: 0.8, 0.5: 0.8, 0.75: 0.8, 0.9: 0.8, 1.0: 0.8}, 1.0),
        ({0.0: 0.8, 0.25: 0.7, 0.5: 0.6, 0.75: 0.5, 0.9: 0.45, 1.0: 0.4}, 0.25),
        ({0.0: 0.97, 0.25: 0.96, 0.5: 0.97, 0.75: 0.97, 0.9: 0.9, 1.0: 0.9}, 0.5),
    ],
)
def test_a_part_judges_the_best_that_was_trained_where_dev_would_keep_the_base(dev: dict[float, float], share: float) -> None:
    """With eight dev queries five parts kept the base, and their gain was +0.000 for certain."""
    model, base = models()
    winner = choose(model, base, dev, trained=True)
    assert (winner.share, winner.dev, winner.lost) == (share, dev[share], True)
    assert float(model.state_dict()["weight"][0]) == pytest.approx(2 * share)
    assert winner.as_json()["lost"] is True and "judged all the same" in winner.sentence()
    better = choose(models()[0], base, dev | {0.75: 0.99}, trained=True)
    assert (better.share, better.lost) == (0.75, False) and "lost" not in better.as_json()


@pytest.mark.parametrize(("base", "dev"), [(False, 0.5), (True, None)])
def test_without_the_base_or_without_dev_the_checkpoint_wins(base: bool, dev: float | None) -> None:
    model, weights = models()

    def judge() -> ScoreLine:
        raise AssertionError("nothing is judged")

    winner = choose_weights(model, weights if base else None, 60, dev, dev, judge)
    assert winner == Winner(60, 1.0, dev) and winner.sentence() == "the checkpoint of step 60"
    assert model.state_dict()["weight"].tolist() == [2.0] * 3


def test_of_a_model_too_large_to_be_copied_the_base_is_still_kept_where_it_is_better(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.selection.choose.can_be_copied", lambda model: False)
    line = DevJudge.line

    def lost(self: DevJudge, step: int, by: Any) -> ScoreLine:
        return line(self, step, by).model_copy(update={"dev": -1.0} if step else {})

    monkeypatch.setattr(DevJudge, "line", lost)
    settings = {"model.name": work / "tiny", "model.device": "cpu", "output_dir": tmp_path, "run_name": "run"}
    settings |= {
        "training.learning_rate": 0.1,
        "training.max_steps": 4,
        "training.precision": "fp32",
        "evaluation.resamples": 200,
    }
    words = [f"{key}={value}" for key, value in settings.items()]
    run = pipeline.start_run(load_config(None, data=str(work / "scored.csv"), overrides=words))
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["selection"]["share"] == 0 and report["datasets"][0]["delta"] == 0
    texts = ["a red car", "the blue house"]
    shipped, base = (SentenceTransformer(str(path), device="cpu").encode(texts) for path in (run / "model", work / "tiny"))
    assert np.array_equal(shipped, base)
