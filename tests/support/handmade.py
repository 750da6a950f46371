"""Folders of finished runs written by hand, as the files of a real one look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

COST = {"train_seconds": 60.0, "train_rows_per_second": 10.0, "total_seconds": 90.0, "peak_memory_mb": 1000.0}


def retrieval(tuned: Sequence[float], items: Sequence[str] | None = None, digest: str | None = "same items") -> dict[str, Any]:
    """Return a data set of queries: nDCG@10 of each."""
    return {"kind": "pair", "metric": "ndcg@10", "tuned": list(tuned), "items": items, "gold": None, "digest": digest}


def scored(gold: Sequence[float], tuned: Sequence[float], digest: str | None = "same items") -> dict[str, Any]:
    """Return a data set of scored pairs: the cosine of each."""
    return {"kind": "scored", "metric": "spearman", "tuned": list(tuned), "items": None, "gold": list(gold), "digest": digest}


def write_run(
    folder: Path,
    datasets: Mapping[str, Mapping[str, Any]],
    config: str = "data: {datasets: [{source: pairs.csv}]}",
    environment: Mapping[str, Any] | None = None,
    with_gold: bool = True,
    groups: Sequence[int | None] | None = None,
) -> Path:
    """Write a finished run; its base is worth 0 everywhere, which `diff` must not care about."""
    folder.mkdir(parents=True)
    columns: dict[str, list[Any]] = {name: [] for name in ("dataset", "item", "metric", "base", "tuned", "gold")}
    entries = []
    for name, one in datasets.items():
        n = len(one["tuned"])
        is_scored = one["kind"] == "scored"
        value = stats.spearmanr(one["gold"], one["tuned"]).statistic if is_scored else np.mean(one["tuned"])
        columns["dataset"] += [name] * n
        columns["item"] += list(one["items"] or map(str, range(n)))
        columns["metric"] += ["cosine" if is_scored else one["metric"]] * n
        columns["base"] += [0.0] * n
        columns["tuned"] += one["tuned"]
        columns["gold"] += one["gold"] or [None] * n
        entries.append(
            {
                "name": name, "kind": one["kind"], "split": "test", "metric": one["metric"], "n": n, "base": 0.0,
                "tuned": float(value), "delta": float(value), "ci95": [0.0, 0.0], "p_value": 1.0, "verdict": "no_evidence",
                "metrics": {one["metric"]: {"base": 0.0, "tuned": float(value)}},
                **({"test_sha256": one["digest"]} if one["digest"] else {}),
            }
        )  # fmt: skip
    if groups is not None:
        columns["group"] = list(groups)
    if not with_gold:
        del columns["gold"]
    pq.write_table(pa.table(columns), folder / "per_query.parquet")
    report = {"verdict": "no_evidence", "primary": entries[0]["name"], "run": folder.name, "datasets": entries, "cost": COST}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps(environment or {"data": {}}), encoding="utf-8")
    return folder
