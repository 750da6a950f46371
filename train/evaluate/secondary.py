"""Every metric of both models with the 95% interval of its change; the same items are drawn for all of them.

The intervals are those of the primary metric (see `statistics`): a paired bootstrap of items, or of groups of them. They are not
corrected for being several, and no verdict rests on them.

Shapes: n items, M metrics, B resamples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.evaluate.correlations import pearson_change
from train.evaluate.results import MetricPair
from train.evaluate.score import Scores
from train.evaluate.statistics import RESAMPLES, count_units, draw_counts, percentile_interval
from train.evaluate.tasks import RetrievalTask, Task


def metric_pairs(
    task: Task, base: Scores, tuned: Scores, primary: tuple[float, tuple[float, float]], *, seed: int, resamples: int = RESAMPLES
) -> dict[str, MetricPair]:
    """Return every metric of both models, with its change and the interval of that.

    Args:
        task: that both were scored on.
        base, tuned: their scores.
        primary: change of the primary metric and its interval, which were computed for the verdict.
        seed, resamples: of the resampling.
    """
    changes = {task.primary: primary}
    if isinstance(task, RetrievalTask):
        others = [name for name in base.per_query if name != task.primary]
        differences = {name: tuned.per_query[name] - base.per_query[name] for name in others}
        changes |= mean_changes(differences, seed=seed, resamples=resamples, groups=task.groups)
    elif base.similarities is not None and tuned.similarities is not None:
        both = (base.similarities, tuned.similarities)
        changes["pearson"] = pearson_change(task.scores, *both, seed=seed, resamples=resamples, groups=task.groups)
    out = {}
    for name, value in base.values.items():
        delta, ci95 = changes.get(name, (None, None))
        out[name] = MetricPair(base=value, tuned=tuned.values[name], delta=delta, ci95=ci95)
    return out


def mean_changes(
    differences: Mapping[str, np.ndarray], *, seed: int, resamples: int = RESAMPLES, groups: np.ndarray | None = None
) -> dict[str, tuple[float, tuple[float, float]]]:
    """Return the mean of each metric's differences, and its 95% interval.

    Args:
        differences: [n] tuned - base of each query, by metric.
        seed, resamples: of the resampling.
        groups: [n], see `statistics.compare_means`.

    Returns:
        By metric. Where all differ by the same, the rule of three stands in for the resampling, as in `compare_means`.
    """
    if not differences:
        return {}
    values = np.stack(list(differences.values()), axis=1)
    units = count_units(len(values), groups)
    drawn = draw_counts(len(values), resamples, np.random.default_rng(seed), groups)
    replicates = np.concatenate([counts @ values / counts.sum(axis=1, keepdims=True) for counts in drawn])
    out: dict[str, tuple[float, tuple[float, float]]] = {}
    for name, column, found in zip(differences, values.T, replicates.T, strict=True):
        delta = float(column.mean())
        if not column.any():
            ci95 = (0.0, 0.0)
        elif np.ptp(column) == 0:
            others = min(1.0, 3 / units)
            ci95 = ((1 - others) * delta - others, (1 - others) * delta + others)
        else:
            ci95 = percentile_interval(delta, found, units, bound=1.0)
        out[name] = (delta, ci95)
    return out
