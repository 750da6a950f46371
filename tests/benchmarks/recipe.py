"""Whether the recipe is better than the base model, and than the settings that people copy, on every data set that is given.

    python -m tests.benchmarks.recipe --data FOLDER [FOLDER …] --seeds 42,43,44 --runs runs/ --markdown table.md
    python -m tests.benchmarks.recipe --data FOLDER … --arm fast training.learning_rate=2e-4 --leave-one-out
    python -m tests.benchmarks.recipe --from-record --markdown table.md

Run it from the repository's root. Each arm of each data set and seed is a whole run of `embed-tune train` in a process of its
own. What it found is added to `--record`; a run that is in there is not made again, and one that was stopped goes on in
`--runs`. The record that comes with the repository holds the runs behind the README's table, with the commit and the hardware
of each.

Arms: *stock* are the settings of Sentence Transformers' published training template (training overview: one epoch, 16 rows a
batch, 2e-5, 10% warm-up, one direction); *ours* is the recipe without any setting. Both are judged on the same test items with
the base.

Figures: the metric of base, stock and ours (means over the seeds), ours − base and ours − stock with 95% intervals from
resampling test items (all seeds of an item go together), the interval of ours − base that holds training's luck as well where
three seeds or more were trained, and the time that a run took.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.recipe_record import Measured, append, measured, read_record
from tests.benchmarks.recipe_table import as_markdown, by_data, left_out
from tests.benchmarks.workloads import BenchmarkError
from train.runs.finished import read_finished

ARMS: dict[str, tuple[str, ...]] = {
    "stock": (
        "training.epochs=1",
        "training.batch_size=16",
        "training.learning_rate=2e-5",
        "training.warmup=0.1",
        "training.symmetric=false",
        "training.evaluations=1",
        "training.interpolation=off",
        "training.batches=random",
    ),
    "ours": (),
}
RECORD = Path(__file__).parent / "results" / "recipe.jsonl"


def main() -> None:
    """Make the runs that are missing, read all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[])
    parser.add_argument("--seeds", default="42,43,44")
    parser.add_argument("--arms", default="stock,ours")
    parser.add_argument("--arm", nargs="+", action="append", default=[], metavar="WORD", help="a name and its settings")
    parser.add_argument("--leave-one-out", action="store_true", help="the table of which arm the other data sets would choose")
    parser.add_argument("--record", type=Path, default=RECORD, help="file with a line a run")
    parser.add_argument("--from-record", action="store_true", help="make no runs, use all that are recorded")
    parser.add_argument("--runs", type=Path, default=Path("checkpoints/recipe"))
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--settings", nargs="*", default=[], help="further settings of every run (KEY=VALUE)")
    asked = parser.parse_args()
    known = ARMS | {name: tuple(words) for name, *words in asked.arm}
    arms = list(dict.fromkeys([*filter(None, asked.arms.split(",")), *(name for name, *_ in asked.arm)]))
    if lacking := set(arms) - set(known):
        raise BenchmarkError(f"--arms {', '.join(sorted(lacking))}: the arms are {', '.join(known)}")
    if asked.from_record:
        lines = list(read_record(asked.record).values())
    elif asked.data:
        seeds = [int(seed) for seed in asked.seeds.split(",")]
        lines = [
            found(data, arm, seed, asked.runs, asked.record, [*known[arm], *asked.settings])
            for data in asked.data
            for arm in arms
            for seed in seeds
        ]
    else:
        raise BenchmarkError("give --data, or --from-record")
    table = left_out(by_data(lines)) if asked.leave_one_out else as_markdown(by_data(lines))
    if asked.markdown is not None:
        asked.markdown.write_text(table + "\n", encoding="utf-8")
    print(table)


def found(data: str, arm: str, seed: int, runs: Path, record: Path, settings: Sequence[str]) -> Measured:
    """What one arm found on one data set with one seed; it is run if the record does not know.

    Raises:
        BenchmarkError: the run failed, its output is in a log file beside it; or the record has an arm of this name with other
            settings.
    """
    key = (Path(data).name, arm, seed)
    if (known := read_record(record).get(key)) is not None:
        if known.settings != list(settings):
            raise BenchmarkError(f"{record} has the arm {arm} with the settings {known.settings}: give yours another name")
        return known
    folder = runs / f"{key[0]}-{arm}-{seed}"
    if not (folder / "report.json").is_file():
        make_run(folder, ["--data", data, f"training.seed={seed}", *settings])
    line = measured(read_finished(folder), *key, settings)
    append(record, line)
    shutil.rmtree(folder)
    say(f"{folder.name}: {line.metric} {line.base:.4f} → {line.tuned:.4f}, {line.verdict}, {line.seconds / 60:.1f} min")
    return line


def make_run(folder: Path, words: Sequence[str]) -> None:
    """Train in a process of its own, or go on where one stopped.

    Raises:
        BenchmarkError: it failed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    started = (folder / "config.yaml").is_file()
    words = ["--resume", str(folder)] if started else [*words, f"run_name={folder.name}", f"output_dir={folder.parent}"]
    log = folder.parent / f"{folder.name}.log"
    with log.open("w", encoding="utf-8") as file:
        environment = {**os.environ, "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1")}
        command = [sys.executable, "-m", "train.cli.app", "train", *words]
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        raise BenchmarkError(f"{folder.name} failed; see {log}")


if __name__ == "__main__":
    run_as_program(main)
