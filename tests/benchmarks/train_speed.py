"""How fast training is, compared with Sentence Transformers' own trainer on the same work.

    python -m tests.benchmarks.train_speed --workload stsb --batch 128 --steps 6 --rounds 4 --arms A,B,D --data DIR
    python -m tests.benchmarks.train_speed --workload generated --batch 256 --random-bert-base        # for a GPU; no data needed
    python -m tests.benchmarks.train_speed --workload stsb --batch 32 --score --seeds 5 --epochs 1 --arms A,D --data DIR

Run it from the repository's root. Arms: A, the stock trainer with its defaults; B, the stock trainer with its best options on
this machine; D, this project (see `tests.benchmarks.arms`). Each arm lives in a process of its own. The first `--warmup` steps do
not count; then the arms take turns (A B D, D A B, B D A, …), `--steps` optimiser steps at a time, while the others are stopped,
so that whatever else the machine does hits all. A slice is timed from the word to go until the end of its last optimiser step,
waiting for data included. Weights carry on from slice to slice.

Workloads: `stsb` (short scored pairs, cosine loss), `finqa10k` (medium) and `scifact` (long; both in-batch negatives) are read
from `--data DIR` (or `EMBED_TUNE_DATASETS`), which holds folders `stsb_en`, `finqa10k`, `scifact`; `fixed` (every text has 64
tokens, so that packing cannot help) and `generated` (queries and passages, log-normal lengths) need no data.

Figures: rows and real tokens by second; padding efficiency, real tokens over token slots that passed the embedding layer; share
of the measured matrix peak, model FLOPs of the real tokens (see `tests.benchmarks.counting.Cost`; a step is three forwards) over
seconds and over the best `torch.mm` rate at the arm's precision; peak memory beyond what the process had before its first step;
seconds before the first step (`setup_seconds`, not in the rates: what an arm prepares there it need not do on the way). `--score`
trains each arm to the end for each seed and reports test scores and their paired difference.

The last line printed is one JSON object with everything.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.arms import TrainSpec, train_arm
from tests.benchmarks.children import Child
from tests.benchmarks.console import add_shared, check_shared, command_of, look_at_machine, model_name, run_as_program, say
from tests.benchmarks.figures import check_same_work, last_line, orders, paired_difference, ratio_lines, ratios, summary, table
from tests.benchmarks.workloads import DRAWN, PAIRS, WORKLOADS, BenchmarkError, data_folder

DRAWN_BATCHES = 50
"""Batches in an epoch of drawn rows, at most."""

LABELS = {
    "rows_per_second": "rows/s",
    "tokens_per_second": "real tokens/s",
    "padding_efficiency": "padding efficiency",
    "peak_share": "share of the matrix peak",
    "peak_memory_mb": "peak memory, MiB beyond the start",
    "setup_seconds": "seconds before the first step",
    "loss_after": "loss of the first batch, afterwards",
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.train_speed", description=str(__doc__).splitlines()[0])
    add = parser.add_argument
    add("--workload", choices=WORKLOADS, required=True)
    add("--data", metavar="DIR", help="folder of data sets; by default EMBED_TUNE_DATASETS")
    add("--batch", type=int, default=128, help="rows in a batch")
    add("--steps", type=int, default=6, help="optimiser steps in a turn")
    add("--warmup", type=int, default=2, help="optimiser steps that do not count")
    add("--learning-rate", type=float, help="by default the project's rule")
    add("--dropout", type=float, help="probability in every dropout layer; by default the model's own")
    add("--workers", type=int, help="data loading workers of arm B")
    add("--compile", action="store_true", help="torch.compile in arm B")
    add("--score", action="store_true", help="train to the end, report test scores")
    add("--seeds", type=int, default=5, help="with --score: how many, counting up from --seed")
    add("--epochs", type=float, default=1.0, help="with --score: passes over the training rows")
    add_shared(parser)
    return parser.parse_args(argv)


def specification(asked: argparse.Namespace, folder: Path | None, work: Path) -> TrainSpec:
    """What all arms have in common."""
    steps = None if asked.score else asked.warmup + asked.rounds * asked.steps
    return TrainSpec(
        arm="",
        workload=asked.workload,
        folder=folder,
        cache=work / "cache",
        run=work,
        model=model_name(asked, work),
        device=asked.device,
        batch=asked.batch,
        rows=asked.batch * min(steps or DRAWN_BATCHES, DRAWN_BATCHES),
        seed=asked.seed,
        steps=steps,
        epochs=asked.epochs if asked.score else None,
        learning_rate=asked.learning_rate,
        dropout=asked.dropout,
        attention=asked.attention,
        workers=asked.workers,
        compiled=asked.compile,
        score=asked.score,
    )


def start(spec: TrainSpec, arm: str, threads: int, work: Path) -> Child:
    """A child that trains one arm and stands before its first step once `receive` has returned."""
    run = work / f"run-{arm}-{spec.seed}"
    run.mkdir(exist_ok=True)
    return Child(f"arm {arm}", train_arm, replace(spec, arm=arm, run=run), threads, work / f"{arm}.log")


def interleave(spec: TrainSpec, arms: Sequence[str], asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run the arms in turn; what each reported before, in and behind its slices, by arm."""
    with contextlib.ExitStack() as alive:
        children, ready, warm = {}, {}, {}
        for arm in arms:
            say(f"arm {arm}: loading, {asked.warmup} steps of warm-up")
            children[arm] = alive.enter_context(start(spec, arm, asked.threads, work))
            ready[arm] = children[arm].receive()
            warm[arm] = children[arm].ask("go", asked.warmup)
        slices: dict[str, list[Any]] = {arm: [] for arm in arms}
        for number, order in enumerate(orders(arms, asked.rounds), start=1):
            for arm in order:
                slices[arm].append(children[arm].ask("go", asked.steps))
            shown = ", ".join(f"{arm} {slices[arm][-1]['rows'] / slices[arm][-1]['seconds']:.1f}" for arm in arms)
            say(f"round {number} of {asked.rounds}: rows/s {shown}")
        final = {arm: children[arm].ask("stop") for arm in arms}
    if len({one["trained_weights"] for one in ready.values()}) > 1:
        raise BenchmarkError(f"the arms train different numbers of weights: {[one['trained_weights'] for one in ready.values()]}")
    return {"ready": ready, "slices": slices, "final": final, "same_tokens": check_same_work(with_warmup(warm, slices))}


