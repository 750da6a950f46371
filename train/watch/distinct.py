"""Distinct texts: a query that is sent a hundred times is one witness, not a hundred.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.watch.sample import Floats, Ints, Sample

NEARLY_THE_SAME = 0.06
"""Texts count as one up to this share of the mean squared distance of two texts of the reference. Some models give any two texts
a cosine of .7, so a fixed cosine would not do. For all-MiniLM-L6-v2 it is one of .95 on queries of banking77, finqa10k and
nl2bash, where 5.9%, 1.3% and 2.4% of 2,000 repeat another one by it, and of 200 at most 1%."""

LARGEST = 2000
"""Distinct texts of one side that are looked at. With 2,000 a side the standard error of an area under the ROC curve is .009:
they show shifts smaller than the least that matters, and the time stays within seconds."""

FEW_REPEATS = 0.02
"""Share of repeats up to which it does not matter that the larger of two sides repeats itself more often."""


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct texts of a sample.

    Attributes:
        rows: [n] places of the texts that stand for those like them.
        copies: [n] how many of the looked-at texts each of them stands for, itself included.
        looked_at: how many texts were looked at; fewer than there are where `LARGEST` or the other side's size said so.
    """

    rows: Ints
    copies: Ints
    looked_at: int

    @property
    def repeated(self) -> float:
        """Return the share of texts that repeat another one, 0..1."""
        return 1 - len(self.rows) / self.looked_at if self.looked_at else 0.0


def distinct_of_both(reference: Sample, window: Sample, generator: np.random.Generator) -> tuple[Distinct, Distinct]:
    """Return the distinct texts of the reference and of the window, so that both can be compared.

    Of texts that are drawn again and again (popular queries), a larger sample holds fewer distinct ones for its size, and more of
    the rare ones: comparing distinct texts of unequal samples would show a shift that is none. Where both sides repeat
    themselves, as many texts of the larger are looked at as the smaller has.
    """
    near = NEARLY_THE_SAME * mean_squared_distance(reference)
    first, second = distinct(reference, near, generator), distinct(window, near, generator)
    if min(first.repeated, second.repeated) <= FEW_REPEATS or len(reference) == len(window):
        return first, second
    most = min(len(reference), len(window))
    if len(reference) > most:
        return distinct(reference, near, generator, most), second
    return first, distinct(window, near, generator, most)


def distinct(sample: Sample, near: float, generator: np.random.Generator, most: int | None = None) -> Distinct:
    """Return the distinct texts of a sample, in an order that is independent of theirs.

    Args:
        sample: N texts.
        near: squared distance of unit vectors up to which texts count as one.
        generator: draws `most` texts of more, and then `LARGEST` different ones of more.
        most: how many texts to look at.
    """
    rows = in_order(sample)
    if most is not None and most < len(rows):
        rows = np.sort(generator.choice(len(rows), most, replace=False))
        rows = in_order(sample)[rows]
    looked_at = len(rows)
    _, first, counts = np.unique(sample.vectors[rows], axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    rows, counts = rows[first[order]], counts[order]
    if len(rows) > LARGEST:
        drawn = np.sort(generator.choice(len(rows), LARGEST, replace=False))
        rows, counts = rows[drawn], counts[drawn]
        looked_at = int(counts.sum())
    stand, copies = _leaders(sample.vectors[rows], near, counts)
    return Distinct(rows[stand], copies, looked_at)


def mean_squared_distance(sample: Sample) -> float:
    """Return that of two texts drawn with replacement, as unit vectors: 2 (1 - |mean|²)."""
    if not len(sample):
        return 0.0
    mean = unit_vectors(sample.vectors).mean(axis=0, dtype=np.float64)
    return max(0.0, 2 * (1 - float(mean @ mean)))


def in_order(sample: Sample) -> Ints:
    """Return [N] places that sort the texts by what they are, so that their order, and turning all vectors, changes no result."""
    vectors = sample.vectors.astype(np.float64)
    along = vectors @ vectors.mean(axis=0) if len(vectors) else np.empty(0)
    # rounded, as a rotation moves the last digits; what is equal then is told apart by the other figures
    return np.lexsort((sample.top1, sample.unknown, np.linalg.norm(vectors, axis=1), sample.lengths, np.round(along, 6)))


def unit_vectors(vectors: Floats) -> Floats:
    """Return [N, D] vectors of length 1; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths))


def _leaders(vectors: Floats, near: float, counts: Ints) -> tuple[Ints, Ints]:
    """Return the places of texts that stand for all within `near` of them, and how many these are.

    Those with most texts around them come first, so no chain of neighbours makes distant texts one.
    """
    unit = unit_vectors(vectors)
    close = 2 - 2 * (unit @ unit.T) <= near
    np.fill_diagonal(close, True)  # also where a vector is zero
    around = close.sum(axis=1)
    free, stand, copies = np.ones(len(unit), dtype=np.bool_), [], []
    for place in np.argsort(-around, kind="stable"):
        if free[place]:
            own = close[place] & free
            free[own] = False
            stand.append(place)
            copies.append(int(counts[own].sum()))
    order = np.argsort(stand)
    return np.asarray(stand, dtype=np.int64)[order], np.asarray(copies, dtype=np.int64)[order]
