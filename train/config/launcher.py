"""What Accelerate's launcher asks for, by the environment variables that it leaves to this process.

Some of its settings would change the training without the configuration knowing, or do nothing at all. Each is taken over,
reported or refused; none is ignored silently.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from train.config.choices import Precision
from train.config.schema import TrainSettings
from train.errors import ConfigError

HOW = "in the file that `accelerate launch --config_file` names (by default the one that `accelerate config` wrote)"

UNSUPPORTED = {
    "ACCELERATE_USE_DEEPSPEED": ("DeepSpeed", "use_deepspeed: false"),
    "ACCELERATE_USE_MEGATRON_LM": ("Megatron-LM", "use_megatron_lm: false"),
}
"""Variables that are set to "true", what they ask for, and the setting that turns it off."""


def apply_launcher(
    config: TrainSettings, say: Callable[[str], None], environment: Mapping[str, str] = os.environ
) -> TrainSettings:
    """Return the configuration with what the launcher asks for.

    Args:
        config: as read from file and command line.
        say: gets each line that the user should read.
        environment: variables of this process.

    Raises:
        ConfigError: the launcher asks for something that this program cannot do, or that contradicts the configuration.
    """
    if "ACCELERATE_MIXED_PRECISION" not in environment:
        return config  # not started by the launcher
    for variable, (engine, off) in UNSUPPORTED.items():
        if environment.get(variable, "").lower() == "true":
            what = f"Accelerate's configuration asks for {engine}, which this program does not use"
            raise ConfigError(what, hint=f"set {off} {HOW}")
    _refuse_compiling(environment)
    config = _with_precision(config, environment["ACCELERATE_MIXED_PRECISION"].lower(), say)
    say_if_alone(say, environment)
    return config


def say_if_alone(say: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> None:
    """Warn where several processes were requested and the launcher started one."""
    if "MASTER_ADDR" in environment and "WORLD_SIZE" not in environment:
        say(
            "warning: several processes were requested, but the launcher started one: on CPUs `--num_processes` takes effect only"
            " with configs/accelerate/cpu_ranks.yaml, on GPUs only with `--multi_gpu`; this run continues with one process"
        )


def _refuse_compiling(environment: Mapping[str, str]) -> None:
    backend = environment.get("ACCELERATE_DYNAMO_BACKEND", "NO")
    if backend.upper() != "NO":
        raise ConfigError(
            f"Accelerate's configuration asks for torch.compile (dynamo_backend {backend}), which would compile again"
            " for each batch, since every batch has its own shape",
            hint=f"set dynamo_backend: no {HOW}, or launch with --dynamo_backend no",
        )


def _with_precision(config: TrainSettings, asked: str, say: Callable[[str], None]) -> TrainSettings:
    ours = config.training.precision
    if asked in ("fp16", "fp8"):
        raise ConfigError(
            f"Accelerate's configuration asks for mixed_precision {asked}, but this program trains in fp32 or bf16",
            hint=f"set mixed_precision: no {HOW}, or launch with --mixed_precision no; training.precision chooses",
        )
    if asked != Precision.BF16:
        return config
    if ours == Precision.FP32:
        raise ConfigError(
            "Accelerate's configuration asks for mixed_precision bf16, but this run for training.precision=fp32",
            hint=f"leave training.precision out, or set mixed_precision: no {HOW}, or launch with --mixed_precision no",
        )
    if ours == Precision.AUTO:
        say("training.precision=bf16, as requested by Accelerate's configuration")
    return config.model_copy(update={"training": config.training.model_copy(update={"precision": Precision.BF16})})
