"""Compare the results of two trees of this repository: after moves of code they must be equal, not similar.

    python -m tests.benchmarks.same_results OLD_TREE [NEW_TREE] [--steps 40 | --full] [--workload pairs …] [--keep FOLDER]

Run it from the repository's root; it needs no data and no network. Each workload is trained by the old tree and then by the
new one (by default this one), each in a process of its own with one thread, in fp32 and without the vector cache. Workloads:
*pairs* (batches of similar rows), *scored* (scored pairs, with cross-validation), *mixture* (both at once, with mined hard
negatives and Matryoshka lengths), and *default* (the embedded default, which takes minutes). If none is named, it is the first
three; with `--full`, which sets no limit of steps, all four.

Equal must be: the SHA-256 of `model/model.safetensors`; the numbers of `scores.jsonl` and `report.json`, verdicts and names of
metrics included; the values of `per_query.parquet`. Times, memory, paths and sentences are not compared. New fields are allowed,
missing ones are a difference: fields are added, never renamed.

With `--keep` what the old tree found is kept in a folder, by revision, workload, settings, processor and versions of the
libraries, and is not computed again. The exit code is 1 at a difference, 2 if a comparison cannot be made.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.machine import cpu_model
from tests.benchmarks.workloads import BenchmarkError

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS, DIGEST = "model/model.safetensors", "weights.sha256"
SCORES, REPORT, VALUES = "scores.jsonl", "report.json", "per_query.parquet"
SETTINGS = ("training.precision=fp32", "vector_cache=off", "training.seed=7", "model.device=cpu")
THREADS = {"OMP_NUM_THREADS": "1", "EMBED_TUNE_KEEP_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
ENVIRONMENT = THREADS | {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}
LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "numpy", "scipy", "datasets")
"""Another version of these may give other results."""

CONFIGS = {
    "pairs": """
data: {source: FOLDER/pairs.csv}
training: {batch_size: 16, batches: similar, evaluations: 2, learning_rate: 1e-4}
evaluation: {cross_validation: 'off'}
""",
    "scored": """
data: {source: FOLDER/scored.csv}
training: {batch_size: 16, evaluations: 2, learning_rate: 3e-4}
evaluation: {cross_validation: always, folds: 2}
""",
    "mixture": """
data: {datasets: [{source: FOLDER/pairs.csv, max_rows: 150}, {source: FOLDER/scored.csv, weight: 2}]}
mining: {enabled: true, rank_from: 1}
training: {batch_size: 8, evaluations: 2, learning_rate: 3e-4, matryoshka: [384, 64]}
""",
}
"""Settings of the small workloads as YAML; `default` has none."""
WORKLOADS = (*CONFIGS, "default")

WORDS = {"name", "kind", "split", "metric", "verdict", "primary", "test_sha256", "dataset", "item"}
"""Keys and columns whose texts are compared; other texts are sentences or paths."""
MEASURED = ("_seconds", "_per_second", "_memory_mb")
"""Ends of keys whose numbers are another in every run."""

COLOURS = ("red", "green", "blue", "black", "white", "grey", "brown", "pink", "orange", "purple")
THINGS = ("car", "house", "tree", "river", "cloud", "stone", "door", "lamp", "engine", "bridge")
VERBS = ("opens", "breaks", "moves", "stops", "carries", "cleans", "repairs", "paints", "heats", "covers")
CITIES = ("paris", "rome", "tokyo", "cairo", "lima", "oslo", "delhi", "sydney", "boston", "vienna")
ANIMALS = ("dog", "cat", "horse", "whale", "eagle", "snake", "frog", "tiger", "mouse", "bear")
FOODS = ("bread", "rice", "apple", "cheese", "soup", "honey", "egg", "onion", "lemon", "sugar")
"""What belongs together has the same place: a base model cannot know it, so that there is a gain, and its weights are shipped."""


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    Attributes:
        weights: SHA-256 of the exported weights.
        scores: lines of scores.jsonl.
        report: content of report.json.
        values: columns of per_query.parquet.
    """

    weights: str
    scores: list[Any]
    report: dict[str, Any]
    values: dict[str, list[Any]]


