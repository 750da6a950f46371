"""Reads what a finished run (or a finished `embed-tune evaluate --output`) left: report, settings, values of every query.

No torch and no pandas here: `embed-tune diff` answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from data.errors import reason
from train.config.load import load_config
from train.errors import ConfigError, RunError
from train.evaluate.results import DatasetResult
from train.evaluate.statistics import group_numbers
from train.runs.find import find_run

COLUMNS = ("dataset", "item", "metric", "base", "tuned")
"""What every per_query.parquet has."""


@dataclass(frozen=True)
class Values:
    """Both models' values of each query or scored pair of one data set, in one metric.

    Attributes:
        items: n distinct ids.
        base: n values of the base.
        tuned: n values of the tuned model.
        gold: n gold scores; None for queries, and in files of versions that did not record them.
        group: n numbers of groups; None where items are alone, and in files of versions that knew no groups.
    """

    items: list[str]
    base: list[float]
    tuned: list[float]
    gold: list[float | None]
    group: list[int | None]

    @property
    def groups(self) -> np.ndarray | None:
        """[n] number of each item's group, if any has one."""
        return group_numbers(["" if one is None else str(one) for one in self.group])

    @property
    def has_gold(self) -> bool:
        """Whether every item has a gold score."""
        return bool(self.gold) and None not in self.gold


@dataclass(frozen=True)
class FinishedRun:
    """A finished run as its files tell it.

    Attributes:
        folder: where it lies.
        report: the content of report.json.
        results: tuned against base by data set.
        config: settings by dotted key; None where there is no config.yaml.
        environment: the content of environment.json; None where there is none.
    """

    folder: Path
    report: Mapping[str, Any]
    results: Mapping[str, DatasetResult]
    config: Mapping[str, Any] | None
    environment: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """What the judged model is called: the run's name, or the model's in an evaluation of two models."""
        labels = self.report.get("labels") or {}
        return str(labels.get("tuned") or self.report.get("run") or self.folder.resolve().name)

    def values(self, dataset: str, metric: str) -> Values:
        """Both models' values of a data set in a metric ("cosine" for scored pairs); without items if there are none.

        Raises:
            RunError: the file is missing or broken.
        """
        return self._values.get((dataset, metric), Values([], [], [], [], []))

    @cached_property
    def _values(self) -> dict[tuple[str, str], Values]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / "per_query.parquet"
        if not path.is_file():
            raise RunError(
                f"{self.folder} has no {path.name}, so its queries cannot be compared",
                hint="copy the whole run folder, or judge its model anew",
            )
        try:
            table = pq.ParquetFile(path).read()
        except (OSError, pa.ArrowException) as error:
            raise broken(path, reason(error)) from None
        if lacking := [name for name in COLUMNS if name not in table.column_names]:
            raise broken(path, f"it has no column {lacking[0]}")
        # plain lists: pyarrow's own filters import pandas
        columns = [table[name].to_pylist() for name in COLUMNS]
        gold, group = (
            table[name].to_pylist() if name in table.column_names else [None] * len(table) for name in ("gold", "group")
        )
        out: dict[tuple[str, str], Values] = {}
        for dataset, item, metric, base, tuned, score, one in zip(*columns, gold, group, strict=True):
            found = out.setdefault((dataset, metric), Values([], [], [], [], []))
            found.items.append(item)
            found.base.append(base)
            found.tuned.append(tuned)
            found.gold.append(score)
            found.group.append(one)
        return out


def read_finished(path: Path) -> FinishedRun:
    """Read a finished run; a bare name is looked for in checkpoints/.

    Raises:
        RunError: there is no such run, it is not finished, or a file of it is broken.
    """
    folder = find_run(path)
    report = _read(folder / "report.json", json.loads)
    try:
        results = {result.name: result for result in map(DatasetResult.model_validate, report["datasets"])}
    except (KeyError, TypeError, ValueError):
        raise broken(folder / "report.json", "it does not hold the results of a run") from None
    config, environment = (folder / name for name in ("config.yaml", "environment.json"))
    return FinishedRun(
        folder=folder,
        report=report,
        results=results,
        config=_settings(config) if config.is_file() else None,
        environment=_read(environment, json.loads) if environment.is_file() else None,
    )


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of nested mappings and lists by dotted key: `{"a": {"b": [1]}}` gives `{"a.b.0": 1}`; empty ones are leaves."""
    branches = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    out: dict[str, Any] = {}
    for key, value in branches:
        out |= flatten(value, f"{prefix}{key}.")
    return out or {prefix.removesuffix("."): tree}


def _settings(path: Path) -> dict[str, Any]:
    """Settings of a run. A config that this version understands is completed, so that a setting added later is no difference."""
    try:
        return flatten(load_config(path).model_dump(mode="json"))
    except ConfigError:
        return flatten(_read(path, yaml.safe_load))


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise broken(path, reason(error)) from None
    if not isinstance(found, dict):
        raise broken(path, "it does not hold a mapping")
    return found


def broken(path: Path, why: str) -> RunError:
    """The error for a file of a run that is not what it should be."""
    return RunError(f"{path} cannot be read ({why})", hint="copy the file anew, or judge anew with embed-tune evaluate")
