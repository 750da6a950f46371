"""Leaks: rows of train whose texts are judged in dev or test. What is learnt by heart there is no progress.

Only train is ever changed. Documents that several queries share (a corpus, an FAQ) are no leak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.errors import DataError
from data.findings import A_FEW, EXAMPLES, Done, Finding, Severity
from data.schema import RowKind
from data.splits.hashes import Hashes, RowHashes
from data.splits.near_duplicates import NearTexts
from data.splits.split import SplitPlan

NOT_TRAIN = "dev and test are left as they are: what is chosen on dev has an advantage on such rows; new splits avoid it"


class LeakRules(NamedTuple):
    """What counts as a leak, and what happens to it.

    Attributes:
        drop: take the rows out of train; otherwise they are only counted.
        near: similarity from which two texts are the same (setting `data.near`); 1 for those alone that differ in punctuation.
    """

    drop: bool = True
    near: float = 0.9


@dataclass(frozen=True)
class Leak:
    """Rows of one split that repeat rows of another. A row whose pair is repeated is also one whose query is; what is repeated
    exactly is not counted among what is nearly repeated.

    Attributes:
        code: `leak.pair`, `leak.query`, `leak.near_pair`, `leak.near_query`.
        split: whose rows these are.
        of: the split that they repeat.
        rows: numbers of these rows, ascending.
        total: rows of the split.
        distinct: different pairs, or queries, that these rows hold.
        partners: for each of the first rows a row of `of` that it repeats.
    """

    code: str
    split: str
    of: str
    rows: np.ndarray
    total: int
    distinct: int
    partners: tuple[int, ...]

    def finding(self, name: Callable[[str, int], str], done: Done) -> Finding:
        """Return it as a finding; `name` gives the row id for a split and the number of a row."""
        side = "pair" if self.code.endswith("pair") else "query"
        what = f"rows of {self.split} whose {side} is {'nearly' if 'near_' in self.code else 'also'} in {self.of}"
        examples = [name(self.split, row) for row in self.rows[:EXAMPLES].tolist()]
        counterparts = [name(self.of, row) for row in self.partners]
        hint = None if self.split == "train" else NOT_TRAIN
        number = len(self.rows)
        # a few texts that look alike are chance; they are dropped all the same
        severity = Severity.INFO if "near_" in self.code and number < A_FEW * self.total else None
        return Finding(
            self.code, what, number, self.total, self.split, examples, counterparts, done, severity, self.distinct, hint
        )


def leaks_between(
    split: str, rows: RowHashes, of: str, others: RowHashes, kind: RowKind, near: NearTexts | None = None
) -> Iterator[Leak]:
    """Yield the rows of one split that repeat rows of another.

    A pair of texts is the same whichever comes first. A query is the same with any document; where there are queries, near pairs
    are no matter of their own.
    """
    keys: dict[str, Callable[[RowHashes], Hashes]] = {"pair": RowHashes.unordered_pairs}
    if kind is not RowKind.SCORED:
        keys["query"] = lambda rows: rows.first
    sides = [("", rows, others)]
    if near is not None:
        sides.append(("near_", near.rows(rows), near.rows(others)))
    exact = np.zeros(len(rows), dtype=bool)
    for prefix, mine, theirs in sides:
        if prefix and "query" in keys:
            del keys["pair"]  # rows with nearly the same query, whatever the document
        for what, key in keys.items():
            own, other = key(mine), key(theirs)
            mask = np.isin(own, other)
            if prefix:
                mask &= ~exact
            else:
                exact |= mask
            if mask.any():
                found = np.flatnonzero(mask)
                partners = tuple(int(np.flatnonzero(other == own[row])[0]) for row in found[:EXAMPLES])
                yield Leak(f"leak.{prefix}{what}", split, of, found, len(rows), len(np.unique(own[found])), partners)


def remove_leaks(
    plan: SplitPlan, kind: RowKind, near: NearTexts, rules: LeakRules, name: Callable[[str, int], str], location: str
) -> list[Finding]:
    """Find what train repeats of test and dev and, by the rules, take it out of train; the plan is changed and told.

    Args:
        plan: where each split comes from.
        name: row id for a split of the plan and the number of a row in it.
        location: where the rows come from, for errors.

    Raises:
        DataError: nothing would be left of train.
    """
    if "train" not in plan.hashes:
        return []
    train = plan.hashes["train"]
    leaks = [
        leak
        for of in ("test", "dev")
        if of in plan.hashes
        for leak in leaks_between("train", train, of, plan.hashes[of], kind, near)
    ]
    findings = [leak.finding(name, Done.DROPPED if rules.drop else Done.KEPT) for leak in leaks]
    if not leaks or not rules.drop:
        return findings
    keep = np.setdiff1d(np.arange(len(train)), np.concatenate([leak.rows for leak in leaks]))
    if not len(keep):
        raise DataError(
            f"every row of train is in {' or '.join(sorted({leak.of for leak in leaks}))}, for instance"
            f" {findings[0].examples[0]} as {findings[0].counterparts[0]}",
            where=location,
            hint="give splits that differ, or one file to be split here; data.leaks=keep trains on what is judged all the same",
        )
    base, before = plan.parts["train"]
    plan.parts["train"] = (base, keep if before is None else before[keep])
    plan.hashes["train"] = train.take(keep)
    plan.leave_out(train.without(keep))
    removed = len(train) - len(keep)
    plan.counts["leaks_removed"] = removed
    parts = "; ".join(f"{finding.what.removeprefix('rows of train ')}: {finding.count:,}" for finding in findings)
    nearly = any("near" in leak.code for leak in leaks)
    alike = f", near: at least {rules.near:.0%} alike, directly or through other texts" if nearly else ""
    plan.notes.append(f"{removed:,} of {len(train):,} rows are taken out of train ({parts}{alike}; data.leaks=keep keeps them)")
    return findings
