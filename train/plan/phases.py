"""What a run will do, phase by phase, and how much of it: what its remaining time is reckoned from."""

from __future__ import annotations

from collections.abc import Iterable

from datasets import Dataset

from data.prepared import PreparedDataset
from data.schema import text_columns
from train.config.choices import Interpolation, References
from train.config.schema import DEFAULT_MODEL
from train.encode.pace import LONGEST
from train.encode.weights.locate import full_name
from train.plan.folds import folds_wanted
from train.plan.panel import CHARACTERS, panel_wanted
from train.plan.plan import Plan
from train.runs.phases import Phase

SAMPLE = 2000
"""Rows by which the length of the texts of all rows is reckoned."""

DEV_SHARE = 0.05
"""Share of training that judging on dev takes about; a tenth is the most that it may (see `selection.judged`)."""

SHARES_TRIED = 4
"""Weights between base and checkpoint that are judged on dev."""

PANEL_PARTS = 3
SECONDS = {"comparing": 1.0, "report": 1.0, "base": 0.5, "test": 0.5}
"""Seconds of a phase beside encoding, on small data."""


def phases_of(plan: Plan, *, inner: bool) -> list[Phase]:
    """Return the phases of a run after its data are read.

    Args:
        plan: of the run.
        inner: the run is part of another one.
    """
    training, recipe = plan.config.training, plan.recipe
    test = sum(map(judged_characters, plan.datasets.values()))
    step = _step_characters(plan)
    checkpoints = len(recipe.evaluation_steps)
    dev = 3 * step * recipe.max_steps * DEV_SHARE / checkpoints if _has_dev(plan.datasets.values()) else 0.0
    tried = SHARES_TRIED if training.interpolation == Interpolation.AUTO and dev else 0
    found = [
        Phase("base", characters=test + dev, seconds=SECONDS["base"]),
        Phase("training", recipe.max_steps, characters=step),
        Phase("dev", checkpoints, characters=dev),
        Phase("choice", characters=tried * dev, seconds=0.1),
        Phase("test", characters=test, seconds=SECONDS["test"]),
        Phase("comparing", seconds=SECONDS["comparing"]),
        Phase("report", seconds=SECONDS["report"]),
    ]
    if inner:
        return found
    again = {"training": 1.0, "dev": 1.0, "choice": 1.0, "test": 1.0, "comparing": 1.0}
    if training.seeds > 1:
        found.append(Phase("seeds", training.seeds - 1, like=again))
    if folds := folds_wanted(plan.config, plan.datasets)[0]:
        found.append(Phase("folds", folds, like=again))
    if panel_wanted(plan):
        parts = PANEL_PARTS + len(plan.config.panel)
        found += [Phase("base_panel", characters=parts * CHARACTERS), Phase("panel", characters=parts * CHARACTERS / 2)]
    if plan.config.evaluation.references != References.OFF and any(one.corpus is not None for one in plan.datasets.values()):
        other = full_name(plan.config.model.name) != DEFAULT_MODEL  # which is judged beside another base
        found.append(Phase("references", characters=test if other else 0.0, seconds=1.0))
    return found


def judged_characters(prepared: PreparedDataset) -> float:
    """Return how many characters judging one model on test encodes."""
    rows = prepared.splits.get("test")
    if rows is None:
        return 0.0
    if prepared.corpus is None:
        return _characters(rows, text_columns(rows.column_names)) * len(rows)
    documents = _characters(prepared.corpus, ["text"]) * len(prepared.corpus)
    queries = prepared.counts.get("queries_test", len(rows))
    return documents + queries * _characters(rows, [name for name in ("anchor",) if name in rows.column_names])


def _step_characters(plan: Plan) -> float:
    """Return how many characters an optimiser step reads, in the mean."""
    an_epoch = 0.0
    for name, one in plan.sets.items():
        a_row = _characters(one.table, text_columns(one.table.column_names))
        size = min(plan.recipe.batch_sizes[name], len(one.table))
        an_epoch += a_row * size * plan.recipe.batches_per_epoch[name]
    batches = sum(plan.recipe.batches_per_epoch.values())
    return an_epoch / max(batches, 1) * plan.config.training.gradient_accumulation


def _characters(table: Dataset, columns: list[str]) -> float:
    """Return the characters of a row in some columns, in the mean."""
    sample = table.select(range(min(len(table), SAMPLE)))
    if not len(sample):
        return 0.0
    texts = (text for column in columns for text in sample[column])
    return sum(min(len(text), LONGEST) for text in texts) / len(sample)


def _has_dev(datasets: Iterable[PreparedDataset]) -> bool:
    return any("dev" in one.splits for one in datasets)
