"""`per_query.parquet`: the value of every query and scored pair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.storage import atomic_path
from train.evaluate.score import Scores
from train.evaluate.shared_texts import shared_texts
from train.evaluate.tasks import RetrievalTask, Task
from train.runs.finished import CLOSEST, SIMILARITIES

Judged = Mapping[str, tuple[Task, Scores]]


def write_per_query(path: Path, base: Judged, tuned: Judged, other: Judged | None = None) -> None:
    """Write one row a query or scored pair and metric: `dataset, item, metric, base, tuned, gold, group, taught, shared`. Items
    are ids, never texts.

    For scored pairs the metric is `cosine` and `gold` the gold score, from which Spearman follows; for queries `gold` is null.
    `group` is a number within the data set, null where nobody said which items belong together. `taught` tells whether training
    rows had a relevant document of the query, null where that is not known. `shared` holds ids (64 bits of SHA-256) of the texts
    that other items may share: those that do are resampled together. `other_base` is the base's value under the contract that did
    not decide (see `DatasetResult.contracts`), null where there is one contract.

    Of each query, `relevant_base` and `relevant_tuned` are the similarity of its best relevant document, `wrong_base` and
    `wrong_tuned` that of the best other one, and `rank_base` and `rank_tuned` the rank of the best relevant one among all
    documents, from 1; null for scored pairs, whose similarities are `base` and `tuned`, and where it is not known. All metrics of
    a query repeat them.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = dict.fromkeys(("base", "tuned", "gold"), pa.float64())
    added = {"group": pa.int64(), "taught": pa.bool_(), "shared": pa.list_(pa.string()), "other_base": pa.float64()}
    closest = {name: pa.int64() if name.startswith("rank") else pa.float64() for name in CLOSEST}
    schema = pa.schema(dict.fromkeys(("dataset", "item", "metric"), pa.string()) | numbers | added | closest)
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for name, (task, scores) in tuned.items():
        before = base[name][1]
        gold: list[Any] = [None] * len(task)
        groups = gold if task.groups is None else task.groups.tolist()
        taught, shared = gold, shared_texts(task)
        if isinstance(task, RetrievalTask):
            taught = gold if task.taught is None else task.taught.tolist()
            found = {metric: (before.per_query[metric], values) for metric, values in scores.per_query.items()}
            items = list(task.query_ids)
        elif before.similarities is not None and scores.similarities is not None:
            found = {"cosine": (before.similarities, scores.similarities)}
            items = [str(i) for i in range(len(task))]
            gold = [float(score) for score in task.scores]
        near = {"base": _closest(before, len(task)), "tuned": _closest(scores, len(task))}
        left = None if other is None or name not in other else other[name][1]
        for metric, (old, new) in found.items():
            aside = None if left is None else left.similarities if metric == "cosine" else left.per_query[metric]
            columns["other_base"] += [None] * len(items) if aside is None else [float(v) for v in aside]
            columns["dataset"] += [name] * len(items)
            columns["item"] += items
            columns["metric"] += [metric] * len(items)
            columns["base"] += [float(v) for v in old]
            columns["tuned"] += [float(v) for v in new]
            columns["gold"] += gold
            columns["group"] += groups
            columns["taught"] += taught
            columns["shared"] += shared
            for side, values in near.items():
                for one in SIMILARITIES:
                    columns[f"{one}_{side}"] += values[one]
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, schema=schema), temporary)


def _closest(scores: Scores, count: int) -> dict[str, list[Any]]:
    """Return what is known of the best documents of each query, by `SIMILARITIES`."""
    if scores.closest is None:
        return {name: [None] * count for name in SIMILARITIES}
    found = {name: getattr(scores.closest, name).tolist() for name in SIMILARITIES}
    return {name: [None if math.isnan(value) else value for value in values] for name, values in found.items()}
