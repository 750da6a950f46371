"""Whether the recipe is better than the base model, and than the settings that people copy, on every data set that is given.

    python -m tests.benchmarks.recipe --data FOLDER [FOLDER …] --seeds 42,43,44 --runs runs/ --markdown table.md
    python -m tests.benchmarks.recipe --data FOLDER … --arm fast training.learning_rate=2e-4 --leave-one-out

Run it from the repository's root. Each arm of each data set and seed is a whole run of `embed-tune train` in a process of its
own, kept in `--runs`: a run that is there and finished is not made again, so a measurement that was stopped goes on.

Arms: *stock* are the settings of Sentence Transformers' published training template (training overview: one epoch, 16 rows a
batch, 2e-5, 10% warm-up, one direction); *ours* is the recipe without any setting. Both are judged on the same test items with
the base.

Figures: the metric of base, stock and ours (means over the seeds), ours − base and ours − stock with 95% intervals from
resampling test items (all seeds of an item go together), and the time that a run took.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.workloads import BenchmarkError
from train.finished import FinishedRun, read_finished

ARMS: dict[str, tuple[str, ...]] = {
    "stock": (
        "training.epochs=1",
        "training.batch_size=16",
        "training.learning_rate=2e-5",
        "training.warmup=0.1",
        "training.symmetric=false",
        "training.evaluations=1",
        "training.interpolation=off",
    ),
    "ours": (),
}
RESAMPLES = 2000


@dataclass(frozen=True)
class Judged:
    """The runs of one arm on one data set.

    Attributes:
        metric: of the verdict.
        base: its value for the base model.
        values: [S] the value of each seed's tuned model.
        items: [S, n] value of each test item; for scored pairs the similarity, and `gold` is there.
        base_items: [n] the same of the base.
        gold: [n]; None for queries.
        verdicts: of each run.
        seconds: [S].
    """

    metric: str
    base: float
    values: np.ndarray
    items: np.ndarray
    base_items: np.ndarray
    gold: np.ndarray | None
    verdicts: list[str]
    seconds: np.ndarray

    def score(self, rows: np.ndarray) -> float:
        """Mean over the seeds of the metric on some items."""
        return float(np.mean([_value(one[rows], None if self.gold is None else self.gold[rows]) for one in self.items]))

    def base_score(self, rows: np.ndarray) -> float:
        """The base's metric on some items."""
        return _value(self.base_items[rows], None if self.gold is None else self.gold[rows])


def _value(items: np.ndarray, gold: np.ndarray | None) -> float:
    return float(items.mean()) if gold is None else float(stats.spearmanr(items, gold).statistic)