def with_warmup(warm: dict[str, Any], slices: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """All slices of each arm, the first ones included."""
    return {arm: [warm[arm], *slices[arm]] for arm in slices}


def measure_speed(
    spec: TrainSpec, arms: Sequence[str], asked: argparse.Namespace, work: Path, peaks: dict[str, float]
) -> dict[str, Any]:
    """The interleaved comparison: prints the table, returns the figures."""
    found = interleave(spec, arms, asked, work)
    figures = {}
    for arm in arms:
        final = found["final"][arm]
        slices = found["slices"][arm]
        figures[arm] = summary(slices, peaks) | found["ready"][arm] | final
    compared = ratios({arm: [one["seconds"] for one in found["slices"][arm]] for arm in arms})
    print(table(figures, LABELS))
    for arm in arms:
        print(f"{arm}: {figures[arm]['options']}")
    print(*ratio_lines(compared), sep="\n")
    return {"arms": figures, "ratios": compared, "same_tokens": found["same_tokens"]}


def measure_scores(
    spec: TrainSpec, arms: Sequence[str], asked: argparse.Namespace, work: Path, peaks: dict[str, float]
) -> dict[str, Any]:
    """Each arm to the end for each seed, in turn: prints the scores, returns them with their paired difference."""
    scores: dict[str, list[float]] = {arm: [] for arm in arms}
    slices: dict[str, list[Any]] = {arm: [] for arm in arms}
    finals: dict[str, Any] = {}
    for number, order in enumerate(orders(arms, asked.seeds)):
        for arm in order:
            with start(replace(spec, seed=asked.seed + number), arm, asked.threads, work) as child:
                slices[arm].append(child.ask("go", child.receive()["max_steps"]))
                finals[arm] = child.ask("stop")
            scores[arm].append(finals[arm]["test_score"]["value"])
            say(f"seed {asked.seed + number}, arm {arm}: {scores[arm][-1]:.4f} in {slices[arm][-1]['seconds']:.0f} s")
    same = check_same_work(slices)
    figures = {
        arm: summary(slices[arm], peaks)
        | {"scores": scores[arm], "mean_score": sum(scores[arm]) / asked.seeds, "options": finals[arm]["options"]}
        for arm in arms
    }
    found = {
        "metric": finals[arms[0]]["test_score"]["metric"],
        "seeds": [asked.seed + number for number in range(asked.seeds)],
        "arms": figures,
        "differences": {f"D-{arm}": paired_difference(scores["D"], scores[arm]) for arm in arms if "D" in arms and arm != "D"},
        "ratios": ratios({arm: [one["seconds"] for one in slices[arm]] for arm in arms}),
        "same_tokens": same,
    }
    print_scores(found, scores)
    return found


def print_scores(found: dict[str, Any], scores: dict[str, list[float]]) -> None:
    """Test scores by seed, the differences, and the speed of whole trainings."""
    for number, seed in enumerate(found["seeds"]):
        print(f"seed {seed}: {found['metric']} " + ", ".join(f"{arm} {values[number]:.4f}" for arm, values in scores.items()))
    for name, difference in found["differences"].items():
        ends = difference["ci95"]
        sure = "one seed" if ends is None else f"95% interval {ends[0]:+.4f} to {ends[1]:+.4f} over {len(found['seeds'])} seeds"
        print(f"{name}: {difference['mean']:+.4f} ({sure})")
    print(*ratio_lines(found["ratios"]), sep="\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its result.

    Raises:
        BenchmarkError, DataError, ModelError: see `run_as_program`.
    """
    asked = parse(argv)
    arms = check_shared(asked, "batch", "steps", "warmup", "seeds")
    if asked.score and asked.workload in DRAWN:
        raise BenchmarkError(f"{asked.workload} has no test split to score", hint="score stsb, finqa10k or scifact")
    folder = data_folder(asked.data, asked.workload)
    with tempfile.TemporaryDirectory(prefix="train-speed-") as name:
        work = Path(name)
        spec = specification(asked, folder, work)
        machine = look_at_machine(spec.model, asked, work)
        measure = measure_scores if asked.score else measure_speed
        found = measure(spec, arms, asked, work, machine["peak_flops"])
    head = {
        "benchmark": "train_speed",
        "command": command_of("tests.benchmarks.train_speed", argv),
        "machine": machine,
        "workload": {"name": asked.workload, "lengths": [one.sentence() for one in PAIRS.get(asked.workload, ())]},
        "model": "random BERT-base" if asked.random_bert_base else asked.model,
        **{key: getattr(asked, key) for key in ("batch", "steps", "rounds", "warmup", "epochs", "seed", "score")},
    }
    print(last_line(head | found))


if __name__ == "__main__":
    run_as_program(main)
