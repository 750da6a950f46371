"""One level for a window of new texts, over all checks.

Texts that came from the same place could as well have changed sides. All checks that look at texts are computed for the true
sides and for many permuted ones; canaries, which have no sides, are drawn from their own null beside them. From this joint null
comes one correction over all checks (`permute.together`): of windows with the same kind of texts, at most 5% get another level
than `quiet`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from train.watch import permute
from train.watch.checks import (
    LEVELS,
    SIGNIFICANCE,
    SURROUNDING,
    CanaryResult,
    Check,
    IndexFacts,
    Level,
    LostDocuments,
    check_index,
    check_lost,
)
from train.watch.distinct import Distinct, distinct_of_both
from train.watch.measure import MEASURES, Compared, canary_check
from train.watch.sample import Bools, Floats, Ints, Sample

FEWEST_NEW = 10
"""Distinct texts of a window from which statistics are computed: with fewer, even a window that is wholly new may not show."""

FEWEST_KNOWN = 20
"""The same of the reference."""

FINDABLE = 0.15
"""Share from which on it is said that no smaller one would be found reliably."""


@dataclass(frozen=True)
class Texts:
    """How many texts of one side there were.

    Attributes:
        given: all of them.
        looked_at: those looked at, where that is fewer.
        distinct: different ones among these, which the checks compare.
        units: groups of these, or as many as `distinct`.
    """

    given: int
    looked_at: int
    distinct: int
    units: int


@dataclass(frozen=True)
class WindowVerdict:
    """What a window of new texts is, compared with the reference.

    Attributes:
        level: the gravest of the checks.
        checks: what each found; those that could not tell anything too (`told` False).
        reference, window: how many texts there were.
        foreign: at least this share of the window is of another kind, 0..1, and its 95% interval; None where too few texts are.
        findable: share of texts of another kind that would be found 8 times out of 10 if they looked like nothing known, by the
            classifier alone; None where too few texts are there.
        told: whether the texts themselves could be compared; False for too few.
        notes: what the user should know.
    """

    level: Level
    checks: tuple[Check, ...]
    reference: Texts
    window: Texts
    foreign: tuple[float, tuple[float, float]] | None = None
    findable: float | None = None
    told: bool = True
    notes: tuple[str, ...] = ()

    @property
    def texts_speak(self) -> bool:
        """Tell whether any check of the texts themselves is anything but quiet."""
        return any(one.told and one.level != "quiet" and one.name not in SURROUNDING for one in self.checks)

    @property
    def shown_share(self) -> tuple[float, tuple[float, float]] | None:
        """The share of texts of another kind, where its check is anything but quiet: what chance gives is no finding."""
        speaks = any(one.name == "novelty" and one.told and one.level != "quiet" for one in self.checks)
        return self.foreign if speaks else None

    @property
    def heading(self) -> str:
        """The level in words: `not told` for too few texts, and how much a quiet window of few texts is worth."""
        if self.level != "quiet":
            return self.level
        if not self.told:
            return "not told"
        if self.findable is None:
            return "quiet (only a window that is wholly new would be found)"
        if self.findable > FINDABLE:
            return f"quiet (only a share of about {self.findable:.0%} or more would be found)"
        return "quiet"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "level": self.level,
            "told": self.told,
            "checks": [check.to_dict() for check in self.checks],
            "reference": vars(self.reference).copy(),
            "window": vars(self.window).copy(),
            "foreign": None if self.foreign is None else {"share": self.foreign[0], "ci95": list(self.foreign[1])},
            "findable": self.findable,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """Return the level, what moved first, and the notes."""
        ordered = sorted(self.checks, key=lambda check: -LEVELS.index(check.level))
        return "\n".join([self.level, *(f"  {check.level}: {check.sentence}" for check in ordered), *self.notes])


def judge_window(
    reference: Sample,
    window: Sample,
    canaries: CanaryResult | None = None,
    index: IndexFacts | None = None,
    seed: int = 0,
    permutations: int = permute.PERMUTATIONS,
    lost: LostDocuments | None = None,
) -> WindowVerdict:
    """Compare a window of new texts with the reference.

    Args:
        reference: the texts that the model was judged on; `top1` against the same index as the window's.
        window: the new texts.
        canaries: what became of the canary queries; None without an index.
        index: with which model the index was built; None without one.
        seed: equal input and seed give an equal result.
        permutations: of the joint null.
        lost: the canaries whose documents are gone from the index; None where none was asked.

    Raises:
        ValueError: the vectors of the two have different dimensions.
    """
    if reference.vectors.shape[1] != window.vectors.shape[1]:
        raise ValueError(f"the reference has {reference.vectors.shape[1]} dimensions and the window {window.vectors.shape[1]}")
    generator = np.random.default_rng(seed)
    known, new = distinct_of_both(reference, window, generator)
    unit, units = _units(reference, window, known, new)
    counts = tuple(
        Texts(len(s), d.looked_at, len(d.rows), u) for s, d, u in zip((reference, window), (known, new), units, strict=True)
    )
    told = units[0] >= FEWEST_KNOWN and units[1] >= FEWEST_NEW
    checks = [check_index(index)] if index is not None else []
    checks += [check_lost(lost)] if lost is not None else []
    share = findable = None
    if told:
        both = _joined(reference.take(known.rows), window.take(new.rows))
        compared = Compared(*both, permute.draw_labels(unit, both[1], generator, permutations))
        checks += _checked(compared, canaries, generator)
        share, findable = compared.foreign(), _findable(*units)
    elif canaries is not None:
        checks.append(canary_check(canaries, canaries.p_value()))
    level = LEVELS[max((LEVELS.index(check.level) for check in checks), default=0)]
    notes = _notes(counts, (known, new), told, findable, level)
    return WindowVerdict(level, tuple(checks), counts[0], counts[1], foreign=share, findable=findable, told=told, notes=notes)


def _checked(compared: Compared, canaries: CanaryResult | None, generator: np.random.Generator) -> list[Check]:
    """Return the checks of texts and canaries, with p-values corrected for all of them."""
    measures = [measure for measure in MEASURES if measure.can_tell(compared)]
    columns = [measure.statistic(compared) for measure in measures]
    table = permute.p_values(np.column_stack(columns)) if columns else np.ones((len(compared.labels.drawn), 0))
    if canaries is not None:
        table = np.column_stack([table, _canary_null(canaries, len(table), generator)])
    corrected = permute.together(table)
    found = [measure.check(compared, float(p), float(q)) for measure, p, q in zip(measures, table[0], corrected, strict=False)]
    silent = [measure.silent(compared) for measure in MEASURES if measure not in measures]
    return [*found, *silent, *([] if canaries is None else [canary_check(canaries, float(corrected[-1]))])]


def _canary_null(canaries: CanaryResult, rows: int, generator: np.random.Generator) -> Floats:
    """Return [1 + B] p-values: the true one, and those of canaries of which each moves with the tolerated chance."""
    moved = generator.binomial(canaries.asked, canaries.tolerated, rows - 1)
    of_count = [
        CanaryResult(canaries.asked, ("",) * k, (), canaries.tolerated).p_value() for k in range(moved.max(initial=0) + 1)
    ]
    return np.concatenate([[canaries.p_value()], np.asarray(of_count)[moved]])


def _joined(reference: Sample, window: Sample) -> tuple[Sample, Bools]:
    pairs = ((getattr(reference, name), getattr(window, name)) for name in ("vectors", "lengths", "cut", "unknown", "top1"))
    in_window = np.repeat([False, True], [len(reference), len(window)])
    return Sample(*(np.concatenate(pair) for pair in pairs)), in_window


def _units(reference: Sample, window: Sample, known: Distinct, new: Distinct) -> tuple[Ints, tuple[int, int]]:
    """Return [N] the unit of each distinct text of both sides, and how many units either has."""
    numbers = []
    for sample, kept in ((reference, known), (window, new)):
        groups = np.arange(len(kept.rows)) if sample.groups is None else sample.groups[kept.rows]
        numbers.append(np.unique(groups, return_inverse=True)[1])
    sizes = [int(one.max(initial=-1)) + 1 for one in numbers]
    return np.concatenate([numbers[0], numbers[1] + sizes[0]]), (sizes[0], sizes[1])


def _findable(n: int, m: int) -> float | None:
    """Return the share of foreign texts that the classifier alone finds 8 times out of 10 at p = 1%, as of several checks.

    A share f moves the area under the curve by f / 2, and its standard error without a shift is sqrt((n + m + 1) / (12 n m))
    (Mann and Whitney, 1947): f is 2 (2.33 + 0.84) of these, if the classifier knows each foreign text.
    """
    share = 2 * (2.33 + 0.84) * np.sqrt((n + m + 1) / (12 * n * m))
    return float(share) if share < 1 else None


def _notes(
    counts: tuple[Texts, ...], found: tuple[Distinct, Distinct], told: bool, findable: float | None, level: Level
) -> tuple[str, ...]:
    reference, window = counts
    warned = ": quiet does not mean that nothing moved." if level == "quiet" else "."
    notes = []
    for name, texts, kept in zip(("the reference", "the window"), counts, found, strict=True):
        if texts.looked_at < texts.given:
            notes.append(f"{texts.looked_at:,} of the {texts.given:,} texts of {name} were looked at, drawn at random.")
        if texts.distinct < texts.looked_at:
            most = f"; one of them {int(kept.copies.max()):,} times" if kept.copies.max() > 2 else ""
            notes.append(
                f"{texts.distinct:,} of {texts.looked_at:,} texts of {name} are different{most}; repeats, and texts that are "
                "nearly the same, count once."
            )
    if not told:
        few = "the window" if window.units < FEWEST_NEW else "the reference"
        least = FEWEST_NEW if window.units < FEWEST_NEW else FEWEST_KNOWN
        have = window.units if window.units < FEWEST_NEW else reference.units
        notes.append(
            f"{few[0].upper()}{few[1:]} has {have} different texts or groups, and nothing can be told about its texts from fewer "
            f"than {least}: the level speaks of the index and the canaries only."
        )
    elif findable is not None and findable > FINDABLE:
        notes.append(
            f"With {window.units:,} new texts against {reference.units:,}, only a share of about {findable:.0%} or more of texts "
            f"of another kind is found reliably{warned}"
        )
    elif findable is None:
        notes.append(f"With so few texts only a window that is wholly new would be found{warned}")
    return tuple(notes)


__all__ = ["SIGNIFICANCE", "Texts", "WindowVerdict", "judge_window"]
