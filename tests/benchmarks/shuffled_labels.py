"""Runs on shuffled positives, over several seeds: none may be better, and what is shipped is the base or is called unproven.

    python -m tests.benchmarks.shuffled_labels

Rows are phrases of the packaged devops sample that mean the same (a score of .8 or more), with the second ones dealt anew at
random, so that there is nothing to learn. Each seed deals them in another way and is the seed of training. With
`training.interpolation=off` what was trained is shipped whatever dev says. Ends with exit code 1 if a run breaks the promise.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import tempfile
from pathlib import Path

from train.config.load import load_config
from train.console import heard_by
from train.pipeline import start_run

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "devops.csv"

DEFAULTS = ["training.epochs=1", "evaluation.folds=2", "evaluation.resamples=2000", "evaluation.panel=off"]


def shuffled_rows(count: int, seed: int) -> list[tuple[str, str]]:
    """Return phrases with the partners of others."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = [(row["sentence1"], row["sentence2"]) for row in csv.DictReader(file) if float(row["score"]) >= 0.8]
    generator = random.Random(seed)
    rows = generator.sample(rows, min(count, len(rows)))
    partners = [partner for _, partner in rows]
    generator.shuffle(partners)
    return [(phrase, partner) for (phrase, _), partner in zip(rows, partners, strict=True)]


def run(seed: int, rows: int, folder: Path, *words: str) -> dict[str, object]:
    """Train on shuffled rows. Returns what the run came to."""
    data = folder / f"shuffled-{seed}.csv"
    with data.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *shuffled_rows(rows, seed)])
    given = {"run_name": f"run-{seed}", "output_dir": folder, "training.seed": seed, "data.split.seed": seed}
    given |= {"vector_cache": "off", "model.device": "cpu"}
    said: list[str] = []
    with heard_by(said.append):
        done = start_run(load_config(None, data=str(data), overrides=[*(f"{k}={v}" for k, v in given.items()), *words]))
    report = json.loads((done / "report.json").read_text(encoding="utf-8"))
    story = next(text for text in reversed(said) if "Verdict: " in text).lstrip()
    is_base = report["selection"]["share"] == 0 or report["selection"].get("withheld", False)
    return {
        "verdict": report["verdict"],
        "base": is_base,
        "first": story.splitlines()[0],
        "delta": report["datasets"][0]["delta"],
    }


def main() -> None:
    """Print a line a seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument(
        "words",
        nargs="*",
        default=DEFAULTS,
    )
    options = parser.parse_args()
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            found = run(seed, options.rows, Path(folder), *options.words)
            kept = found["verdict"] != "improved" and (found["base"] or str(found["first"]).startswith("Unproven"))
            broken += not kept
            print(f"seed {seed}: {found['verdict']}, ships {'the base' if found['base'] else 'what was trained'}", end="; ")
            print(f"delta {found['delta']:+.3f}; {'kept' if kept else 'BROKEN'}; {found['first']}", flush=True)
    print(f"{options.seeds - broken} of {options.seeds} keep the promise")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
