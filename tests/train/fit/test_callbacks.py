"""Figures of the training: speeds by hand-computed clocks, losses by data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest
import torch

from train.fit import callbacks
from train.fit.callbacks import FiguresCallback, LossMeter
from train.machine import peak_memory_mb


class Stage:
    """A callback with a clock and counters that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.seen = 100.0, (0, 0)
        self.handed: list[tuple[int, Mapping[str, float]]] = []
        monkeypatch.setattr(callbacks.time, "perf_counter", lambda: self.now)
        self.callback = FiguresCallback(lambda step, found: self.handed.append((step, found)), lambda: self.seen)
        self.callback.on_train_begin(None, self.state(0), None)

    def state(self, step: int, main: bool = True) -> SimpleNamespace:
        return SimpleNamespace(global_step=step, is_world_process_zero=main)

    def log(self, step: int, logs: dict[str, float], main: bool = True) -> None:
        self.callback.on_log(None, self.state(step, main), None, logs=logs)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_speed_is_counted_between_logs_and_without_evaluation(stage: Stage) -> None:
    stage.now, stage.seen = 104.0, (32, 800)
    stage.log(2, {"loss": 0.5, "learning_rate": 1e-3, "grad_norm": 2.0, "epoch": 0.1, "loss/faq": 0.25, "surplus": 1.0})
    stage.now = 150.0  # judging took 46 seconds
    stage.callback.on_evaluate(None, stage.state(2), None)
    stage.now = 160.0  # saving took 10
    stage.callback.on_save(None, stage.state(2), None)
    stage.now, stage.seen = 162.0, (64, 1500)
    stage.log(4, {"loss": 0.4})
    (first_step, first), (second_step, second) = stage.handed
    assert (first_step, second_step) == (2, 4)
    assert (first["rows_per_second"], first["tokens_per_second"]) == (8.0, 200.0)
    assert (second["rows_per_second"], second["tokens_per_second"]) == (16.0, 350.0)
    assert first["loss"] == 0.5 and first["loss/faq"] == 0.25 and first["grad_norm"] == 2.0 and "surplus" not in first


def test_only_losses_and_only_rank_0(stage: Stage) -> None:
    stage.log(2, {"eval_faq": 0.5})
    stage.log(2, {"train_runtime": 3.0})
    stage.log(2, {"loss": 0.5}, main=False)
    assert stage.handed == []


def test_losses_by_data_set_are_means_since_the_last_reading() -> None:
    meter = LossMeter(["faq", "sts", "rare"])
    for name, value in (("faq", 1.0), ("sts", 0.25), ("faq", 2.0)):
        meter.add(name, torch.tensor(value, requires_grad=True))
    assert meter.read() == {"loss/faq": 1.5, "loss/sts": 0.25}
    meter.add("rare", torch.tensor(3.0))
    assert meter.read() == {"loss/rare": 3.0}
    assert meter.read() == {}


def test_one_data_set_needs_no_loss_of_its_own() -> None:
    meter = LossMeter(["faq"])
    meter.add("faq", torch.tensor(1.0))
    assert meter.read() == {}


def test_peak_memory_grows_with_what_is_held() -> None:
    if torch.cuda.is_available():
        pytest.skip("counts the GPU's memory there")
    before = peak_memory_mb()
    held = b"x" * (int(before) * 2**20)  # touched, and as many MiB as the peak was
    assert peak_memory_mb() > before and held
