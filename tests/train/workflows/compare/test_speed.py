"""What is timed, and how: a clock that only moves when the model works, so every figure can be worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch

from tests.support.made_up_comparison import contract, scored_task, speed, task
from train.config.compare import MeasureConfig
from train.config.schema import ModelConfig
from train.encode.contract import EncodingContract, Role
from train.encode.open import open_model
from train.evaluate.tasks import texts_by_role
from train.workflows.compare.machine import Machine
from train.workflows.compare.samples import choose_samples, spread
from train.workflows.compare.speed import FEWEST, WARM_UP, Samples, Speed, measure_speed
from train.workflows.compare.speed_cache import SpeedFile

SAMPLES = Samples(tuple(f"q{i}" for i in range(20)), "query", tuple(f"d{i}" for i in range(64)), "document")


@dataclass
class Slow:
    """A model behind an API, by its looks, that takes 10 ms a call and 1 ms a text; the text "q7" takes a second."""

    now: float = 0.0
    calls: list[tuple[int, Role]] = field(default_factory=list)
    contract: EncodingContract = field(default_factory=contract)
    similarity = "cosine"

    def space(self, role: Role) -> str:
        return role

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> torch.Tensor:
        self.calls.append((len(texts), role))
        self.now += 0.01 + 0.001 * len(texts) + ("q7" in texts)
        return torch.zeros(len(texts), 384)

    def clock(self) -> float:
        return self.now


@dataclass
class Local(Slow):
    """The same on this machine, as far as its looks go."""

    class model:
        device = torch.device("cpu")
        tokenizer = None


def timed(encoder: Slow, **settings: object) -> Speed:
    how = MeasureConfig.model_validate({"latency_texts": 20, "batch_sizes": [4, 32], **settings})
    return measure_speed(encoder, SAMPLES, how, load_seconds=1.5, busy=0.2, clock=encoder.clock)  # type: ignore[arg-type]


def test_latency_is_of_single_queries_after_a_warm_up() -> None:
    encoder = Local()
    found = timed(encoder)
    assert encoder.calls[: WARM_UP + 20] == [(1, "query")] * (WARM_UP + 20)
    assert found.latency_texts == 20 and found.latency_p50_ms == pytest.approx(11)
    # sorted: 19 times 11 ms, once 1,011 ms; NumPy's 95th percentile of 20 is 5% of the way from the 19th to the 20th
    assert found.latency_p95_ms == pytest.approx(11 + 0.05 * 1000)


def test_throughput_is_that_of_the_best_batch() -> None:
    encoder = Local()
    found = timed(encoder)
    assert found.by_batch == {4: pytest.approx(4 / 0.014), 32: pytest.approx(32 / 0.042)}
    assert (found.best_batch, found.texts_per_second) == (32, pytest.approx(32 / 0.042))
    assert encoder.calls[WARM_UP + 20 :] == [(4, "document")] * 16 + [(32, "document")] * 2
    assert (found.load_seconds, found.busy, found.disturbed) == (1.5, 0.2, False)


def test_slow_models_stop_when_the_time_is_over_but_not_before_ten_texts() -> None:
    encoder = Local()
    found = timed(encoder, seconds=0.02)
    assert found.latency_texts == FEWEST
    assert encoder.calls[WARM_UP + FEWEST :] == [(4, "document"), (32, "document")], "one call of each size"


def test_a_model_behind_an_api_is_asked_for_the_sample_once() -> None:
    encoder = Slow()
    found = timed(encoder)
    assert encoder.calls[WARM_UP + 20 :] == [(64, "document")] and found.best_batch == 64
    assert (found.memory_mb, found.tokens_per_second, found.device) == (None, None, "api")


def test_real_tokens_are_counted_and_cut_texts_too(tiny_model: Path) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    samples = replace(SAMPLES, many=("one two three", "word " * 100))
    found = measure_speed(encoder, samples, MeasureConfig(latency_texts=5, seconds=0.1), load_seconds=0.1, busy=None)
    # [CLS] and [SEP] come to each text; the second has 102 tokens, of which the model reads 64
    assert found.tokens_per_text == pytest.approx((5 + 64) / 2) and found.truncated == 0.5
    assert found.tokens_per_second == pytest.approx(found.texts_per_second * found.tokens_per_text)
    assert found.memory_mb is not None and found.memory_mb > 100 and found.disturbed is False


def test_speed_survives_a_file(tmp_path: Path) -> None:
    file = SpeedFile(tmp_path, ["a", "b"], Machine("cpu", "x", 2, 2, "2"), SAMPLES, MeasureConfig())
    assert file.read() is None
    file.write(speed())
    assert file.read() == speed() and file.read() != speed(11.0)
    file.path.write_text(file.path.read_text()[:50])
    assert file.read() is None, "a damaged file is no measurement"


def test_another_model_machine_sample_or_way_of_measuring_has_another_file(tmp_path: Path) -> None:
    machine, how = Machine("cpu", "x", 2, 2, "2"), MeasureConfig()
    others = [
        SpeedFile(tmp_path, ["a", "b"], machine, SAMPLES, how),
        SpeedFile(tmp_path, ["a", "c"], machine, SAMPLES, how),
        SpeedFile(tmp_path, ["a", "b"], replace(machine, threads=1), SAMPLES, how),
        SpeedFile(tmp_path, ["a", "b"], machine, replace(SAMPLES, single=("q",)), how),
        SpeedFile(tmp_path, ["a", "b"], machine, SAMPLES, MeasureConfig(seconds=1)),
    ]
    assert len({file.path for file in others}) == len(others)
    same = SpeedFile(tmp_path, ["a", "b"], machine, SAMPLES, MeasureConfig(documents=5, usd_per_hour=1))
    assert same.path == others[0].path, "what is only worked out from it needs no new measurement"


def test_samples_are_spread_over_the_data_and_always_the_same() -> None:
    assert spread(list("abcdefgh"), 4) == list("aceg") and spread(["a"], 4) == ["a"]
    tasks = {"faq": task(queries=50), "sts": scored_task()}
    found = choose_samples(tasks, MeasureConfig(latency_texts=10, throughput_texts=20))
    assert (found.single_role, len(found.single), found.many_role, len(found.many)) == ("query", 10, "document", 20)
    assert found == choose_samples(tasks, MeasureConfig(latency_texts=10, throughput_texts=20))
    only = choose_samples({"sts": scored_task()}, MeasureConfig())
    assert (only.single_role, only.many_role) == ("symmetric", "symmetric")
    assert {role: len(texts) for role, texts in texts_by_role(tasks).items()} == {"query": 50, "document": 50, "symmetric": 240}
