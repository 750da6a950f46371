"""Distinct texts: a query that is sent a hundred times is one witness, not a hundred.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from train.watch.sample import Floats, Ints, Sample

NEARLY_THE_SAME = 0.95
"""Cosine from which two texts count as one. all-MiniLM-L6-v2 gives a question with and without its question mark about .98, and
two differently worded questions of one intent of banking77 .6 on average."""

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
    first, second = distinct(reference, generator), distinct(window, generator)
    if min(first.repeated, second.repeated) <= FEW_REPEATS or len(reference) == len(window):
        return first, second
    most = min(len(reference), len(window))
    if len(reference) > most:
        return distinct(reference, generator, most), second
    return first, distinct(window, generator, most)


def distinct(sample: Sample, generator: np.random.Generator, most: int | None = None) -> Distinct:
    """Return the distinct texts of a sample, in an order that is independent of theirs.

    Args:
        sample: N texts.
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
    like = _nearly_the_same(sample.vectors[rows])
    stand = _most_central(sample.vectors[rows], like)
    copies = np.bincount(like, counts).astype(np.int64)[like[stand]]
    return Distinct(rows[stand], copies, looked_at)


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


def _nearly_the_same(vectors: Floats) -> NDArray[Any]:
    """Return [N] the number of the cluster of each: those that a chain of near neighbours connects."""
    unit = unit_vectors(vectors)
    near = [sparse.csr_array(unit[start : start + 500] @ unit.T >= NEARLY_THE_SAME) for start in range(0, len(unit), 500)]
    if not near:
        return np.empty(0, dtype=np.int64)
    return np.asarray(csgraph.connected_components(sparse.vstack(near), directed=False)[1])


def _most_central(vectors: Floats, cluster: NDArray[Any]) -> Ints:
    """Return the place of the text nearest to the mean of each cluster, in ascending order."""
    if not len(vectors):
        return np.empty(0, dtype=np.int64)
    unit = unit_vectors(vectors).astype(np.float64)
    sums = np.zeros((int(cluster.max()) + 1, unit.shape[1]))
    np.add.at(sums, cluster, unit)
    fit = np.round(np.einsum("nd,nd->n", unit, sums[cluster]), 6)
    order = np.lexsort((np.arange(len(unit)), -fit, cluster))
    return np.sort(order[np.unique(cluster[order], return_index=True)[1]])
