"""What Accelerate's launcher asks for: taken over, said, or refused."""

from __future__ import annotations

import pytest

from train.config.launcher import apply_launcher
from train.config.schema import TrainSettings
from train.errors import ConfigError

LAUNCHED = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_DYNAMO_BACKEND": "NO", "ACCELERATE_USE_CPU": "False"}
"""What `accelerate launch` sets without further options."""


def config(**training: object) -> TrainSettings:
    return TrainSettings.model_validate({"data": "x.csv", "training": training})


def heeded(given: TrainSettings, **environment: str) -> tuple[TrainSettings, list[str]]:
    said: list[str] = []
    return apply_launcher(given, said.append, LAUNCHED | environment), said


def test_without_the_launcher_nothing_changes() -> None:
    said: list[str] = []
    given = config()
    assert apply_launcher(given, said.append, {"MASTER_ADDR": "10.0.0.1", "ACCELERATE_USE_DEEPSPEED": "true"}) == given
    assert said == []


def test_a_plain_launch_changes_nothing() -> None:
    assert heeded(config()) == (config(), [])
    assert heeded(config(), MASTER_ADDR="127.0.0.1", WORLD_SIZE="2", RANK="0") == (config(), [])


def test_bf16_is_taken_over_where_the_settings_leave_it_open() -> None:
    found, said = heeded(config(), ACCELERATE_MIXED_PRECISION="bf16")
    assert found == config(precision="bf16")
    assert said == ["training.precision=bf16, as requested by Accelerate's configuration"]
    assert heeded(config(precision="bf16"), ACCELERATE_MIXED_PRECISION="bf16") == (config(precision="bf16"), [])


def test_processes_that_were_not_started_are_said() -> None:
    found, said = heeded(config(), MASTER_ADDR="127.0.0.1", MASTER_PORT="29500")
    assert found == config()
    assert len(said) == 1 and "several processes were requested, but the launcher started one" in said[0]


@pytest.mark.parametrize(
    ("training", "environment", "key"),
    [
        ({}, {"ACCELERATE_MIXED_PRECISION": "fp16"}, "mixed_precision: no"),
        ({}, {"ACCELERATE_MIXED_PRECISION": "fp8"}, "mixed_precision: no"),
        ({"precision": "fp32"}, {"ACCELERATE_MIXED_PRECISION": "bf16"}, "training.precision"),
        ({}, {"ACCELERATE_DYNAMO_BACKEND": "INDUCTOR"}, "dynamo_backend: no"),
        ({}, {"ACCELERATE_USE_DEEPSPEED": "true"}, "use_deepspeed: false"),
        ({}, {"ACCELERATE_USE_MEGATRON_LM": "true"}, "use_megatron_lm: false"),
    ],
)
def test_what_cannot_be_done_is_refused(training: dict, environment: dict, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        heeded(config(**training), **environment)
    assert key in str(error.value).partition("What to do:")[2]
