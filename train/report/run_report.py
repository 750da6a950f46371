"""Gathers what a run found into `report.json`, `per_query.parquet`, `report.html` and the closing words on the terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.prepared import PreparedDataset
from data.storage import write_json, write_text
from train.config.schema import TrainSettings
from train.console import now, say
from train.evaluate.results import DatasetResult, run_verdict
from train.fit.trainer import Work
from train.machine import peak_memory_mb
from train.report.examples import count_changes, pick_examples
from train.report.page import render
from train.report.terminal import side_by_side, story
from train.runs.per_query import write_per_query
from train.runs.score_log import ScoreLog
from train.selection.interpolation import Winner
from train.selection.judged import BaseScores, TestScores
from train.tracking.base import Tracker
from train.wording import BASE_AND_TUNED, fraction, metric_name


def shortened_rows(datasets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """What was judged, base and tuned, for each data set and length in `datasets` of report.json."""
    return [
        (
            f"{one['name']}, {metric_name(one['metric'])}, {cut['dimensions']} dimensions",
            fraction(cut["base"]),
            fraction(cut["tuned"]),
        )
        for one in datasets
        for cut in one.get("dimensions", ())
    ]


def report_run(
    run: Path,
    config: TrainSettings,
    datasets: Mapping[str, PreparedDataset],
    results: Sequence[DatasetResult],
    base: BaseScores,
    tuned: TestScores,
    log: ScoreLog,
    winner: Winner,
    work: Work,
    seconds: Mapping[str, float],
    tracker: Tracker,
) -> dict[str, Any]:
    """Write all reports of a run, say how it went, and tell the dashboard.

    Args:
        run: the run folder.
        config: the resolved configuration.
        datasets: all data sets, for their notes.
        results: tuned against base on every test split.
        base, tuned: the scores behind them.
        log: scores of every checkpoint on dev.
        winner: what was judged on test.
        work: what training consumed.
        seconds: `base`, `test` (with the choice of what is judged) and `total` (with earlier sessions), wall clock.
        tracker: is told, too.

    Returns:
        The content of `report.json`.
    """
    report: dict[str, Any] = {
        "verdict": run_verdict(results),
        "primary": results[0].name if results else None,
        "run": run.name,
        "best_step": winner.step,
        "selection": winner.as_json(),
        "base_model": config.model.name,
        "datasets": [result.model_dump(mode="json") | _dimensions(base, tuned, result.name) for result in results],
        "cost": cost(log, work, seconds) | ({"vectors_from_cache": base.from_cache} if base.from_cache else {}),
        "finished_at": now(),
    }
    write_per_query(run / "per_query.parquet", base.test.full, tuned.full)
    extras = {
        "config": (run / "config.yaml").read_text(encoding="utf-8"),
        "environment": json.loads((run / "environment.json").read_text(encoding="utf-8")),
        "audit": json.loads((run / "audit.json").read_text(encoding="utf-8")),
        "data_notes": {name: list(prepared.notes) for name, prepared in datasets.items()},
        "changes": {name: count_changes(task, base.test.full[name][1], scores) for name, (task, scores) in tuned.full.items()},
        "command": f"accelerate launch train/run.py --config {shlex.quote(str(run / 'config.yaml'))} run_name={run.name}-again",
    }
    judged = tuned.full.items()
    examples = [one for name, (task, scores) in judged for one in pick_examples(task, base.test.full[name][1], scores)]

    def page(texts: bool) -> str:
        return render(report, log.lines, examples if texts else [], extras if texts else without_texts(extras))

    write_text(run / "report.html", page(texts=True))
    write_json(run / "report.json", report)  # last: a run with a report.json is finished
    say(story(results, log.lines, report["cost"], share=winner.share))
    if lines := shortened_rows(report["datasets"]):
        say("\n" + side_by_side("Test scores with shortened vectors", lines, BASE_AND_TUNED))
    say(f"model:  {run / 'model'}")
    say(f"report: {run / 'report.html'}")
    tracker.log_report(report, page, examples)
    return report


def _dimensions(base: BaseScores, tuned: TestScores, name: str) -> dict[str, Any]:
    """Return `dimensions` of a data set for report.json; nothing where no vectors were cut."""
    before = base.test.shortened
    found = [
        {"dimensions": length, "base": before[length][name], "tuned": values[name]} for length, values in tuned.shortened.items()
    ]
    return {"dimensions": found} if found else {}


def without_texts(extras: Mapping[str, Any]) -> dict[str, Any]:
    """What a page may say about the run where no text of the data may appear.

    Notes and findings quote cells, and what is taken for a column's name may be one: of the audit only counts stay.
    """
    kept = ("name", "kind", "counts")
    audit = {"datasets": [{name: found[name] for name in kept} for found in extras["audit"]["datasets"]]}
    return {name: value for name, value in extras.items() if name != "data_notes"} | {"audit": audit}


def cost(log: ScoreLog, work: Work, seconds: Mapping[str, float]) -> dict[str, float]:
    """What the run took. Training seconds are wall clock from first to last optimiser step, waiting for data included."""
    train_seconds = max(work.seconds, 1e-9)
    checkpoints = sum(line.get("eval_seconds", 0.0) for line in log.lines)
    return {
        "train_seconds": round(work.seconds, 3),
        "train_rows_per_second": round(work.rows / train_seconds, 3),
        "train_tokens_per_second": round(work.tokens / train_seconds, 3),
        "eval_seconds": round(seconds["base"] + seconds["test"] + checkpoints, 3),
        "total_seconds": round(seconds["total"], 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