def main() -> None:
    """Make the runs that are missing, read all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--seeds", default="42,43,44")
    parser.add_argument("--arms", default="stock,ours")
    parser.add_argument("--arm", nargs="+", action="append", default=[], metavar="WORD", help="a name and its settings")
    parser.add_argument("--leave-one-out", action="store_true")
    parser.add_argument("--runs", type=Path, default=Path("checkpoints/recipe"))
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--settings", nargs="*", default=[], help="further settings of every run (KEY=VALUE)")
    asked = parser.parse_args()
    seeds, known = [int(seed) for seed in asked.seeds.split(",")], ARMS | {name: tuple(words) for name, *words in asked.arm}
    arms = {name: known[name] for name in (*asked.arms.split(","), *(name for name, *_ in asked.arm)) if name in known}
    if lacking := set(asked.arms.split(",")) - set(known):
        raise BenchmarkError(f"--arms {', '.join(sorted(lacking))}: the arms are {', '.join(known)}")
    if asked.leave_one_out and len(asked.data) < 2:
        raise BenchmarkError("--leave-one-out needs two data sets or more")
    lines, gains = [], {}
    for data in asked.data:
        runs = {
            arm: [finished(data, arm, seed, asked.runs, [*words, *asked.settings]) for seed in seeds]
            for arm, words in arms.items()
        }
        found = {arm: judged(of_seeds) for arm, of_seeds in runs.items()}
        lines.append(row(Path(data).name, found))
        gains[Path(data).name] = {arm: (dev_gain(runs[arm]), float(one.values.mean()) - one.base) for arm, one in found.items()}
        say(json.dumps(lines[-1]))
    table = as_markdown(lines) if not asked.leave_one_out else left_out(gains)
    if asked.markdown is not None:
        asked.markdown.write_text(table + "\n", encoding="utf-8")
    say(table)
    print(json.dumps(lines))


def finished(data: str, arm: str, seed: int, runs: Path, settings: Sequence[str]) -> FinishedRun:
    """The finished run of one arm on one data set with one seed; made if it is not there.

    Raises:
        BenchmarkError: the run failed; its output is in a log file beside it.
    """
    name = f"{Path(data).name}-{arm}-{seed}"
    folder = runs / name
    if not (folder / "report.json").is_file():
        runs.mkdir(parents=True, exist_ok=True)
        words = [f"run_name={name}", f"output_dir={runs}", f"training.seed={seed}", *settings]
        words = ["--resume", str(folder)] if (folder / "config.yaml").is_file() else ["--data", data, *words]
        say(f"{name} …")
        with (runs / f"{name}.log").open("w", encoding="utf-8") as log:
            environment = {**os.environ, "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1")}
            command = [sys.executable, "-m", "train.cli", "train", *words]
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False)
        if done.returncode:
            raise BenchmarkError(f"{name} failed; see {runs / f'{name}.log'}")
        for checkpoint in folder.glob("checkpoint-*"):  # of no use here, and large
            for path in sorted(checkpoint.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            checkpoint.rmdir()
    return read_finished(folder)


def judged(runs: Sequence[FinishedRun]) -> Judged:
    """The runs of all seeds, item by item.

    Raises:
        BenchmarkError: they were not judged on the same items.
    """
    name = str(runs[0].report["primary"])
    results = [run.results[name] for run in runs]
    if len({result.test_sha256 for result in results}) != 1:
        raise BenchmarkError(f"the runs on {name} were judged on different items")
    kept = "cosine" if results[0].kind == "scored" else results[0].metric
    tuned = [run.values(name, kept) for run in runs]
    return Judged(
        metric=results[0].metric,
        base=results[0].base,
        values=np.array([result.tuned for result in results]),
        items=np.array([values.tuned for values in tuned]),
        base_items=np.array(tuned[0].base),
        gold=np.array(tuned[0].gold, dtype=float) if tuned[0].has_gold else None,
        verdicts=[result.verdict for result in results],
        seconds=np.array([run.report["cost"]["total_seconds"] for run in runs]),
    )


def dev_gain(runs: Sequence[FinishedRun]) -> float:
    """Mean over the seeds of what the winner of each run gained on dev.

    Raises:
        BenchmarkError: a run had no dev split.
    """
    found = []
    for run in runs:
        base = json.loads((run.folder / "scores.jsonl").read_text("utf-8").splitlines()[0])["dev"]
        best = run.report["selection"]["dev"]
        if base is None or best is None:
            raise BenchmarkError(f"{run.folder} has no dev scores to choose by")
        found.append(best - base)
    return float(np.mean(found))


def left_out(gains: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """The table of `--leave-one-out`.

    Args:
        gains: of each data set, of each arm: gain on dev and on test.
    """
    arms = list(next(iter(gains.values())))
    out = [f"| left out | {' | '.join(arms)} | chosen on the others | its gain |", f"|{'---|' * (len(arms) + 3)}"]
    for name, own in gains.items():
        others = {arm: np.mean([of[arm][0] for other, of in gains.items() if other != name]) for arm in arms}
        chosen = max(arms, key=lambda arm: others[arm])
        cells = [name, *(f"{own[arm][1]:+.3f}" for arm in arms), chosen, f"{own[chosen][1]:+.3f}"]
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


def interval(first: Judged, second: Judged | None, seed: int = 0) -> tuple[float, tuple[float, float]]:
    """first − second (the base where that is None) and its 95% interval, items drawn with replacement."""
    rng, n = np.random.default_rng(seed), first.items.shape[1]

    def difference(rows: np.ndarray) -> float:
        return first.score(rows) - (first.base_score(rows) if second is None else second.score(rows))

    drawn = [difference(rng.integers(0, n, n)) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return difference(np.arange(n)), (float(low), float(high))


def row(name: str, arms: dict[str, Judged]) -> dict[str, object]:
    """One line of the table."""
    ours = arms.get("ours") or next(iter(arms.values()))
    gain, gain_ci = interval(ours, None)
    out: dict[str, object] = {
        "data": name,
        "metric": ours.metric,
        "n": ours.items.shape[1],
        "base": ours.base,
        **{arm: float(one.values.mean()) for arm, one in arms.items()},
        **{f"{arm}_seeds": one.values.tolist() for arm, one in arms.items()},
        **{f"{arm}_seconds": float(one.seconds.mean()) for arm, one in arms.items()},
        "ours_minus_base": gain,
        "ours_minus_base_ci95": gain_ci,
        "verdicts": {arm: one.verdicts for arm, one in arms.items()},
    }
    if "stock" in arms and "ours" in arms:
        out["ours_minus_stock"], out["ours_minus_stock_ci95"] = interval(arms["ours"], arms["stock"])
    return out


def as_markdown(lines: Sequence[dict[str, object]]) -> str:
    """The table for the README."""
    out = [
        "| data | metric | n | base | stock | ours | ours − base | ours − stock | minutes, stock and ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        cells = [line["data"], line["metric"], f"{line['n']:,}", *(_fraction(line.get(key)) for key in ("base", "stock", "ours"))]
        cells += [_change(line.get(f"{key}"), line.get(f"{key}_ci95")) for key in ("ours_minus_base", "ours_minus_stock")]
        minutes = [line.get(f"{arm}_seconds") for arm in ("stock", "ours")]
        cells.append(", ".join(f"{value / 60:.0f}" for value in minutes if isinstance(value, float)))
        out.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(out)


def _fraction(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else ""


def _change(value: object, ci95: object) -> str:
    return f"{value:+.3f} ({ci95[0]:+.3f} to {ci95[1]:+.3f})" if isinstance(value, float) and isinstance(ci95, tuple) else ""


if __name__ == "__main__":
    run_as_program(main)
