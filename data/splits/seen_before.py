"""Rows of dev and test on which a model was trained before it came here: none of them can show what it learnt.

Elsewhere only train is changed. Here the training is over, so the rows leave what is judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.arrow import take_rows
from data.errors import DataError
from data.findings import EXAMPLES, Done, Finding
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.splits.hashes import Hashes

HINT = "give rows that are new as test, or keep them (data.leaks=keep), which makes base and tuned look better than they are"


def without_seen_rows(
    data: PreparedDataset, seen: Hashes, model: str, *, drop: bool, cache: Path, say: Callable[[str], None] = lambda line: None
) -> PreparedDataset:
    """Return a data set whose dev and test hold no row that a model was trained on; what was found is said and recorded.

    Of queries, all rows of a query leave with the one that was seen: with some of its documents alone it would be judged wrongly.

    Args:
        data: with `hashes`.
        seen: of pairs of texts, in either order, as `RowHashes.unordered_pairs` gives them.
        model: what the model is called.
        drop: take them out; otherwise they are only counted.
        cache: folder for tables without such rows.
        say: gets a line a split that has some.

    Raises:
        DataError: nothing would be left of a split.
    """
    for split in ("dev", "test"):
        if data.hashes is None or split not in data.hashes or not len(data.splits.get(split, ())):
            continue
        repeated = _repeated(data, split, seen)
        if repeated.any():
            data = _cleaned(data, split, repeated, model, drop, cache)
            say(f"{data.name}: {data.notes[0]}")
    return data


def _repeated(data: PreparedDataset, split: str, seen: Hashes) -> np.ndarray:
    """Return [N] bool: which rows of a split were seen, or belong to a query of which one was."""
    hashes = (data.hashes or {})[split]
    repeated: np.ndarray = np.isin(hashes.unordered_pairs(), seen)
    if data.kind is RowKind.SCORED or not repeated.any():
        return repeated
    queries = np.asarray(data.splits[split]["query_id"][:])
    of_the_query: np.ndarray = np.isin(queries, queries[repeated]) | np.isin(hashes.first, hashes.first[repeated])
    return of_the_query


def _cleaned(data: PreparedDataset, split: str, repeated: np.ndarray, model: str, drop: bool, cache: Path) -> PreparedDataset:
    table, hashes, rows = data.splits[split], dict(data.hashes or {}), np.flatnonzero(repeated)
    names = [str(table[row]["row"]) for row in rows[:EXAMPLES].tolist()]
    what = f"rows of {split} that {model} was trained on"
    finding = Finding("leak.pair", what, len(rows), len(table), split, names, done=Done.DROPPED if drop else Done.KEPT, hint=HINT)
    done = f"taken out of {split} (data.leaks=keep keeps them)" if drop else "kept, by data.leaks=keep: both look better on them"
    note = f"{len(rows):,} of {len(table):,} {what}, or whose query it was: {done}"
    told = replace(data, notes=[note, *data.notes], leaks=[*(data.leaks or ()), finding])
    if not drop:
        return told
    keep = np.flatnonzero(~repeated)
    if not len(keep):
        raise DataError(f"{model} was trained on every row of {split}", where=data.location, hint=HINT)
    digest = hashlib.sha256(f"{data.fingerprint}/{split}".encode() + hashes[split].text_pairs().tobytes() + keep.tobytes())
    kept = take_rows(table, keep, cache / "mixtures" / f"{data.name}-{split}-{digest.hexdigest()[:12]}.arrow", digest.hexdigest())
    hashes[split] = hashes[split].take(keep)
    counts = {**data.counts, f"rows_{split}": len(keep)}
    if data.kind is not RowKind.SCORED:
        counts[f"queries_{split}"] = len(np.unique(hashes[split].first))
    return replace(told, splits={**data.splits, split: kept}, hashes=hashes, counts=counts)
