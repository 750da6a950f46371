"""What the command lines of both benchmarks share."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.errors import EmbedTuneError
from tests.benchmarks.arms import ARMS, PeakSpec, measure_machine
from tests.benchmarks.children import Child
from tests.benchmarks.models import random_bert_base
from tests.benchmarks.workloads import BenchmarkError
from train.config.schema import DEFAULT_MODEL


def say(line: str) -> None:
    """What happens, as it happens; standard output is for the result."""
    print(line, file=sys.stderr, flush=True)


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Options of both benchmarks."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    add = parser.add_argument
    add("--rounds", type=int, default=4, help="turns of each arm that count")
    add("--arms", default=",".join(ARMS), help="which, separated by commas")
    add("--model", default=DEFAULT_MODEL, help="folder or Hub id")
    add("--random-bert-base", action="store_true", help="a model of BERT-base's size with random weights")
    add("--threads", type=int, default=cores, help="that an arm computes with")
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--seed", type=int, default=42, help="of whatever is drawn")
    add("--attention", help="attention of arm B: eager, sdpa or flash_attention_2")
    add("--peak-size", type=int, help="side of the square matrices of the peak measurement")


def command_of(module: str, argv: Sequence[str] | None) -> str:
    """The command line, to be repeated."""
    return f"python -m {module} {shlex.join(sys.argv[1:] if argv is None else argv)}"


def check_shared(asked: argparse.Namespace, *counts: str) -> list[str]:
    """The arms asked for.

    Args:
        asked: the options.
        counts: names of options that are at least 1.

    Raises:
        BenchmarkError: there is no such arm, or a number is too small.
    """
    arms = list(dict.fromkeys(asked.arms.split(",")))
    if not set(arms) <= set(ARMS):
        raise BenchmarkError(f"--arms {asked.arms}: the arms are {', '.join(ARMS)}")
    for name in ("rounds", "threads", *counts):
        if getattr(asked, name) < 1:
            raise BenchmarkError(f"--{name} {getattr(asked, name)}: it is at least 1")
    return arms


def model_name(asked: argparse.Namespace, work: Path) -> str:
    """The model asked for; the random one is written below `work`."""
    return str(random_bert_base(work)) if asked.random_bert_base else asked.model


def look_at_machine(model: str, asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The machine in words and its matrix peaks, measured in a process of its own and said."""
    spec = PeakSpec(model, asked.device, asked.peak_size)
    with Child("the peak measurement", measure_machine, spec, asked.threads, work / "peak.log") as child:
        found: dict[str, Any] = child.receive()
    peaks = ", ".join(f"{name} {rate / 1e9:,.0f} GFLOP/s" for name, rate in found["peak_flops"].items())
    say(f"{found['cpu']}, {found['threads']} threads, {found['gpu'] or 'no GPU'}; matrix peak: {peaks}")
    return found


def run_as_program(main: Callable[[], None]) -> None:
    """Mistakes end with a sentence and exit code 2."""
    try:
        main()
    except EmbedTuneError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
