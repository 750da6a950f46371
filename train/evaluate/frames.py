"""Results as pandas tables, one row a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from train.evaluate.results import DatasetResult

if TYPE_CHECKING:
    import pandas as pd

    from train.evaluate.evaluator import ModelResult


def paired_frame(results: Sequence[DatasetResult]) -> pd.DataFrame:
    """Return what a comparison of two models found: values, difference, its 95% interval and verdict of each data set, which
    heeds how many there are (`p_run`)."""
    import pandas as pd

    columns = ["name", "kind", "split", "metric", "n", "base", "tuned", "delta", "low", "high", "p_value", "verdict", "p_run"]
    rows = [(*(getattr(one, name) for name in columns[:8]), *one.ci95, one.p_value, one.settled, one.p_run) for one in results]
    return pd.DataFrame(rows, columns=columns)


def measured_frame(results: Sequence[ModelResult]) -> pd.DataFrame:
    """Return one model's primary metric on each data set, with its 95% interval."""
    import pandas as pd

    columns = ["name", "kind", "split", "metric", "n", "value", "low", "high"]
    primary = [(one, one.metrics[one.metric]) for one in results]
    rows = [(one.name, one.kind, one.split, one.metric, one.n, found.value, *found.ci95) for one, found in primary]
    return pd.DataFrame(rows, columns=columns)
