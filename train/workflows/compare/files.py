"""The files of a comparison: compare.json, compare.csv and per_query.parquet. Their fields are added to, never renamed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from train.evaluate.tasks import RetrievalTask, Task
from train.workflows.compare.recommendation import Advice
from train.workflows.compare.results import Comparison, Contender, Pair

FORMAT = 1
PRECISIONS = ("float32", "int8", "ubinary")


def as_json(comparison: Comparison, advice: Advice, documents: int, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of compare.json.

    Args:
        comparison: the models.
        advice: which to take.
        documents: of the index whose size is worked out.
        about: what else the file says, by its names.
    """
    label = {one.letter: one.label for one in comparison.contenders}
    return {
        "format": FORMAT,
        "recommendation": advice.as_json(),
        "datasets": [
            {"name": r.name, "kind": r.kind, "split": r.split, "metric": r.metric, "n": r.n, "test_sha256": r.test_sha256}
            for r in comparison.datasets
        ],
        "documents": documents,
        "models": [model_json(one, comparison, advice, documents) for one in comparison.contenders],
        "failed": [
            {"label": name, "why": one.what, "mend": one.hint, "hint": one.hint} for name, one in comparison.failures.items()
        ],
        "pairs": [_pair_json(pair, label) for pair in comparison.pairs],
        **about,
    }


def model_json(one: Contender, comparison: Comparison, advice: Advice, documents: int) -> dict[str, Any]:
    """Return one entry of `models`; None is what is not known."""
    quality, outcome = one.quality, one.outcome
    best = advice.best
    return {
        "letter": one.letter,
        "label": one.label,
        "status": status(one, comparison, advice),
        "same_weights_as": twin.label if (twin := comparison.twins.get(one.letter)) else None,
        "quality": quality.value,
        "quality_ci95": list(quality.ci95),
        "datasets": [result.as_json() for result in one.results.values()],
        "as_good_as_best": None if best is None else one.letter in advice.peers,
        "breaks": [{"limit": breach.key, "value": breach.value} for breach in advice.broken[one.letter]],
        "facts": one.facts.as_json(),
        "api": one.candidate.config.api,
        "contract": outcome.contract.as_dict(),
        "origin": dict(outcome.origin),
        "spaces": dict(outcome.spaces),
        "bytes_per_vector": one.index_bytes(1),
        "index_bytes": {precision: one.index_bytes(documents, precision) for precision in PRECISIONS},
        "speed": None if one.speed is None else one.speed.as_json(),
        "speed_from_earlier_run": outcome.speed_kept,
        "price": one.price.as_json(),
        "vectors_from_cache": outcome.hits,
        "vectors_computed": outcome.computed,
        "seconds": round(outcome.seconds, 3),
        "notes": list(outcome.notes),
        "trouble": outcome.trouble,
    }


def status(one: Contender, comparison: Comparison, advice: Advice) -> str:
    """Return `taken`, `as good` as the best (shown to be not worse by the margin), `worse` beyond chance, `unclear` where neither
    is shown, `out` for a limit, or `same` for the weights of another of the models."""
    if one.letter in comparison.twins:
        return "same"
    if advice.taken is one:
        return "taken"
    if advice.broken[one.letter]:
        return "out"
    if one.letter in advice.peers:
        return "as good"
    return "worse" if one.letter in advice.beaten else "unclear"


def _pair_json(pair: Pair, label: Mapping[str, str]) -> dict[str, Any]:
    """Return one entry of `pairs`: `delta` is the second model's value less the first's."""
    result = pair.result
    return {
        "dataset": result.name,
        "first": label[pair.first],
        "second": label[pair.second],
        "delta": result.delta,
        "ci95": list(result.ci95),
        "p_value": result.p_value,
        "p_holm": pair.p_holm,
        "better": None if pair.better is None else label[pair.better],
    }


def as_csv(report: Mapping[str, Any]) -> str:
    """Return a line a model, then a line for BM25 and for each model with it, of the content of compare.json."""
    lines = [*rows_of(report, _cell), *(_reference_row(one, report) for one in report.get("references", ()))]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def rows_of(report: Mapping[str, Any], cell: Callable[[str], str] = str) -> list[dict[str, Any]]:
    """Return a row a model with its figures by column, of the content of compare.json.

    Args:
        report: that content.
        cell: what becomes of names that users gave.
    """
    return [_row(model, cell) for model in report["models"]]


def _reference_row(one: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    metrics = {found["name"]: found["metric"] for found in report["datasets"]}
    line = {"model": _cell(one["name"]), "status": "reference", "quality": one["quality"]}
    line |= {"quality_low": one["quality_ci95"][0], "quality_high": one["quality_ci95"][1]}
    return line | {_cell(f"{name} {metrics[name]}"): value for name, value in one["datasets"].items()}


def _row(model: Mapping[str, Any], cell: Callable[[str], str]) -> dict[str, Any]:
    speed, facts, price = model["speed"] or {}, model["facts"], model["price"]
    line = {"model": cell(model["label"]), "status": model["status"], "quality": model["quality"]}
    line |= {"quality_low": model["quality_ci95"][0], "quality_high": model["quality_ci95"][1]}
    for found in model["datasets"]:
        line[cell(f"{found['name']} {found['metric']}")] = found["value"]
    kept = ("load_seconds", "latency_p50_ms", "latency_p95_ms", "texts_per_second", "tokens_per_second", "best_batch")
    line |= {key: speed.get(key) for key in (*kept, "memory_mb", "tokens_per_text", "truncated", "device", "measured_at")}
    line |= {"dimensions": model["contract"]["dimensions"], "bytes_per_vector": model["bytes_per_vector"]}
    line |= {f"index_bytes_{precision}": size for precision, size in model["index_bytes"].items()}
    line |= {"max_tokens": model["contract"]["max_tokens"], "parameters": facts["parameters"], "licence": facts["licence"]}
    line |= {"languages": " ".join(facts["languages"] or ()), "open": facts["open"], "api": model["api"]}
    line |= {"usd_per_million_tokens": price["usd_per_million"], "usd_data": price["usd_data"]}
    line["breaks"] = " ".join(breach["limit"] for breach in model["breaks"])
    return line


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write_per_query(path: Path, tasks: Mapping[str, Task], comparison: Comparison) -> None:
    """Write one row a model, query or scored pair, and metric: `dataset, item, metric, model, value, gold`. Items are ids, never
    texts.

    For scored pairs the metric is `cosine` and `gold` the gold score; for queries `gold` is null.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("dataset", "item", "metric", "model")
    schema = pa.schema(dict.fromkeys(names, pa.string()) | dict.fromkeys(("value", "gold"), pa.float64()))
    with pq.ParquetWriter(path, schema) as writer:
        for name, task in tasks.items():
            items = list(task.query_ids) if isinstance(task, RetrievalTask) else [str(i) for i in range(len(task))]
            gold = None if isinstance(task, RetrievalTask) else [float(score) for score in task.scores]
            for one in comparison.contenders:
                scores = one.outcome.scores[name]
                found = scores.per_query if scores.similarities is None else {"cosine": scores.similarities}
                for metric, values in found.items():
                    count = len(items)
                    columns: list[Any] = [[name] * count, items, [metric] * count, [one.label] * count]
                    columns += [[float(value) for value in values], gold or [None] * count]
                    writer.write_table(pa.table(columns, schema=schema))
