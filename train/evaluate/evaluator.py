"""Encode a task with a model, score it, and compare two models on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from data.prepared import PreparedDataset
from train.config.schema import MARGIN
from train.encode.contract import Role
from train.encode.protocol import TextEncoder
from train.evaluate.correlations import compare_spearman, measure_correlations
from train.evaluate.results import DatasetResult
from train.evaluate.score import Scores, score
from train.evaluate.secondary import metric_pairs
from train.evaluate.shared_texts import units_of
from train.evaluate.slicing import slices_of, with_taught
from train.evaluate.statistics import RESAMPLES, Comparison, Measured, compare_means, measure_means
from train.evaluate.tasks import RetrievalTask, Similarity, Task, build_task, task_sha256
from train.evaluate.units import PART, by_wider, count_of, decided
from train.evaluate.verdict import clearly_negative


def score_model(task: Task, encode: TextEncoder, similarity: Similarity | None = None) -> Scores:
    """Encode every distinct text of the task once and score the vectors. Errors are those of `tasks.score`.

    Args:
        task: what is judged.
        encode: the model.
        similarity: how vectors are compared; by default as the model does. Scored pairs are always compared by cosine.
    """
    how = encode.similarity if similarity is None else similarity
    if isinstance(task, RetrievalTask):
        queries = encode.encode(task.distinct_queries.texts, Role.QUERY)
        documents = encode.encode(task.distinct_documents.texts, Role.DOCUMENT)
        return score(task, queries, documents.to(queries.device), how)
    vectors = encode.encode(task.distinct.texts, Role.SYMMETRIC)
    rows = task.distinct.rows
    return score(task, vectors[rows[: len(task)]], vectors[rows[len(task) :]])


def compare(
    task: Task, base: Scores, tuned: Scores, seed: int = 0, resamples: int = RESAMPLES, margin: float = MARGIN
) -> DatasetResult:
    """Judge tuned against base on a task that both were scored on.

    Args:
        task: the task.
        base: the base's scores on it.
        tuned: the tuned model's.
        seed: of the resampling.
        resamples: of the bootstrap and of the randomisation test.
        margin: loss up to which the tuned model counts as not worse.

    Raises:
        ValueError: the scores are not of this task.
    """
    metric, units = task.primary, units_of(task)
    if isinstance(task, RetrievalTask):
        values = base.per_query[metric], tuned.per_query[metric]
        test: Callable[..., Comparison] = partial(compare_means, *values, seed=seed, resamples=resamples)
    elif base.similarities is not None and tuned.similarities is not None:
        values = base.similarities, tuned.similarities
        test = partial(compare_spearman, task.scores, *values, seed=seed, resamples=resamples)
    else:
        raise ValueError(f"{task.name} is a task of scored pairs, but the scores hold no similarities")
    if len(values[1]) != len(task):
        raise ValueError(f"scores of {len(values[1])} queries or pairs do not fit the {len(task)} of {task.name}")
    found = by_wider(units, lambda groups: test(groups=groups))
    if found.unit == "text":  # what else is told of these items follows suit
        task = replace(task, groups=decided(units, found))
    return DatasetResult.of(
        found,
        name=task.name,
        kind=task.kind.value,
        split=task.split,
        metric=metric,
        metrics=metric_pairs(task, base, tuned, (found.delta, found.ci95), seed=seed, resamples=resamples),
        test_sha256=task_sha256(task),
        against_scores=ranks_against_scores(task, primary_value(base)),
        slices=slices_of(task, base, tuned, seed=seed, resamples=resamples),
        margin=margin,
    )


def ranks_against_scores(task: Task, value: float) -> bool:
    """Tell whether a model with this value ranks pairs clearly against their scores, and nobody said which way these run."""
    return not isinstance(task, RetrievalTask) and not task.range_given and contradicts_scores(task, value)


def contradicts_scores(task: Task, value: float) -> bool:
    """Tell whether a model with this value of the primary metric ranks pairs clearly against their scores, whatever was said."""
    if isinstance(task, RetrievalTask):
        return False
    independent = len(task) if task.groups is None else int(task.groups.max()) + 1
    return clearly_negative(value, independent)


@dataclass(frozen=True)
class ModelResult:
    """One model on one data set, compared with nothing.

    Attributes:
        name: the data set.
        kind: of its rows.
        split: what was judged: train, dev, test, or all.
        metric: the primary one.
        n: queries or scored pairs.
        groups: that these form, where rows name their group or share texts; then groups were resampled.
        metrics: every metric with its 95% interval, the primary one first.
        test_sha256: see `task_sha256`.
    """

    name: str
    kind: str
    split: str
    metric: str
    n: int
    groups: int | None
    metrics: dict[str, Measured]
    test_sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields, with `value` and `ci95` of the primary metric beside them."""
        primary = self.metrics[self.metric]
        return {
            "name": self.name,
            "kind": self.kind,
            "split": self.split,
            "metric": self.metric,
            "n": self.n,
            "groups": self.groups,
            "value": primary.value,
            "ci95": list(primary.ci95),
            "metrics": {name: {"value": found.value, "ci95": list(found.ci95)} for name, found in self.metrics.items()},
            "test_sha256": self.test_sha256,
        }


