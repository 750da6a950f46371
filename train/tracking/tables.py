"""A run's result as dashboards like it: flat summary values, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TableData = tuple[list[str], list[list[Any]]]
"""Column names, and rows of as many values."""

SHOWN = ("kind", "split", "metric", "n", "base", "tuned", "delta", "ci_low", "ci_high", "p_value", "verdict")
"""Values of a data set's result, in the order of the table's columns."""


def training_figures(figures: Mapping[str, float]) -> dict[str, float]:
    """Name the figures of training, see `train.fit.callbacks`, as dashboards show them: `train/<name>`."""
    return {f"train/{name}": value for name, value in figures.items()}


def dev_figures(line: Mapping[str, Any], base: Mapping[str, float]) -> dict[str, float]:
    """Pick the figures of a checkpoint out of its line of scores.jsonl, each beside the base's; none where nothing was scored.

    `dev/mean`, `dev/<data set>`, and the same under `dev_base`.
    """
    if not line["datasets"]:
        return {}
    figures = {"dev/mean": line["dev"], "dev_base/mean": sum(base.values()) / len(base)}
    for name, value in line["datasets"].items():
        figures |= {f"dev/{name}": value, f"dev_base/{name}": base[name]}
    return figures


def summary_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Pick flat values out of the content of report.json.

    `verdict`, `primary`, `best_step`, `test/<data set>/<value>`, `cost/<value>`, and where it was done
    `cross_validation/<data set>/<value>`.
    """
    values = {name: report[name] for name in ("verdict", "primary", "best_step")}
    for result in report["datasets"]:
        values |= {f"test/{result['name']}/{name}": value for name, value in _flat(result).items()}
        if (crossed := result.get("cross_validation")) is not None:
            names = ("folds", *(name for name in SHOWN if name not in ("kind", "split", "metric")))
            values |= {f"cross_validation/{result['name']}/{name}": value for name, value in _flat(crossed, names).items()}
    return values | {f"cost/{name}": value for name, value in report["cost"].items()}


def result_columns() -> list[str]:
    """Return the columns of the table of results."""
    return ["dataset", *SHOWN]


def result_rows(report: Mapping[str, Any]) -> list[list[Any]]:
    """Return one row a data set, for `result_columns`."""
    return [[result["name"], *_flat(result).values()] for result in report["datasets"]]


def _flat(result: Mapping[str, Any], names: Sequence[str] = SHOWN) -> dict[str, Any]:
    low, high = result["ci95"]
    values = {**result, "ci_low": low, "ci_high": high}
    return {name: values[name] for name in names}


def example_tables(examples: Sequence[Mapping[str, Any]]) -> dict[str, TableData]:
    """Make tables of the queries and of the pairs that changed most, with their texts; what is not there has no table.

    Args:
        examples: as `train.report.examples.pick_examples` makes them.
    """
    queries = ["dataset", "kind", "query", "base", "tuned", "delta", "base_first", "tuned_first"]
    pairs = ["dataset", "kind", "sentence1", "sentence2", "gold", "base_similarity", "tuned_similarity"]
    found: dict[str, TableData] = {"examples/queries": (queries, []), "examples/pairs": (pairs, [])}
    for example in examples:
        if "query" in example:
            firsts = {f"{side}_first": _first(example[f"{side}_ranking"]) for side in ("base", "tuned")}
            found["examples/queries"][1].append([{**example, **firsts}[name] for name in queries])
        else:
            found["examples/pairs"][1].append([example[name] for name in pairs])
    return {name: table for name, table in found.items() if table[1]}


def _first(ranking: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the text of the document that was found first."""
    return ranking[0]["text"] if ranking else None
