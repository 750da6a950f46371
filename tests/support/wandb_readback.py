"""Reads what wandb wrote, through `wandb leet inspect`, and what our run folder says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.train.tracking.conftest import MARKER


def wandb(*arguments: str | Path, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Return what wandb's command line prints."""
    command = [sys.executable, "-m", "wandb", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def sessions(run: Path) -> list[Path]:
    """Return wandb's folders of a run, the first session first."""
    return sorted(path.parent for path in run.glob("wandb/*run-*/*.wandb") if not path.parent.is_symlink())


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return all records of a kind, in the order in which they were written."""
    found = [json.loads(line) for line in wandb("leet", "inspect", "--json", folder).splitlines() if line.startswith("{")]
    return [record[kind] for record in found if record["type"] == kind]


def history(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """(step, figures) of every row, without what wandb adds itself."""
    return [(row["step"]["num"], clean(row["item"])) for row in records(folder, "history")]


def clean(row: dict[str, Any]) -> dict[str, Any]:
    """Return figures without the table of results and what wandb adds of its own."""
    return {name: value for name, value in row.items() if not name.startswith(("_", "results"))}


def inspect(folder: Path) -> dict[str, Any]:
    """State, config and final values of a session."""
    return json.loads(wandb("leet", "inspect", "--summary", "--json", folder))


def score_lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "scores.jsonl").read_text(encoding="utf-8").splitlines()]


def dev_rows(run: Path) -> dict[int, dict[str, float]]:
    """Return what the dashboard should show of each checkpoint by step, worked out from scores.jsonl."""
    lines = score_lines(run)
    base = lines[0]
    rows = {}
    for line in lines:
        pairs = {"dev/mean": line["dev"], "dev_base/mean": base["dev"]}
        for name, value in line["datasets"].items():
            pairs |= {f"dev/{name}": value, f"dev_base/{name}": base["datasets"][name]}
        rows[line["step"]] = pairs
    return rows


def shown_dev_rows(rows: list[tuple[int, dict[str, Any]]]) -> dict[int, dict[str, float]]:
    """Return the rows of a history that hold dev scores, and only those values."""
    only = {step: {name: value for name, value in row.items() if name.startswith("dev")} for step, row in rows}
    return {step: row for step, row in only.items() if row}


def expected_summary(report: dict[str, Any]) -> dict[str, Any]:
    """Return the flat values that the dashboard should end with, worked out from report.json."""
    values = {"verdict": report["verdict"], "primary": report["primary"], "best_step": report["best_step"]}
    for result in report["datasets"]:
        for name in ("kind", "split", "metric", "n", "base", "tuned", "delta", "p_value", "verdict"):
            values[f"test/{result['name']}/{name}"] = result[name]
        values[f"test/{result['name']}/ci_low"], values[f"test/{result['name']}/ci_high"] = result["ci95"]
    return values | {f"cost/{name}": value for name, value in report["cost"].items()}


def quoting(folder: Path) -> list[Path]:
    """Return files in which a text of the data stands, links left out."""
    return [path for path in folder.rglob("*") if path.is_file() and MARKER.encode() in path.read_bytes()]
