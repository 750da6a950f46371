"""Splits: given ones as given, missing ones dealt out by a hash, so that what belongs together stays on one side.

Groups are dealt whole. A group is made of rows that share a text (after `normalise_text`) or a value of the group column;
over a corpus, of rows with the same query. Groups are ordered by a hash of their smallest text hash and the seed: test
is filled from the one end, dev from the other, so that new rows move few old ones.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, RowKind
from data.spec import Documents, SplitSpec
from data.splits.documents import keep_without_judged, linked_by_documents
from data.splits.hashes import Hashes, RowHashes, hash_rows, seeded
from data.splits.varied import LEAST_PAIRS, is_varied, least_rows, seeds

if TYPE_CHECKING:
    from datasets import Dataset

BY_HASH, DEALT_ANEW = "split off by hash", "dealt anew"
"""How the notes begin that say nothing unusual."""
OVERSHOOT = 1.5
"""A group that would fill a split beyond this multiple of its target goes to train."""
UNDERFILL = 0.5
"""A split that groups fill to less than this share of its target is dealt in smaller groups."""


@dataclass
class SplitPlan:
    """Where each split comes from: a table of the source and the rows in it (None: all of them).

    Attributes:
        left_out: [K, 2] query and document of the training rows that were left out (`max_rows`, leaks): they belong together
            all the same.
        marks: what was done that an earlier version of the program did otherwise; files that it made are not taken for these.
    """

    parts: dict[str, tuple[str, np.ndarray | None]]
    hashes: dict[str, RowHashes]
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    left_out: np.ndarray = field(default_factory=lambda: np.empty((0, 2), dtype=np.uint64))
    marks: list[str] = field(default_factory=list)

    def leave_out(self, rows: RowHashes) -> None:
        """Remember what training rows that are taken out say."""
        self.left_out = np.concatenate([self.left_out, rows.text_pairs()])


def components(columns: Sequence[Hashes], group: Hashes) -> Hashes:
    """Return the connected group of each row, named by its smallest hash. Rows that share a hash in any column are connected.

    The same hash in two columns is the same text. `group` is one more column, in which 0 connects nothing.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    grouped = np.flatnonzero(group)
    nodes, inverse = np.unique(np.concatenate([*columns, group[grouped]]), return_inverse=True)
    rows = len(columns[0])
    first = inverse[:rows]
    starts = [first] * (len(columns) - 1) + [first[grouped]]
    ends = [inverse[i * rows : (i + 1) * rows] for i in range(1, len(columns))] + [inverse[len(columns) * rows :]]
    start, end = np.concatenate(starts), np.concatenate(ends)
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(len(nodes), len(nodes)))
    number, label = connected_components(graph.tocsr(), directed=False)
    smallest = np.full(number, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, label, nodes)
    keys: Hashes = smallest[label[first]]
    return keys


def deal(keys: Hashes, units: Hashes, targets: Mapping[str, int], seed: int) -> tuple[np.ndarray, dict[str, int]]:
    """Deal whole groups to the splits in `targets` (dev, test); the rest is train.

    Args:
        keys: group of each row.
        units: what is counted: rows with the same value are one unit (a query). A unit lies within one group.
        targets: units a split should get.

    Returns:
        The split of each row as an index into `SPLITS`, and the units that each split got.
    """
    groups, group_of_row = np.unique(keys, return_inverse=True)
    _, first_row = np.unique(units, return_index=True)
    sizes = np.bincount(group_of_row[first_row], minlength=len(groups))
    order = np.argsort(seeded(groups, seed), kind="stable")
    split_of_group = np.zeros(len(groups), dtype=np.int8)
    got = dict.fromkeys(targets, 0)
    for split, queue in (("test", order), ("dev", order[::-1])):
        if split not in targets:
            continue
        target = targets[split]
        for group in queue:
            if got[split] >= target:
                break
            size = int(sizes[group])
            if split_of_group[group] == 0 and got[split] + size <= max(target * OVERSHOOT, 1):
                split_of_group[group] = SPLITS.index(split)
                got[split] += size
    return split_of_group[group_of_row], got


