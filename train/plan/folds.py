"""Whether a run is cross-validated, and in how many parts."""

from __future__ import annotations

from collections.abc import Mapping

from data.prepared import PreparedDataset
from data.schema import RowKind
from train.config.choices import CrossValidation
from train.config.schema import TrainSettings
from train.wording import things

FEW_LABELS = 300
"""Test queries or pairs below which a test set alone seldom settles anything: the interval of a change is then about ±0.03."""


LEAST_A_PART = 5
"""Scored pairs of a part: with fewer, all of them often have the same score."""

MANY_ROWS = 3000
"""Rows of train from which on nobody is made to wait for several more runs without having asked."""


def folds_wanted(config: TrainSettings, datasets: Mapping[str, PreparedDataset]) -> tuple[int, str | None]:
    """Return into how many parts the rows are dealt for cross-validation, 0 for none, and what the user should know about it."""
    settings = config.evaluation
    if settings.cross_validation == CrossValidation.OFF or config.data.split.folds is not None:
        return 0, None
    asked = settings.cross_validation == CrossValidation.ALWAYS
    if len(datasets) != 1:
        return 0, "cross-validation is only done for a single data set" if asked else None
    (prepared,) = datasets.values()
    if asked:
        return settings.folds, None
    folds = _parts(prepared, settings.folds)
    labels = prepared.counts.get("rows_test" if prepared.kind is RowKind.SCORED else "queries_test", 0)
    if labels >= FEW_LABELS or config.training.max_steps is not None:  # a run cut to so many steps is a trial
        return 0, None
    few = f"test has only {labels} {things(prepared.kind.value)}"
    if prepared.given_test or len(prepared.splits["train"]) >= MANY_ROWS:
        # rows that the user chose for test decide alone, unless asked
        judged = "rows of train" if prepared.given_test else f"{settings.folds} times as many or more"
        return 0, f"{few}; evaluation.cross_validation=always judges {judged}, in {settings.folds} more runs"
    return folds, f"{few}: cross-validation in {folds} parts follows the run"


def _parts(prepared: PreparedDataset, folds: int) -> int:
    """Return into how many parts the rows are dealt: fewer where scored pairs are so few that parts would hold no correlation."""
    rows = sum(map(len, prepared.splits.values()))
    return max(2, min(folds, rows // LEAST_A_PART if prepared.kind is RowKind.SCORED else rows))