def read_outcome(folder: Path) -> Outcome:
    """Read a run folder, or what `keep` left of one.

    Raises:
        BenchmarkError: a file is missing.
    """
    import pyarrow.parquet as pq

    digest = folder / DIGEST
    for path in (digest if digest.is_file() else folder / WEIGHTS, folder / SCORES, folder / REPORT, folder / VALUES):
        if not path.is_file():
            raise BenchmarkError(f"{path} is not there", hint="the run did not finish, or a file has another name now")
    weights = digest.read_text(encoding="ascii") if digest.is_file() else _sha256(folder / WEIGHTS)
    scores = [json.loads(line) for line in (folder / SCORES).read_text(encoding="utf-8").splitlines()]
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return Outcome(weights, scores, report, pq.ParquetFile(folder / VALUES).read().to_pydict())


def differences(old: Outcome, new: Outcome) -> Iterator[str]:
    """Yield each difference as file, key and both values, in the order of the files."""
    if old.weights != new.weights:
        yield f"{WEIGHTS}: SHA-256 {old.weights[:16]}… and {new.weights[:16]}…"
    files = ((SCORES, old.scores, new.scores), (REPORT, old.report, new.report), (VALUES, old.values, new.values))
    for file, before, after in files:
        for where, what in _unequal(before, after, ""):
            yield f"{file}: {where.lstrip('.')}: {what}"


def _unequal(old: Any, new: Any, where: str, *, texts: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the key and both values where JSON values differ; what only `new` has is no difference, nor are sentences."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            inner = f"{where}.{key}"
            if key not in new:
                yield inner, "missing in the new tree"
            elif not key.endswith(MEASURED):
                yield from _unequal(value, new[key], inner, texts=key in WORDS)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new) and not all(isinstance(one, str) and not texts for one in old):
            yield where, f"{len(old)} and {len(new)} entries"
            return
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _unequal(before, after, f"{where}[{index}]", texts=texts)
    elif isinstance(old, str) and isinstance(new, str) and not texts:
        return
    elif isinstance(old, bool) != isinstance(new, bool) or (old != new and repr(old) != repr(new)):  # NaN is not equal to itself
        yield where, f"{old!r} and {new!r}"


def write_data(folder: Path, rows: int = 360, seed: int = 7) -> None:
    """Write `pairs.csv`, `scored.csv` and the settings of the small workloads."""
    draw = random.Random(seed)
    words = list(product(range(len(COLOURS)), range(len(THINGS)), range(len(VERBS))))
    pairs, scored = ["question,answer"], ["sentence1,sentence2,score"]
    for colour, thing, verb in draw.sample(words, rows):
        pairs.append(f"which {COLOURS[colour]} {THINGS[thing]} {VERBS[verb]}?,{CITIES[colour]} {ANIMALS[thing]} {FOODS[verb]}")
    for colour, thing, verb in draw.sample(words, rows):
        same = [draw.random() < 0.5 for _ in range(3)]
        second = [
            one if kept else (one + draw.randrange(1, 10)) % 10 for one, kept in zip((colour, thing, verb), same, strict=True)
        ]
        last = f"{CITIES[second[0]]} {ANIMALS[second[1]]} {FOODS[second[2]]}"
        scored.append(f"a {COLOURS[colour]} {THINGS[thing]} {VERBS[verb]},{last},{sum(same) / 3:.2f}")
    for name, lines in (("pairs.csv", pairs), ("scored.csv", scored)):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, config in CONFIGS.items():
        (folder / f"{name}.yaml").write_text(config.replace("FOLDER", str(folder)), encoding="utf-8")


