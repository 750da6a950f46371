"""A run that goes on, made up for the tests of its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from train.report.live import Facts, Live
from train.runs.folder import RunFolder
from train.runs.progress_record import PhaseRecord, ProgressRecord

FACTS = Facts(
    (
        ("Base model", "e5-small"),
        ("Data: faq", "rows: train 900, dev 150, test 150; 700 documents"),
        ("Training", "300 steps, 2 epochs"),
        ("Batch size", "64"),
        ("Learning rate", "5e-05"),
        ("On", "cpu, fp32"),
        ("Seeds", "3"),
    ),
    "model:\n  name: e5-small\n",
    5,
)
PHASES = (
    PhaseRecord(name="base", units=1, done=1, seconds=12.0),
    PhaseRecord(name="training", units=300, done=120, seconds=60.0),
    PhaseRecord(name="dev", units=5, done=2, seconds=4.0),
    PhaseRecord(name="test", units=1, done=0, seconds=0.0),
)


def record(**changes: Any) -> ProgressRecord:
    """Return how far the run is: 42%, four minutes left."""
    known = {
        "phase": "training",
        "name": "training",
        "done": 0.42,
        "left_seconds": 243.0,
        "began_at": "2026-11-30T22:20:00+00:00",
        "updated_at": "2026-11-30T22:25:11+00:00",
        "phases": PHASES,
    }
    return ProgressRecord.model_validate(known | changes)


def live(folder: Path, how_far: ProgressRecord | None = None, facts: Facts = FACTS) -> Live:
    """Return what its page shows."""
    return Live(folder, how_far or record(), facts)


def write_training(run: Path) -> None:
    """Write what the run has logged: training up to step 120, and dev of the base and two checkpoints."""
    files = RunFolder(run)
    run.mkdir(parents=True, exist_ok=True)
    lines = [{"step": step, "seconds": step / 2, "loss": 60 / step, "learning_rate": 5e-5} for step in range(10, 130, 10)]
    files.training_log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    dev = [{"step": step, "dev": 0.5 + step / 1000, "datasets": {"faq": 0.5 + step / 1000}} for step in (0, 60, 120)]
    files.scores.write_text("".join(json.dumps(line) + "\n" for line in dev), encoding="utf-8")
