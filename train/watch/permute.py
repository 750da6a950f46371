"""One null for all checks: where both sides hold the same kind of texts, which text came from which is a matter of luck.

Shapes: N texts of both together, U units (texts, or groups of texts), B permutations, K statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.watch.sample import Bools, Floats, Ints

PERMUTATIONS = 999
"""B: the smallest p is 1 / 1000, and a p of 5% is good to 0.7%."""

FOLDS = 5
"""Parts of the cross-validation. Labels are permuted within the parts, so that each keeps its number of texts of either side."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Which texts count as the window's: truly, and in every permutation.

    Attributes:
        drawn: [1 + B, N] bool; row 0 is the truth.
        fold: [N] part of each text, 0..FOLDS-1.
    """

    drawn: Bools
    fold: Ints

    @property
    def truth(self) -> Bools:
        """Return [N], which texts are the window's."""
        return np.asarray(self.drawn[0])


def draw_labels(unit: Ints, in_window: Bools, generator: np.random.Generator, permutations: int = PERMUTATIONS) -> Labels:
    """Return permuted labels: whole units change sides, within the parts of the cross-validation.

    A test by permutations is exact for any number of texts if the units are exchangeable, also within blocks (Good, "Permutation,
    Parametric, and Bootstrap Tests of Hypotheses", 2005, chapter 3).

    Args:
        unit: [N] int, the unit of each text, numbered from 0 without a gap; those of a unit are of one side.
        in_window: [N].
        generator: of random numbers.
        permutations: B.
    """
    count = int(unit.max()) + 1
    side = np.zeros(count, dtype=np.bool_)
    side[unit] = in_window
    fold = np.empty(count, dtype=np.int64)
    for value, start in ((True, 0), (False, FOLDS // 2)):  # the larger parts of one side are not those of the other
        places = generator.permutation(np.flatnonzero(side == value))
        fold[places] = (np.arange(len(places)) + start) % FOLDS
    drawn = np.empty((permutations + 1, count), dtype=np.bool_)
    drawn[0] = side
    for part in range(FOLDS):
        places = np.flatnonzero(fold == part)
        repeated = np.broadcast_to(side[places], (permutations, len(places)))
        drawn[1:, places] = generator.permuted(repeated, axis=1)
    return Labels(drawn[:, unit], fold[unit])


def p_values(statistics: Floats) -> Floats:
    """Return the p of every row of [1 + B] or [1 + B, K] statistics among all rows; large ones are unusual, row 0 the truth."""
    ordered = np.sort(statistics, axis=0)
    columns = statistics[:, None] if statistics.ndim == 1 else statistics
    ordered = ordered[:, None] if ordered.ndim == 1 else ordered
    # the slack lets what is equal but rounded differently count as equal
    slack = 1e-9 * (1 + abs(ordered).max(axis=0, initial=0.0))
    below = [np.searchsorted(one, column - s, side="left") for one, column, s in zip(ordered.T, columns.T, slack, strict=True)]
    out = 1 - np.array(below).T / len(statistics)
    return np.asarray(out if statistics.ndim == 2 else out[:, 0])


def together(p: Floats) -> Floats:
    """Correct the p-values of K checks for being looked at together, by their joint null.

    The step-down min-p of Westfall and Young, "Resampling-Based Multiple Testing", 1993, algorithm 2.8, in the form of Ge, Dudoit
    and Speed, "Resampling-based multiple testing for microarray data analysis", Test 12(1), 2003, box 4. It keeps the share of
    windows with any false finding, and as checks of the same texts say much the same, it costs less than Holm's correction.

    Args:
        p: [1 + B, K] p-values of the truth (row 0) and of the permutations.

    Returns:
        [K].
    """
    order = np.argsort(p[0], kind="stable")
    out, largest = np.empty(len(order)), 0.0
    smallest = np.minimum.accumulate(p[:, order[::-1]], axis=1)[:, ::-1]  # of this check and those after it
    for rank, place in enumerate(order):
        largest = max(largest, float((smallest[:, rank] <= p[0, place] + 1e-12).mean()))
        out[place] = largest
    return out