def train(tree: Path, workload: str, data: Path, output: Path, steps: int | None) -> Outcome:
    """Train a workload with the code of a tree.

    Args:
        tree: its root.
        workload: one of `WORKLOADS`.
        data: what `write_data` wrote.
        output: the run is made in it; must not exist.
        steps: at most; None for no limit.

    Raises:
        BenchmarkError: the run failed, or other code was imported than the tree's.
    """
    words = ["--config", str(data / f"{workload}.yaml")] if workload in CONFIGS else []
    words += [*SETTINGS, f"output_dir={output}", "run_name=run", *([f"training.max_steps={steps}"] if steps else [])]
    revision = _git(tree, "rev-parse", "HEAD")
    done = subprocess.run(
        [sys.executable, "train/run.py", *words],
        cwd=tree,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise BenchmarkError(f"{tree}: {workload} ended with code {done.returncode}:\n{told}")
    recorded = json.loads((output / "run" / "environment.json").read_text(encoding="utf-8")).get("git_revision")
    if recorded != revision:
        raise BenchmarkError(
            f"{tree} is at {revision}, but {recorded} has trained",
            hint="see which packages that Python imports; commit nothing while a comparison runs",
        )
    return read_outcome(output / "run")


def keep(run: Path, folder: Path) -> None:
    """Keep what is compared of a run, without its weights, in a folder that is there whole or not at all."""
    staged = folder.with_name(f".{folder.name}.{os.getpid()}")
    staged.mkdir(parents=True)
    for name in (SCORES, REPORT, VALUES):
        shutil.copy(run / name, staged / name)
    (staged / DIGEST).write_text(_sha256(run / WEIGHTS), encoding="ascii")
    staged.rename(folder)


def kept_name(tree: Path, workload: str, data: Path, steps: int | None) -> str | None:
    """Return the name under which a tree's results are kept; None if the tree has changes that are not committed."""
    if (revision := _git(tree, "rev-parse", "HEAD")) is None or _git(tree, "status", "--porcelain"):
        return None
    files = [_sha256(data / name) for name in ("pairs.csv", "scored.csv")] if workload in CONFIGS else []
    decides = [revision, CONFIGS.get(workload), SETTINGS, ENVIRONMENT, steps, files, cpu_model()]
    decides += [platform.python_version(), *map(version, LIBRARIES)]
    digest = hashlib.sha256(json.dumps(decides).encode()).hexdigest()
    return f"{workload}-{f'{steps}-steps' if steps else 'full'}-{revision[:7]}-{digest[:12]}"


def _git(tree: Path, *words: str) -> str | None:
    """Return what git says about a tree, None where it fails."""
    done = subprocess.run(["git", "-C", str(tree), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def outcome_of(tree: Path, workload: str, folder: Path, steps: int | None, kept: Path | None = None) -> tuple[Outcome, str]:
    """Return what a tree finds and the time that it took in words; read from `kept` if it is there, written there if not."""
    name = kept_name(tree, workload, folder, steps) if kept else None
    place = kept / name if kept and name else None
    if kept and name is None:
        say(f"{tree} has changes that are not committed, or no revision: its results are not kept")
    if place and place.is_dir():
        return read_outcome(place), "kept"
    output = folder / "out"
    say(f"{tree}: {workload} …")
    began = time.perf_counter()
    try:
        outcome = train(tree, workload, folder, output, steps)
        took = f"{time.perf_counter() - began:.0f} s"
        if place:
            keep(output / "run", place)
    finally:
        shutil.rmtree(output, ignore_errors=True)
    return outcome, took


def main(argv: Sequence[str] | None = None) -> None:
    """Run both trees, print a table, and end with 1 at a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD_TREE", help="root of a checkout with the code before")
    parser.add_argument("new", type=Path, metavar="NEW_TREE", nargs="?", default=ROOT, help="the code after; by default this one")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--steps", type=int, default=40, help="optimiser steps of a run, at most")
    limit.add_argument("--full", action="store_true", help="no limit of steps, and the embedded default, too")
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, help="which; by default the small ones, with --full all")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the old tree's results are kept")
    parser.add_argument("--old-only", action="store_true", help="only fill --keep; nothing is compared")
    asked = parser.parse_args(argv)
    if asked.steps < 1 or (asked.old_only and asked.keep is None):
        parser.error("--steps is at least 1, and --old-only needs --keep")
    for tree in (asked.old, asked.new):
        if not (tree / "train" / "run.py").is_file():
            raise BenchmarkError(f"{tree} has no train/run.py", hint="name the root of a checkout of this repository")
    old, new, steps = asked.old.resolve(), asked.new.resolve(), None if asked.full else asked.steps
    different, form = False, "{:<10}{:>8}{:>8}  {}"
    print(form.format("workload", "old", "new", "result"))
    with tempfile.TemporaryDirectory(prefix="same-results-") as temporary:
        folder = Path(temporary)
        write_data(folder)
        for workload in asked.workload or (WORKLOADS if asked.full else tuple(CONFIGS)):
            before, took = outcome_of(old, workload, folder, steps, asked.keep and asked.keep.resolve())
            if any(one["kept_base"] for one in before.report["datasets"]):
                raise BenchmarkError(f"{workload}: the base was better, so the weights say nothing", hint="give it more steps")
            if asked.old_only:
                print(form.format(workload, took, "", f"weights {before.weights[:16]}…"), flush=True)
                continue
            after, took_now = outcome_of(new, workload, folder, steps)
            found = list(differences(before, after))
            different |= bool(found)
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            result = f"{found[0]}{more}" if found else f"equal, weights {after.weights[:16]}…"
            print(form.format(workload, took, took_now, result), flush=True)
    sys.exit(int(different))


if __name__ == "__main__":
    run_as_program(main)