def deal_folds(keys: Hashes, units: Hashes, folds: int, dev: int | None, seed: int) -> list[tuple[np.ndarray, dict[str, int]]]:
    """Deal whole groups to several parts of about the same size, each of which is test once; together they are all rows.

    The largest groups are dealt first, each to the part that has least. Groups that would fill a part beyond `OVERSHOOT` times
    its size are in none: they are always train.

    Args:
        keys, units, seed: as for `deal`.
        folds: number of parts.
        dev: units that dev should get, out of the other parts; None makes no dev.

    Returns:
        For each part as test what `deal` returns.
    """
    groups, group_of_row = np.unique(keys, return_inverse=True)
    _, first_row = np.unique(units, return_index=True)
    sizes = np.bincount(group_of_row[first_row], minlength=len(groups))
    order = np.argsort(seeded(groups, seed), kind="stable")
    order = order[sizes[order] <= max(OVERSHOOT * len(first_row) / folds, 1)]
    part = np.full(len(groups), -1)
    filled = [(0, number) for number in range(folds)]
    order = order[np.argsort(-sizes[order], kind="stable")]
    for group in order:
        total, number = heapq.heappop(filled)
        part[group] = number
        heapq.heappush(filled, (total + int(sizes[group]), number))
    drawn = seeded(groups, seed)
    # each part draws its own dev: what is chosen by one and the same would be right or wrong in all of them
    turns = [order[np.lexsort((seeded(drawn, fold + 1)[order], -sizes[order]))] for fold in range(folds)]
    return [_fold(fold, part, turns[fold], sizes, group_of_row, dev) for fold in range(folds)]


def _fold(
    fold: int, part: np.ndarray, order: np.ndarray, sizes: np.ndarray, group_of_row: np.ndarray, dev: int | None
) -> tuple[np.ndarray, dict[str, int]]:
    """Take one part as test, and dev out of the others.

    Dev is one group out of some in the given order, from the largest to the smallest, so that it has groups of all sizes, as the
    rows have.
    """
    split_of_group = np.zeros(len(sizes), dtype=np.int8)
    split_of_group[part == fold] = SPLITS.index("test")
    got = {"test": int(sizes[part == fold].sum())}
    if dev is not None:
        rest = order[part[order] != fold]
        due = np.cumsum(sizes[rest]) * dev / max(sizes[rest].sum(), 1)
        got["dev"] = 0
        for group, share in zip(rest.tolist(), due.tolist(), strict=True):
            size = int(sizes[group])
            if got["dev"] + size / 2 <= share and got["dev"] + size <= max(dev * OVERSHOOT, 1):
                split_of_group[group] = SPLITS.index("dev")
                got["dev"] += size
    return split_of_group[group_of_row], got


def make_splits(
    tables: Mapping[str, Dataset],
    kind: RowKind,
    has_corpus: bool,
    spec: SplitSpec,
    max_rows: int | None,
    location: str | None = None,
    clean: Callable[[SplitPlan, Mapping[str, RowHashes]], None] | None = None,
) -> SplitPlan:
    """Plan train, dev and test out of the tables that a source gave.

    Args:
        tables: by split name, or one table under `UNSPLIT`.
        has_corpus: documents are shared by nature, so only queries are kept apart.
        max_rows: training rows at most, chosen by hash.
        location: where the rows come from, for errors.
        clean: gets the plan with all its splits, before `max_rows` chooses, and the hashes of the tables; may change the plan.

    Raises:
        DataError: too few rows or groups to make the missing splits.
    """
    hashes = {name: hash_rows(table) for name, table in tables.items()}
    plan = SplitPlan({name: (name, None) for name in SPLITS if name in tables}, {n: h for n, h in hashes.items() if n in SPLITS})
    base = UNSPLIT if UNSPLIT in tables else "train"
    missing = [name for name in ("dev", "test") if name not in tables]
    if base in tables and missing:
        scores = tables[base].data.column("score").to_numpy() if kind is RowKind.SCORED else None
        _carve(plan, hashes[base], base, missing, scores=scores, has_corpus=has_corpus, spec=spec, location=location)
    if spec.documents == Documents.APART and kind is not RowKind.SCORED:
        _leave_out_judged_documents(plan, location)
    if clean is not None:
        clean(plan, hashes)
    if max_rows is not None and "train" in plan.parts:
        _cap(plan, max_rows, spec.seed)
    plan.parts = {name: plan.parts[name] for name in SPLITS if name in plan.parts}
    count(plan, kind, has_corpus)
    return plan


