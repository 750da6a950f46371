"""Novelty: how far a text is from the nearest one of the reference, and which share of a window is too far to belong to it.

Shapes: n texts of the reference, m of the window, N = n + m, B permutations.
"""

from __future__ import annotations

import numpy as np

from train.watch.sample import Bools, Floats
from train.watch.shifts import difference_of_shares

FAR = 0.05
"""Share of the reference's own texts that count as far: those farthest from their nearest neighbour in the reference."""


class Neighbours:
    """The neighbours of every text, nearest first, as many as nearly always hold one of the reference.

    Args:
        squared: [N, N] squared distances.
        share: of the texts that are the reference's, 0..1.
    """

    def __init__(self, squared: Floats, share: float) -> None:
        self.squared = squared.copy()
        np.fill_diagonal(self.squared, np.inf)
        total = len(squared)
        # none of k neighbours is of the reference with chance (1 - share)^k
        wanted = total if share <= 0 else int(np.ceil(np.log(1e-3) / np.log(max(1e-12, 1 - share)))) + 1
        self.k = min(total - 1, max(4, wanted))
        part = np.argpartition(self.squared, self.k - 1, axis=1)[:, : self.k]
        order = np.argsort(np.take_along_axis(self.squared, part, axis=1), axis=1, kind="stable")
        self.places = np.take_along_axis(part, order, axis=1)
        self.distances = np.take_along_axis(self.squared, self.places, axis=1)

    def nearest(self, in_window: Bools) -> Floats:
        """Return [N] squared distances of every text to the nearest other one that is not the window's."""
        known = ~in_window[self.places]
        first = known.argmax(axis=1)
        out = self.distances[np.arange(len(first)), first]
        missing = np.flatnonzero(~known[np.arange(len(first)), first])
        if len(missing):
            out[missing] = self.squared[np.ix_(missing, np.flatnonzero(~in_window))].min(axis=1)
        return np.asarray(out)


def far_counts(novelty: Floats, in_window: Bools) -> tuple[int, int]:
    """Return how many texts of the window and of the reference are farther from it than all but a share `FAR` of its own are."""
    own = novelty[~in_window]
    kept = int(np.ceil((1 - FAR) * len(own)))
    limit = np.partition(own, kept - 1)[kept - 1]
    limit += 1e-6 * abs(limit)  # rounding makes nothing new
    return int((novelty[in_window] > limit).sum()), int((own > limit).sum())


def far_shares(neighbours: Neighbours, labels: Bools) -> Floats:
    """Return [B] the share of the window that is far less that of the reference, for [B, N] labels."""
    out = np.empty(len(labels))
    for row, in_window in enumerate(labels):
        k, j = far_counts(neighbours.nearest(in_window), in_window)
        m = int(in_window.sum())
        out[row] = k / m - j / (len(in_window) - m)
    return out


def foreign_share(k: int, m: int, j: int, n: int) -> tuple[float, tuple[float, float]]:
    """Return the least share of the window that is of another kind, with its 95% interval.

    If a share f is foreign and the rest is like the reference, then k / m = f g + (1 - f) j / n, where g of the foreign ones are
    far. With g at most 1, f is at least (k / m - j / n) / (1 - j / n) (Blanchard, Lee and Scott, "Semi-supervised novelty
    detection", JMLR 11, 2010, section 3). Foreign texts that are as near to the reference as its own are not counted.

    Args:
        k, m: far texts of the window, and all.
        j, n: far texts of the reference, and all.
    """
    rest = 1 - j / n
    if rest <= 0:
        return 0.0, (0.0, 1.0)
    delta, (low, high) = difference_of_shares(k, m, j, n)
    return max(0.0, delta / rest), (max(0.0, low / rest), min(1.0, max(0.0, high / rest)))