def measure(task: Task, scores: Scores, seed: int = 0, resamples: int = RESAMPLES) -> ModelResult:
    """Measure one model on a task: every metric with its interval.

    Args:
        task: the task.
        scores: the model's scores on it.
        seed: of the resampling.
        resamples: of the bootstrap.
    """
    if not isinstance(task, RetrievalTask) and scores.similarities is None:
        raise ValueError(f"{task.name} is a task of scored pairs, but the scores hold no similarities")
    units = units_of(task)
    groups, metrics = units.groups, _measured(task, scores, seed, resamples, units.groups)
    if units.texts is not None and units.resampled_apart is None:
        together = _measured(task, scores, seed, resamples, units.texts)
        if _width(together[task.primary]) >= PART * _width(metrics[task.primary]):
            groups, metrics = units.texts, together
    told = (task.name, task.kind.value, task.split, task.primary, len(task), count_of(groups))
    return ModelResult(*told, metrics, task_sha256(task))


def _measured(task: Task, scores: Scores, seed: int, resamples: int, groups: np.ndarray | None) -> dict[str, Measured]:
    if isinstance(task, RetrievalTask):
        values = np.stack(list(scores.per_query.values()), axis=1)
        measured = measure_means(values, seed=seed, resamples=resamples, groups=groups)
        return dict(zip(scores.per_query, measured, strict=True))
    assert scores.similarities is not None
    return measure_correlations(task.scores, scores.similarities, seed=seed, resamples=resamples, groups=groups)


def _width(found: Measured) -> float:
    return found.ci95[1] - found.ci95[0]


Encoders = TextEncoder | Mapping[str, TextEncoder]
"""One model for all data sets, or by data set name where they have prompts of their own."""


def encoder_for(name: str, encode: Encoders) -> TextEncoder:
    """Return the model as it reads the texts of a data set."""
    return encode[name] if isinstance(encode, Mapping) else encode


def primary_value(scores: Scores) -> float:
    """Return the value of the metric that the verdict is about."""
    return scores.values[scores.primary]


def judge_test(
    datasets: Mapping[str, PreparedDataset], encode: Encoders, taught: np.ndarray | None = None
) -> dict[str, tuple[Task, Scores]]:
    """Score a model on the test split of every data set that has one, over the full corpus.

    Args:
        datasets: by name.
        encode: the model.
        taught: hashes of the documents that training rows hold, see `slicing.taught_queries`.
    """
    out: dict[str, tuple[Task, Scores]] = {}
    for name, prepared in datasets.items():
        if "test" in prepared.splits and len(prepared.splits["test"]):
            task = with_taught(build_task(prepared, "test"), taught)
            out[name] = (task, score_model(task, encoder_for(name, encode)))
    return out