def _carve(
    plan: SplitPlan,
    rows: RowHashes,
    base: str,
    missing: Sequence[str],
    *,
    scores: np.ndarray | None,
    has_corpus: bool,
    spec: SplitSpec,
    location: str | None,
) -> None:
    """Split `missing` off from the rows of `base`. What a given dev or test has is not dealt: it could only judge itself.

    Where dev or test would get no two pairs with different `scores`, the rows are dealt anew with other seeds.
    """
    scored = scores is not None
    word = "pairs" if scored else "queries"
    pool = _not_judged(plan, rows, missing, scored)
    dealable = rows.take(pool)
    units = np.arange(len(pool), dtype=np.uint64) if scored else dealable.first
    total = len(np.unique(units))
    shares = {"dev": (spec.dev, spec.max_dev), "test": (spec.test, spec.max_test)}
    least = LEAST_PAIRS if scored else 1
    targets = {name: min(max(least, round(share * total)), most) for name, (share, most) in shares.items() if name in missing}
    if spec.folds is not None:
        targets["test"] = max(1, total // spec.folds)
        plan.marks.append("parts are dealt together, each with a dev of its own")
    fine = ("the pair itself", [dealable.unordered_pairs()]) if scored else ("query", [dealable.first])
    by_texts = ("shared sentences" if scored else "shared texts", [dealable.first, dealable.second, *dealable.negatives])
    ways = [fine] if has_corpus else [by_texts, fine]
    if spec.documents == Documents.APART:
        ways = [by_texts]
    dealt_scores = None if scores is None else scores[pool]

    def dealt_with(keys: Hashes, seed: int, targets: Mapping[str, int]) -> list[tuple[np.ndarray, dict[str, int]]]:
        if spec.folds is None:
            return [deal(keys, units, targets, seed)]
        return deal_folds(keys, units, spec.folds, targets.get("dev"), seed)

    goals = _with_enlarged_dev(targets, total, spec)
    for (way, columns), goal in itertools.product(ways, goals):
        keys = components(columns, dealable.group)
        deals = dealt_with(keys, spec.seed, goal)
        # all parts of a cross-validation are dealt in one way, or they would overlap
        if all(_is_enough(dealt, got, goal) for dealt, got in deals):
            break
        if way != fine[0] and goal is goals[-1]:
            plan.notes.append("most rows are linked by texts that they share, so not all of these could be kept on one side")
    else:
        if spec.documents == Documents.APART:
            raise linked_by_documents(dealable, missing, location)
        raise _too_few(rows, scored, base, missing, location, spec.folds or len(SPLITS))
    for attempt, seed in enumerate(seeds(spec.seed, dealt_scores, len(missing))):
        again = deals if attempt == 0 else dealt_with(keys, seed, goal)
        if all(_is_enough(one, got, goal) and is_varied(one, dealt_scores, missing) for one, got in again):
            deals = again
            if attempt:
                plan.marks.append(f"dealt with the seed {seed}")
                plan.notes.append(f"{DEALT_ANEW} until {' and '.join(missing)} had pairs with different scores")
            break
    if goal != targets:
        plan.notes.append(
            f"dev is enlarged from {targets['dev']} to {goal['dev']} {word}: fewer hardly tell one model from another"
        )
        plan.marks.append(f"dev of at least {goal['dev']}")
    among, got = deals[spec.fold if spec.folds is not None else 0]
    dealt = np.zeros(len(rows), dtype=np.int8)
    dealt[pool] = among
    for name in (*missing, "train"):
        chosen = np.flatnonzero(dealt == SPLITS.index(name))
        plan.parts[name] = (base, chosen)
        plan.hashes[name] = rows.take(chosen)
    parts = ", ".join(f"{name} {got[name]} {word}" for name in missing)
    plan.notes.append(f"{BY_HASH}, whole groups by {way}: {parts}, of {total}")


def _leave_out_judged_documents(plan: SplitPlan, location: str | None) -> None:
    if "train" not in plan.hashes:
        return
    train = plan.hashes["train"]
    keep = keep_without_judged(train, [rows for name, rows in plan.hashes.items() if name != "train"], location)
    if len(keep) < len(train):
        base, before = plan.parts["train"]
        plan.parts["train"] = (base, keep if before is None else before[keep])
        plan.hashes["train"] = train.take(keep)
        plan.leave_out(train.without(keep))
        left = len(train) - len(keep)
        plan.notes.append(f"{left:,} of {len(train):,} rows are taken out of train: dev or test ask for their documents")


def _with_enlarged_dev(targets: Mapping[str, int], total: int, spec: SplitSpec) -> list[dict[str, int]]:
    """Return the targets to try: first with dev at `least_dev`, or at a quarter of all units where these are too few for that, if
    this is more than its share; then as they are, for groups that cannot be dealt so.

    Of 8 dev queries the standard error of a difference between two models is 0.04 or more, which is larger than most gains.
    """
    wanted = min(spec.least_dev or 0, total // 4, spec.max_dev)
    return [dict(targets) | {"dev": wanted}, dict(targets)] if 0 < targets.get("dev", 0) < wanted else [dict(targets)]


def _not_judged(plan: SplitPlan, rows: RowHashes, missing: Sequence[str], scored: bool) -> np.ndarray:
    """Return the rows of which no given dev or test has the pair or the query; all rows if there are hardly any."""
    judged = [plan.hashes[name] for name in ("dev", "test") if name in plan.hashes and name not in missing]
    if not judged:
        return np.arange(len(rows))
    key = RowHashes.unordered_pairs if scored else _queries
    free = np.flatnonzero(~np.isin(key(rows), np.concatenate([key(one) for one in judged])))
    if len(free) == len(rows) or len(free) < len(SPLITS):
        return np.arange(len(rows))
    plan.marks.append("without what is judged elsewhere")
    return free


def _is_enough(dealt: np.ndarray, got: Mapping[str, int], targets: Mapping[str, int]) -> bool:
    """Tell whether each split has enough of what it should get, and train has rows, too."""
    return all(got[name] >= UNDERFILL * target for name, target in targets.items()) and bool((dealt == 0).any())


def _too_few(rows: RowHashes, scored: bool, base: str, missing: Sequence[str], location: str | None, parts: int) -> DataError:
    """Say why dev and test could not be split off, and what helps. Groups up to `parts` in number are too few."""
    thing, things = ("pair of texts", "pairs of texts") if scored else ("query", "queries")
    distinct, splits = len(np.unique(rows.unordered_pairs() if scored else rows.first)), " and ".join(missing)
    where = location if base == UNSPLIT else f"{location or 'data set'}, {base}"
    hint = "add rows, or give dev and test of your own (files of these names, or a column `split`)"
    if distinct == 1 and len(rows) > 1:
        what = f"{len(rows):,} rows, all with the same {thing}: too few to split off {splits}"
        hint = f"check whether the right columns are used (data.columns.anchor=NAME data.columns.positive=NAME); or {hint}"
    elif rows.group.any() and (groups := len(np.unique(rows.group))) <= parts:
        what = "all rows are in one group" if groups == 1 else f"the rows are in {groups} groups"
        what += f", and a group stays on one side: too few to split off {splits}"
        hint = f"remove the group column or make its groups smaller; or {hint}"
    elif rows.group.any() and distinct > parts:
        largest = int(np.unique(rows.group[rows.group != 0], return_counts=True)[1].max())
        what = f"a group of rows stays on one side, and the groups (the largest of {largest:,} of {len(rows):,} rows)"
        what += f" cannot be dealt so that {splits} come out about as large as they should"
        hint = f"make the groups smaller or remove the group column; or {hint}"
    else:
        what = f"{distinct:,} {thing if distinct == 1 else things} in {len(rows):,} {'row' if len(rows) == 1 else 'rows'}:"
        what += f" too few to split off {splits}"
        if distinct < (needed := least_rows(scored, len(missing))):
            hint = hint.replace("add rows", f"add rows: at least {needed} {things} are needed")
    return DataError(what, where=where, hint=hint)


def _cap(plan: SplitPlan, max_rows: int, seed: int) -> None:
    rows = plan.hashes["train"]
    if len(rows) <= max_rows:
        return
    chosen = np.sort(np.argsort(seeded(rows.pairs(), seed), kind="stable")[:max_rows])
    base, before = plan.parts["train"]
    plan.parts["train"] = (base, chosen if before is None else before[chosen])
    plan.hashes["train"] = rows.take(chosen)
    plan.leave_out(rows.without(chosen))
    plan.notes.append(f"train is cut to {max_rows} of {len(rows)} rows, chosen by hash (max_rows)")


SINGLE = {"pairs": "pair", "sentences": "sentence", "queries": "query", "documents": "document"}


def count(plan: SplitPlan, kind: RowKind, has_corpus: bool) -> None:
    """Add rows and queries a split, and what two splits have in common, to the counts; note the latter."""
    scored = kind is RowKind.SCORED
    names = list(plan.parts)
    for name in names:
        plan.counts[f"rows_{name}"] = len(plan.hashes[name])
        if not scored:
            plan.counts[f"queries_{name}"] = len(np.unique(plan.hashes[name].first))
    kinds = {"pairs": _pairs if scored else RowHashes.pairs}
    kinds |= {"sentences": _sentences} if scored else {"queries": _queries, "documents": _documents}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            for what, hashes in kinds.items():
                shared = len(np.intersect1d(hashes(plan.hashes[one]), hashes(plan.hashes[other])))
                plan.counts[f"shared_{what}_{one}_{other}"] = shared
                if shared and not (has_corpus and what == "documents"):
                    plan.notes.append(f"{one} and {other} have {shared:,} {what if shared > 1 else SINGLE[what]} in common")


def _pairs(rows: RowHashes) -> Hashes:
    return rows.unordered_pairs()


def _queries(rows: RowHashes) -> Hashes:
    return rows.first


def _documents(rows: RowHashes) -> Hashes:
    return rows.second


def _sentences(rows: RowHashes) -> Hashes:
    return np.concatenate([rows.first, rows.second])
