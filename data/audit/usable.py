"""Whether the rows of a data set allow training and judging at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from data.audit.suspicions import MEANT, suspicions
from data.errors import DataError
from data.findings import RULES, Severity
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.splits.varied import least_rows


def refuse_untrainable(prepared: PreparedDataset) -> None:
    """Find out whether there are rows to train on.

    Raises:
        DataError: there are fewer than two.
    """
    rows = len(prepared.splits["train"]) if "train" in prepared.splits else 0
    if rows >= 2:
        return
    others = ", ".join(f"{split} {len(table):,}" for split, table in prepared.splits.items() if split != "train")
    raise DataError(
        f"{prepared.name} has {'one training row, and two are needed' if rows else 'no training rows'} (it has {others})",
        where=prepared.location,
        hint=f"add rows to train on{_least(prepared)}; to judge a model on these alone, run"
        f" `embed-tune evaluate MODEL --data {prepared.location}`; beside other data sets set train: false for this one",
    )


LOOKED_AT = 2000
"""Rows of which the texts are looked at."""


def refuse_stand_ins(prepared: PreparedDataset) -> None:
    """Find out, where no audit will, whether texts are ids, names of files, or lists written as texts; by a sample of the rows.

    Raises:
        DataError: nearly all of a column are, and nobody said that they are meant so (`data.literal`).
    """
    if prepared.literal:
        return
    from datasets import Dataset

    name, table = next(iter(prepared.splits.items()))
    rows = np.unique(np.linspace(0, max(len(table) - 1, 0), min(LOOKED_AT, len(table))).astype(np.int64))
    sample = Dataset.from_dict(table[rows.tolist()])  # a table of its own: what reads batches knows no selection of rows
    for code, what, mask in suspicions(sample):
        if code in MEANT and RULES[code].severity is Severity.ERROR:
            row = sample[int(np.flatnonzero(mask)[0])]["row"]
            said = what.removesuffix("; rows")
            raise DataError(f"{name}: {said}, for instance in {row}", where=prepared.location, hint=RULES[code].hint)


def _least(prepared: PreparedDataset) -> str:
    """Say how many rows are needed."""
    if prepared.given_test or "train" not in prepared.splits:
        return " (a file named train beside it, say)"
    scored = prepared.kind is RowKind.SCORED
    return f": at least {least_rows(scored, len(prepared.splits) - 1)} {'pairs' if scored else 'queries'} are needed"


def refuse_unjudgeable(datasets: Mapping[str, PreparedDataset], trained: Collection[str]) -> None:
    """Find out before anything is written whether dev and test of scored pairs allow a correlation.

    Args:
        datasets: all data sets.
        trained: names of those that are trained on; only their dev split is used.

    Raises:
        DataError: a split has one pair only, or all its scores are equal.
    """
    for name, prepared in datasets.items():
        if prepared.kind is not RowKind.SCORED:
            continue
        for split in ("dev", "test") if name in trained else ("test",):
            table = prepared.splits.get(split)
            if table is not None and len(table) and len(table.data.column("score").unique()) < 2:
                raise DataError(
                    f"the {len(table)} pairs of the {split} split of {name} all have the same score: no comparison is possible",
                    where=prepared.location,
                    hint=_advice(prepared),
                )


def _advice(prepared: PreparedDataset) -> str:
    """Return what helps where a split of scored pairs holds one score only."""
    scores = np.concatenate([table.data.column("score").to_numpy() for table in prepared.splits.values()])
    values, counts = np.unique(scores, return_counts=True)
    others = len(scores) - int(counts.max())
    own = "give your own dev and test with different scores (files of these names, or a column `split`)"
    judged = sum(split != "train" for split in prepared.splits)
    if others >= judged:
        return own
    low, high = prepared.recognised.score_range or (0.0, 1.0)
    usual = low + (high - low) * float(values[counts.argmax()])
    lacking = judged - others
    more = f"{lacking} more pair{'s' * (lacking != 1)} with another score than {usual:g}, which all but {others:,} have"
    return f"add at least {more}; or {own}"
