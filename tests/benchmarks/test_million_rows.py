"""The benchmark of loading runs as its documentation says, on a few rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_few_rows_are_loaded_audited_and_timed() -> None:
    words = ["-m", "tests.benchmarks.million_rows", "--rows", "3000", "--formats", "jsonl,parquet"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rows"] == 3000 and set(found["formats"]) == {"jsonl", "parquet"}
    for figures in found["formats"].values():
        assert figures["again_audit_seconds"] < figures["audit_seconds"], "unchanged data is not audited twice"
        assert figures["load_seconds"] + figures["audit_seconds"] <= figures["total_seconds"]
