"""Read what a finished run (or a finished `embed-tune evaluate --output`) left: report, settings, values of every query.

No torch and no pandas here: `embed-tune diff` answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from pydantic import JsonValue

from data.errors import reason
from train.config.load import load_config
from train.errors import ConfigError
from train.evaluate.results import DatasetResult
from train.evaluate.statistics import group_numbers
from train.evaluate.units import Units
from train.runs.find import RUNS, find_finished
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_environment, read_report
from train.runs.records import EnvironmentRecord, RunReport

COLUMNS = ("dataset", "item", "metric", "base", "tuned")
"""What every per_query.parquet has."""

SIMILARITIES = ("relevant", "wrong", "rank")
"""Of a query's best documents, see `train.evaluate.similarities.Closest`; each is a column for the base and one for tuned."""

CLOSEST = tuple(f"{name}_{side}" for name in SIMILARITIES for side in ("base", "tuned"))
"""The columns that say how near the right document of a query is; older files have none of them."""


@dataclass(frozen=True)
class Values:
    """Both models' values of each query or scored pair of one data set, in one metric.

    Attributes:
        items: n distinct ids.
        base: n values of the base.
        tuned: n values of the tuned model.
        gold: n gold scores; None for queries, and in files of versions that did not record them.
        group: n numbers of groups; None where items are alone, and in files of versions that knew no groups.
        shared: n lists of ids of texts that other items may share; empty in files of versions that knew none.
        other_base: n values of the base under the contract that did not decide; None where there was one.
        taught: n times whether training rows had a relevant document of the query; None where that is not known.
        closest: n values by column of `CLOSEST`, see `write_per_query`; None where not known, as in files of older versions.
    """

    items: list[str]
    base: list[float]
    tuned: list[float]
    gold: list[float | None]
    group: list[int | None]
    taught: list[bool | None] = field(default_factory=list)
    shared: list[list[str]] = field(default_factory=list)
    other_base: list[float | None] = field(default_factory=list)
    closest: dict[str, list[float | None]] = field(default_factory=lambda: {name: [] for name in CLOSEST})

    def units(self, kind: str) -> Units:
        """Return which items belong together."""
        return Units.of(self.shared, self.groups, kind)

    @property
    def groups(self) -> np.ndarray | None:
        """[n] number of each item's group, if any has one."""
        return group_numbers(["" if one is None else str(one) for one in self.group])

    @property
    def has_gold(self) -> bool:
        """Tell whether every item has a gold score."""
        return bool(self.gold) and None not in self.gold


@dataclass(frozen=True)
class FinishedRun:
    """A finished run as its files tell it.

    Attributes:
        folder: where it lies.
        report: verdict and figures.
        config: settings by dotted key; None where there is no config.yaml.
        environment: surroundings of the run; None where there is no environment.json.
    """

    folder: Path
    report: RunReport
    config: Mapping[str, JsonValue] | None
    environment: EnvironmentRecord | None

    @cached_property
    def results(self) -> Mapping[str, DatasetResult]:
        """Tuned against base by data set."""
        return {result.name: result for result in self.report.datasets}

    @property
    def name(self) -> str:
        """The name of the judged model: the run's, or the model's in an evaluation of two models."""
        label = self.report.labels and self.report.labels.tuned
        return label or self.report.run or self.folder.resolve().name

    def values(self, dataset: str, metric: str) -> Values:
        """Return both models' values of a data set in a metric ("cosine" for scored pairs); without items if there are none.

        Raises:
            BrokenRecord: the file is missing or broken.
        """
        return self._values.get((dataset, metric), Values([], [], [], [], []))

    @cached_property
    def _values(self) -> dict[tuple[str, str], Values]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = RunFolder(self.folder).per_query
        if not path.is_file():
            raise BrokenRecord(
                path,
                "is missing, so queries cannot be compared",
                hint="copy the whole run folder, or judge its model again",
            )
        try:
            table = pq.ParquetFile(path).read()
        except (OSError, pa.ArrowException) as error:
            raise BrokenRecord(path, f"cannot be read ({reason(error)})") from None
        if lacking := [name for name in COLUMNS if name not in table.column_names]:
            raise BrokenRecord(path, f"is broken (it has no column {lacking[0]})")
        # plain lists: pyarrow's own filters import pandas
        columns = [table[name].to_pylist() for name in COLUMNS]
        gold, group, taught, shared, other, *near = (
            table[name].to_pylist() if name in table.column_names else [None] * len(table)
            for name in ("gold", "group", "taught", "shared", "other_base", *CLOSEST)
        )
        out: dict[tuple[str, str], Values] = {}
        rows = zip(*columns, gold, group, taught, shared, other, zip(*near, strict=True), strict=True)
        for dataset, item, metric, base, tuned, score, one, known, texts, aside, closest in rows:
            found = out.setdefault((dataset, metric), Values([], [], [], [], []))
            found.items.append(item)
            found.base.append(base)
            found.tuned.append(tuned)
            found.gold.append(score)
            found.group.append(one)
            found.taught.append(known)
            found.shared.append(texts or [])
            found.other_base.append(aside)
            for name, value in zip(CLOSEST, closest, strict=True):
                found.closest[name].append(value)
        return out


def read_finished(name: str | Path, output_dir: str | Path = RUNS) -> FinishedRun:
    """Read a finished run.

    Args:
        name: its folder, or its bare name.
        output_dir: where bare names are looked for.

    Raises:
        RunError: there is no such run, it is not finished, or a file of it is broken.
    """
    run = RunFolder(find_finished(name, output_dir))
    return FinishedRun(
        folder=run.path,
        report=read_report(run.path),
        config=_settings(run.config) if run.config.is_file() else None,
        environment=read_environment(run.path) if run.environment.is_file() else None,
    )


def flatten(tree: JsonValue, prefix: str = "") -> dict[str, JsonValue]:
    """Return the leaves of nested mappings and lists by dotted key, of which empty ones are leaves.

    >>> flatten({"a": {"b": [1]}})
    {'a.b.0': 1}
    """
    branches = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    out: dict[str, JsonValue] = {}
    for key, value in branches:
        out |= flatten(value, f"{prefix}{key}.")
    return out or {prefix.removesuffix("."): tree}


def _settings(path: Path) -> dict[str, JsonValue]:
    """Return the settings of a run. A config that this version understands is completed, so that a setting added later is no
    difference."""
    try:
        return flatten(load_config(path).model_dump(mode="json"))
    except ConfigError:
        return flatten(_read_yaml(path))


def _read_yaml(path: Path) -> dict[str, JsonValue]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BrokenRecord(path, f"cannot be read ({reason(error)})") from None
    if not isinstance(found, dict):
        raise BrokenRecord(path, "is broken (it does not hold a mapping)")
    return found
