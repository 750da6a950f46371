"""Leaks between the data sets of one run: rows that one trains on and another judges.

Each data set is free of leaks in itself when it comes here (see `leaks`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.arrow import take_rows
from data.errors import DataError
from data.findings import Done, Finding
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.splits.leaks import LeakRules, leaks_between
from data.splits.near_duplicates import NEAR_VERSION, NearTexts, near_texts


def remove_leaks_between_sets(
    sets: Mapping[str, PreparedDataset],
    trained: Callable[[str], bool],
    rules: LeakRules,
    cache: Path,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, PreparedDataset]:
    """Return the same data sets, their train without rows that another's dev or test has, and report what was found.

    The pair counts, whichever text comes first, and between data sets of queries the query.

    Args:
        sets: by name, with `hashes`.
        trained: whether a data set is trained on.
        rules: what counts, and what happens to it.
        cache: folder for tables without such rows, and for what was found.
        say: gets a line a data set that has some.

    Raises:
        DataError: nothing would be left of a train.
    """
    return {
        name: _cleaned(one, _judged(sets, name, trained), sets, rules, cache, say)
        if trained(name) and "train" in one.splits
        else one
        for name, one in sets.items()
    }


def _judged(sets: Mapping[str, PreparedDataset], name: str, trained: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Return data sets and splits that are judged in a run and may have rows of another data set's train."""
    return [
        (other, of)
        for other, one in sets.items()
        if other != name and one.hashes is not None
        for of in ("test", "dev")
        if of in one.hashes and (of == "test" or trained(other))  # the dev of what is not trained on chooses nothing
    ]


def _cleaned(
    data: PreparedDataset,
    judged: Sequence[tuple[str, str]],
    others: Mapping[str, PreparedDataset],
    rules: LeakRules,
    cache: Path,
    say: Callable[[str], None],
) -> PreparedDataset:
    if data.hashes is None or not judged:
        return data
    train, found, leaking = data.hashes["train"], [], np.zeros(len(data.hashes["train"]), dtype=bool)
    near = _near(data, others, judged, rules.near, cache)
    for other, of in judged:
        two = others[other]
        kind = RowKind.SCORED if RowKind.SCORED in (data.kind, two.kind) else RowKind.PAIR
        for leak in leaks_between("train", train, of, (two.hashes or {})[of], kind, near):
            leaking[leak.rows] = True
            finding = leak.finding(_names(data, two, of), Done.DROPPED if rules.drop else Done.KEPT)
            found.append(replace(finding, what=f"{finding.what} of {other}"))
    if not found:
        return data
    what = f"{leaking.sum():,} of {len(train):,} rows of train are in what other data sets judge"
    note = f"{what} ({_listed(found)}): " + (
        "taken out (data.leaks=keep keeps them)" if rules.drop else "kept, by data.leaks=keep"
    )
    say(f"{data.name}: {note}")
    told = replace(data, notes=[*data.notes, note], leaks=[*(data.leaks or ()), *found])
    return _without(told, np.flatnonzero(~leaking), cache) if rules.drop else told


def _near(
    data: PreparedDataset,
    others: Mapping[str, PreparedDataset],
    judged: Sequence[tuple[str, str]],
    similarity: float,
    cache: Path,
) -> NearTexts:
    """Return the near duplicates among train of the one data set and what the others judge."""
    tables, hashes = {"train": data.splits["train"]}, {"train": (data.hashes or {})["train"]}
    digest = hashlib.sha256(f"{NEAR_VERSION} {data.fingerprint}".encode())
    for other, of in judged:
        tables[f"{other}/{of}"], hashes[f"{other}/{of}"] = others[other].splits[of], (others[other].hashes or {})[of]
        digest.update(f"{other}/{of}/{others[other].fingerprint}".encode())
    for rows in hashes.values():  # a fingerprint is that of the file; which of its rows are in a split depends on more
        digest.update(rows.first.tobytes() + rows.second.tobytes())
    folder = cache / "mixtures"
    folder.mkdir(parents=True, exist_ok=True)
    return near_texts(tables, hashes, similarity, folder / f"{data.name}-near-{similarity:g}-{digest.hexdigest()[:12]}.npz")


def _without(data: PreparedDataset, keep: np.ndarray, cache: Path) -> PreparedDataset:
    """Return the data set with these rows of train alone."""
    if not len(keep):
        raise DataError(
            "every row of train is in dev or test of another data set of this run",
            where=data.location,
            hint="train on other rows, or leave that data set out; data.leaks=keep trains on what is judged all the same",
        )
    digest = hashlib.sha256(data.fingerprint.encode() + keep.tobytes()).hexdigest()
    hashes, splits = dict(data.hashes or {}), dict(data.splits)
    removed = len(splits["train"]) - len(keep)
    splits["train"] = take_rows(splits["train"], keep, cache / "mixtures" / f"{data.name}-{digest[:12]}.arrow", digest)
    out = hashes["train"].without(keep).text_pairs()
    left_out = out if data.left_out is None else np.concatenate([data.left_out, out])
    hashes["train"] = hashes["train"].take(keep)
    counts = {**data.counts, "rows_train": len(keep), "leaks_removed": data.counts.get("leaks_removed", 0) + removed}
    if data.kind is not RowKind.SCORED:
        counts["queries_train"] = len(np.unique(hashes["train"].first))
    return replace(data, splits=splits, hashes=hashes, counts=counts, left_out=left_out)


def _names(data: PreparedDataset, judged: PreparedDataset, of: str) -> Callable[[str, int], str]:
    """Return the row ids: of train in the one data set, of what is judged in the other."""
    tables = {"train": data.splits["train"], of: judged.splits[of]}
    return lambda split, row: str(tables[split][row]["row"])


def _listed(found: list[Finding]) -> str:
    return "; ".join(f"{finding.what.removeprefix('rows of train ')}: {finding.count:,}" for finding in found)
