"""compare.json, compare.csv and per_query.parquet hold what was found, and agree with one another."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.made_up_comparison import judged, scored_task, seven, task
from train.config.compare import LimitsConfig
from train.evaluate.tasks import Task
from train.workflows.compare.files import as_csv, as_json, write_per_query
from train.workflows.compare.recommendation import advise
from train.workflows.compare.results import compare_all


def test_json_has_everything_and_can_be_written() -> None:
    _, comparison = seven()
    advice = advise(comparison, LimitsConfig(max_latency_ms=50), 1000)
    found = json.loads(json.dumps(as_json(comparison, advice, 1000, {"command": "x"}), allow_nan=False))
    assert found["recommendation"]["taken"] == "checkpoints/tuned" and found["command"] == "x"
    assert [one["label"] for one in found["models"]] == [one.label for one in comparison.contenders]
    failed = {
        "label": "nosuch/model",
        "why": "there is no such model",
        "mend": "check the spelling",
        "hint": "check the spelling",
    }
    assert found["failed"] == [failed]
    assert len(found["pairs"]) == 21
    slow = next(one for one in found["models"] if one["label"] == "intfloat/multilingual-e5-large")
    assert slow["status"] == "out" and slow["breaks"] == [{"limit": "max_latency_ms", "value": "310 ms"}]
    assert slow["index_bytes"] == {"float32": 4_096_000, "int8": 1_024_000, "ubinary": 128_000}
    assert slow["speed"]["machine"]["name"] == "A processor" and slow["price"]["usd_per_million"] == 0.0


def test_a_pairs_delta_is_the_seconds_less_the_firsts() -> None:
    _, comparison = seven()
    found = as_json(comparison, advise(comparison, LimitsConfig(), 1), 1, {})
    quality = {one["label"]: one["quality"] for one in found["models"]}
    for pair in found["pairs"]:
        assert pair["delta"] == pytest.approx(quality[pair["second"]] - quality[pair["first"]])
        assert pair["better"] in (None, pair["first"] if pair["delta"] < 0 else pair["second"])


def test_csv_has_a_line_a_model_and_no_formulas() -> None:
    tasks: dict[str, Task] = {"=faq": task("=faq")}
    comparison = compare_all(tasks, [judged(tasks, "=cmd()", 0.5), judged(tasks, "b", 0.4)], {}, seed=0, resamples=100)
    advice = advise(comparison, LimitsConfig(), 1)
    lines = list(csv.DictReader(io.StringIO(as_csv(as_json(comparison, advice, 1, {})))))
    assert [line["model"] for line in lines] == ["'=cmd()", "b"] and "'=faq ndcg@10" in lines[0]
    assert float(lines[0]["quality"]) == comparison.contenders[0].quality.value and lines[0]["latency_p95_ms"] == ""


def test_every_querys_value_is_kept(tmp_path: Path) -> None:
    tasks: dict[str, Task] = {"faq": task(queries=20), "sts": scored_task(pairs=30)}
    comparison = compare_all(tasks, [judged(tasks, f"m{i}", 0.5, seed=i) for i in (1, 2)], {}, seed=0, resamples=100)
    write_per_query(tmp_path / "q.parquet", tasks, comparison)
    rows = pq.read_table(tmp_path / "q.parquet").to_pylist()
    assert len(rows) == 2 * (2 * 20 + 30) and set(rows[0]) == {"dataset", "item", "metric", "model", "value", "gold"}
    for one in comparison.contenders:
        mine = [row for row in rows if row["model"] == one.label and row["metric"] == "ndcg@10"]
        assert np.mean([row["value"] for row in mine]) == pytest.approx(one.results["faq"].metrics["ndcg@10"].value)
        assert all(row["gold"] is None for row in mine)
        pairs = [row for row in rows if row["model"] == one.label and row["dataset"] == "sts"]
        assert {row["metric"] for row in pairs} == {"cosine"} and [row["gold"] for row in pairs] == list(
            scored_task(pairs=30).scores
        )
