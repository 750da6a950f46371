"""What mined hard negatives are worth, and how many of them are false, on every data set that is given.

    python -m tests.benchmarks.mining --data FOLDER [FOLDER …] --seeds 42,43,44 --runs runs/ --markdown table.md

Run it from the repository's root. Each arm of each data set and seed is a whole run of `embed-tune train` with the same
settings, *with* or *without* `mining.enabled=true`, kept in `--runs`: what is there and finished is not made again. `--settings`
are those of both arms, `--mining` those of mining (`mining.negatives=4`).

Figures: the metric of base and of both arms (means over the seeds), with − without and its 95% interval from resampling test
items (all seeds of an item go together), the time of both; and of `embed-tune mine --audit` the share of hidden positives among
the negatives: of the first ranks as they come, and with window and filter.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.recipe import finished, interval, judged
from tests.benchmarks.workloads import BenchmarkError

ARMS = ("without", "with")


def main() -> None:
    """Make the runs that are missing, read all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--seeds", default="42,43,44", help="separated by commas; none: only the audit")
    parser.add_argument("--runs", type=Path, default=Path("checkpoints/mining"))
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--settings", nargs="*", default=[], help="further settings of both arms (KEY=VALUE)")
    parser.add_argument("--mining", nargs="*", default=[], help="settings of mining (mining.KEY=VALUE)")
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",") if seed]
    lines = []
    for data in asked.data:
        line = {"data": Path(data).name, "audit": audited(data, asked.runs, asked.mining)}
        if seeds:
            line |= trained(data, seeds, asked.runs, asked.settings, asked.mining)
        lines.append(line)
        say(json.dumps(line))
    table = as_markdown(lines)
    if asked.markdown is not None:
        asked.markdown.write_text(table + "\n", encoding="utf-8")
    say(table)
    print(json.dumps(lines))


def audited(data: str, runs: Path, mining: Sequence[str]) -> dict[str, Any]:
    """What `embed-tune mine --audit` counts.

    Raises:
        BenchmarkError: it failed.
    """
    words = [sys.executable, "-m", "train.cli.app", "mine", data, "--audit", "--json", f"output_dir={runs}", *mining]
    environment = {**os.environ, "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise BenchmarkError(f"the audit of {data} failed: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)[0]["audit"]
    return found


def trained(data: str, seeds: Sequence[int], runs: Path, settings: Sequence[str], mining: Sequence[str]) -> dict[str, Any]:
    """Both arms over all seeds."""
    own = {"without": (), "with": ("mining.enabled=true", *mining)}
    arms = {arm: judged([finished(data, "ours", seed, runs / arm, [*settings, *own[arm]]) for seed in seeds]) for arm in ARMS}
    gain, ci95 = interval(arms["with"], arms["without"])
    return {
        "metric": arms["with"].metric,
        "n": arms["with"].items.shape[1],
        "base": arms["with"].base,
        **{arm: float(one.values.mean()) for arm, one in arms.items()},
        **{f"{arm}_seeds": one.values.tolist() for arm, one in arms.items()},
        **{f"{arm}_seconds": float(one.seconds.mean()) for arm, one in arms.items()},
        "gain": gain,
        "gain_ci95": ci95,
    }


def as_markdown(lines: Sequence[dict[str, Any]]) -> str:
    """The table for the README."""
    out = [
        "| data | n | base | without | with | with − without | minutes | queries, hidden | false, first ranks | false, filter |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        cells = [line["data"]]
        if "gain" in line:
            low, high = line["gain_ci95"]
            cells += [f"{line['n']:,}", *(f"{line[key]:.3f}" for key in ("base", *ARMS))]
            cells.append(f"{line['gain']:+.3f} ({low:+.3f} to {high:+.3f})")
            cells.append(", ".join(f"{line[f'{arm}_seconds'] / 60:.0f}" for arm in ARMS))
        else:
            cells += [""] * 6
        audit = line["audit"]
        cells.append(f"{audit['queries']:,}, {audit['hidden']:,}")
        cells += [f"{audit[name]['false_negative_share']:.1%}" if name in audit else "" for name in ("plain", "filter")]
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


if __name__ == "__main__":
    run_as_program(main)
