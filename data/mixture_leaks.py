"""Leaks between the data sets of one run: rows that one trains on and another judges.

Each data set is free of leaks in itself when it comes here (see `leaks`). Between two only equal texts are looked for, not near
ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.arrow import take_rows
from data.findings import Done, Finding
from data.leaks import leaks_between
from data.schema import DataError, PreparedDataset, RowKind


def remove_leaks_between_sets(
    sets: Mapping[str, PreparedDataset],
    trained: Callable[[str], bool],
    drop: bool,
    cache: Path,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, PreparedDataset]:
    """The same data sets, their train without rows that another's dev or test has, too; what was found is told.

    The pair counts, whichever text comes first, and between data sets of queries the query.

    Args:
        sets: by name, with `hashes`.
        trained: whether a data set is trained on.
        drop: take the rows out of train; otherwise they are only counted.
        cache: folder for tables without such rows.
        say: gets a line a data set that has some.

    Raises:
        DataError: nothing would be left of a train.
    """
    return {
        name: _cleaned(one, {other: two for other, two in sets.items() if other != name}, drop, cache, say)
        if trained(name) and "train" in one.splits
        else one
        for name, one in sets.items()
    }


def _cleaned(
    data: PreparedDataset, others: Mapping[str, PreparedDataset], drop: bool, cache: Path, say: Callable[[str], None]
) -> PreparedDataset:
    hashes = data.hashes or {}
    train, found, leaking = hashes["train"], [], np.zeros(len(hashes["train"]), dtype=bool)
    for other, judged in others.items():
        scored = RowKind.SCORED in (data.kind, judged.kind)
        for of in ("test", "dev"):
            if judged.hashes is None or of not in judged.hashes:
                continue
            for leak in leaks_between("train", train, of, judged.hashes[of], RowKind.SCORED if scored else RowKind.PAIR):
                leaking[leak.rows] = True
                names = _names(data, judged, of)
                finding = leak.finding(names, Done.DROPPED if drop else Done.KEPT)
                found.append(replace(finding, what=f"{finding.what} of {other}"))
    if not found:
        return data
    what = f"{leaking.sum():,} of {len(train):,} rows of train are in what other data sets judge"
    note = f"{what} ({_listed(found)}): " + ("taken out (data.leaks=keep keeps them)" if drop else "kept, by data.leaks=keep")
    say(f"{data.name}: {note}")
    told = replace(data, notes=[*data.notes, note], leaks=[*(data.leaks or ()), *found])
    return _without(told, np.flatnonzero(~leaking), cache) if drop else told


def _without(data: PreparedDataset, keep: np.ndarray, cache: Path) -> PreparedDataset:
    """The data set with these rows of train alone."""
    if not len(keep):
        raise DataError(
            "every row of train is in dev or test of another data set of this run",
            where=data.location,
            mend="train on other rows, or leave that data set out; data.leaks=keep trains on what is judged all the same",
        )
    digest = hashlib.sha256(data.fingerprint.encode() + keep.tobytes()).hexdigest()
    hashes, splits = dict(data.hashes or {}), dict(data.splits)
    removed = len(splits["train"]) - len(keep)
    splits["train"] = take_rows(splits["train"], keep, cache / "mixtures" / f"{data.name}-{digest[:12]}.arrow", digest)
    hashes["train"] = hashes["train"].take(keep)
    counts = {**data.counts, "rows_train": len(keep), "leaks_removed": data.counts.get("leaks_removed", 0) + removed}
    if data.kind is not RowKind.SCORED:
        counts["queries_train"] = len(np.unique(hashes["train"].first))
    return replace(data, splits=splits, hashes=hashes, counts=counts)


def _names(data: PreparedDataset, judged: PreparedDataset, of: str) -> Callable[[str, int], str]:
    """Row ids: of train in the one data set, of what is judged in the other."""
    tables = {"train": data.splits["train"], of: judged.splits[of]}
    return lambda split, row: str(tables[split][row]["row"])


def _listed(found: list[Finding]) -> str:
    return "; ".join(f"{finding.what.removeprefix('rows of train ')}: {finding.count:,}" for finding in found)
