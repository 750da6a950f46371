"""Which texts of a window are the most foreign, each of them of another kind.

Shapes: n texts of the reference, m of the window, D dimensions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.cluster import hierarchy

from train.watch import classifier
from train.watch.distinct import in_order, unit_vectors
from train.watch.permute import draw_labels
from train.watch.sample import Floats, Ints, Sample

CANDIDATES = 500
"""Texts that are sorted into kinds; their pairs are compared."""

SHARE_OF_CANDIDATES = 0.1
"""Share of the window that is sorted into kinds: the least share of foreign texts that is an alarm."""

CHUNK = 2000
"""Texts of the window that are compared with the reference at a time."""


@dataclass(frozen=True)
class Foreign:
    """A text of the window that is unlike the reference, and stands for others like it.

    Attributes:
        row: its place in the window.
        similarity: cosine to the nearest text of the reference.
        nearest: place of that text in the reference.
        like: places in the window of the texts it stands for, itself first, the most foreign ones first.
    """

    row: int
    similarity: float
    nearest: int
    like: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


def most_foreign(reference: Sample, window: Sample, k: int) -> list[Foreign]:
    """Return up to k texts of the window that are most unlike the reference, no two of one kind; the most foreign one first.

    Texts are ordered by two things: how surely a classifier that has not seen them takes them for the window's, and how far they
    are from the nearest text of the reference. The first tenth is sorted into k kinds by their similarity (average linkage), and
    of each kind the most foreign one is returned. What repeats stands once. Whether any of them is foreign beyond chance is what
    `judge_window` says.

    Raises:
        ValueError: the vectors of the two have different dimensions.
    """
    if reference.vectors.shape[1] != window.vectors.shape[1]:
        raise ValueError(f"the reference has {reference.vectors.shape[1]} dimensions and the window {window.vectors.shape[1]}")
    if not len(reference) or not len(window) or k < 1:
        return []
    rows, known_rows = in_order(window), in_order(reference)
    _, first, same = np.unique(window.vectors[rows], axis=0, return_index=True, return_inverse=True)
    first = np.sort(first)  # in the order of `rows`, not in that of single coordinates
    distinct = rows[first]
    new, known = unit_vectors(window.vectors[distinct]), unit_vectors(reference.vectors)
    similarity, nearest = _nearest(new, known)
    score = (
        stats.rankdata(-np.round(similarity, 6))
        + stats.rankdata(np.round(_scores(reference.take(known_rows), window.take(distinct)), 6))
    ) / 2
    order = np.argsort(-score, kind="stable")
    chosen = order[: min(CANDIDATES, max(3 * k, round(SHARE_OF_CANDIDATES * len(order))))]
    copies = [rows[same == same[first[place]]] for place in chosen]
    out = []
    for members in _kinds(new[chosen], k):
        best = chosen[members[0]]
        like = [int(row) for place in members for row in copies[place]]
        out.append(Foreign(int(distinct[best]), float(similarity[best]), int(nearest[best]), tuple(like)))
    return out


def _nearest(new: Floats, known: Floats) -> tuple[Floats, Ints]:
    """Return [m] cosines to the nearest of the known ones, and their places."""
    found = []
    for start in range(0, len(new), CHUNK):
        cosines = new[start : start + CHUNK] @ known.T
        places = cosines.argmax(axis=1)
        found.append((cosines[np.arange(len(places)), places], places))
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def _scores(reference: Sample, window: Sample) -> Floats:
    """Return [m] how much each text looks like the window's, by classifiers that have not seen it."""
    vectors = np.concatenate([reference.vectors, window.vectors])
    in_window = np.repeat([False, True], [len(reference), len(window)])
    labels = draw_labels(np.arange(len(vectors)), in_window, np.random.default_rng(0), permutations=0)
    return np.asarray(classifier.scores(classifier.components(vectors), labels)[0][in_window])


def _kinds(unit: Floats, k: int) -> list[Ints]:
    """Return up to k clusters of [c, D] unit vectors, which are in order of foreignness: places in this order, clusters too."""
    if len(unit) <= k:
        return [np.array([place]) for place in range(len(unit))]
    tree = hierarchy.linkage(unit.astype(np.float64), method="average")
    number = hierarchy.fcluster(tree, k, criterion="maxclust")
    clusters = [np.flatnonzero(number == one) for one in np.unique(number)]
    return sorted(clusters, key=lambda places: int(places[0]))
