"""What is resampled: single items, the groups that the user named, or items that share a text.

Queries with one relevant document are no independent witnesses of it: a model that moves the document moves them all. Where no
column says which items belong together, those that share a relevant document, a sentence or their own text are resampled
together (Field and Welsh, "Bootstrapping clustered data", JRSS B 69(3), 2007), if that makes the interval wider. What no text
and no column shows, such as queries that were written about one page, stays unseen.

No torch here: runs are compared from their files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from train.evaluate.statistics import Comparison, count_units
from train.wording import interval, things

SWALLOWED = 0.5
"""Largest share of the items in one group of shared texts. Beyond it the groups say next to nothing: the mean is mostly that of
one of them, whose doubt nothing shows. In nfcorpus 98% of the queries hang together."""

FEWEST_UNITS = 10
"""With fewer groups of shared texts a bootstrap over them is too narrow to trust (Cameron, Gelbach and Miller, "Bootstrap-based
improvements for inference with clustered errors", Review of Economics and Statistics 90(3), 2008), and where all queries ask for
a few documents, these are what the test is about."""

PART = 1.05
"""Two intervals part from this ratio of their widths on; below it, drawing again would turn them round."""


@dataclass(frozen=True)
class Units:
    """Which items belong together.

    Attributes:
        groups: [n] int from 0 without a gap, as the user named them; else None.
        texts: [n] int, items that share a text have one number; None where none do, or the user named groups.
        kind: of the rows.
    """

    groups: np.ndarray | None = None
    texts: np.ndarray | None = None
    kind: str = "pair"

    @classmethod
    def of(cls, shared: Sequence[Sequence[str]], groups: np.ndarray | None, kind: str) -> Units:
        """Find the items that share a text.

        Args:
            shared: ids of the texts of each item; empty where they are not known.
            groups: [n] as the user named them, if at all.
            kind: of the rows.
        """
        return cls(groups, None if groups is not None else tied_together(shared), kind)

    @property
    def resampled_apart(self) -> str | None:
        """Why items that share texts are resampled one by one all the same; None where they are not."""
        if self.texts is None:
            return None
        sizes, items = np.bincount(self.texts), things(self.kind)
        if len(sizes) >= FEWEST_UNITS and sizes.max() <= SWALLOWED * len(self.texts):
            return None
        if sizes.max() > SWALLOWED * len(self.texts):
            share = f"{sizes.max() / len(self.texts):.0%} of the {items} hang together by texts that they share"
            return f"{share}, so each was resampled by itself: the interval may be too narrow."
        return (
            f"The {items} form only {len(sizes)} groups that share a text, so each was resampled by itself: the interval speaks"
            " of more of their kind, not of other texts."
        )


def tied_together(shared: Sequence[Sequence[str]]) -> np.ndarray | None:
    """Return [n] a number for each item, one for those that share a text, also by way of others; None where none do."""
    root = list(range(len(shared)))

    def find(item: int) -> int:
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    first: dict[str, int] = {}
    for item, texts in enumerate(shared):
        for text in texts:
            root[find(item)] = find(first.setdefault(text, item))
    found = np.unique([find(item) for item in range(len(shared))], return_inverse=True)[1]
    return found if len(shared) and int(found.max()) + 1 < len(shared) else None


def by_wider(units: Units, compare: Callable[[np.ndarray | None], Comparison]) -> Comparison:
    """Compare with the unit that leaves more doubt: single items, or items that share a text. Groups of the user always decide.

    Args:
        units: of the items.
        compare: compares, given groups.

    Returns:
        The comparison; its `unit`, `item_ci95` and `unit_note` say what was resampled, and what single items would have given.
    """
    single = compare(units.groups)
    if units.groups is not None:
        return replace(single, unit="group")
    if units.texts is None:
        return single
    if (why := units.resampled_apart) is not None:
        return replace(single, unit_note=why)
    return wider(single, compare(units.texts), units.kind)


def wider(single: Comparison, together: Comparison, kind: str) -> Comparison:
    """Return the comparison that resampled items which share a text together, where its interval is the wider one; else the one
    that resampled single items."""
    if _width(single) == _width(together) == 0:  # nothing differs, and by the rule of three fewer witnesses say less
        return replace(single, low95=together.low95, high95=together.high95)
    if _width(together) < PART * _width(single):
        return single
    note = (
        f"{things(kind).capitalize()} that share a text were resampled together; one by one they would give"
        f" {interval(single.ci95)}."
    )
    return replace(together, unit="text", item_ci95=single.ci95, unit_note=note)


def decided(units: Units, found: Comparison) -> np.ndarray | None:
    """Return [n] the groups that a comparison resampled, for what else is computed on the same items."""
    return units.texts if found.unit == "text" else units.groups


def count_of(groups: np.ndarray | None) -> int | None:
    """Return the number of groups, None where items stand alone."""
    return None if groups is None else count_units(len(groups), groups)


def _width(found: Comparison) -> float:
    return found.ci95[1] - found.ci95[0]
