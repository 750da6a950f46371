"""The domain classifier: can a text of the window be told from one of the reference by its vector?

Its area under the ROC curve is 0.5 where it cannot, and 0.5 + f / 2 or less where a share f of the window is of another kind
(Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017). Every text is scored by a classifier that has not
seen it.

Shapes: N texts, D dimensions, P principal components, B permutations.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from train.watch.permute import FOLDS, Labels
from train.watch.sample import Floats
from train.watch.shifts import interval_of_chance, placements

COMPONENTS = 128
"""Principal components that the classifier sees: with more than the texts of a window can teach, it learns noise."""

FITTED = 1000
"""Texts from which the axes are taken where there are more dimensions: 3,072 of them would take 15 seconds otherwise."""

PENALTY = 1.0
"""Of the ridge, in units of the mean variance of a component times the number of texts."""

TRAINING = 1.5
"""Factor of the standard error of a cross-validated area: other texts would have taught another classifier. Nadeau and Bengio,
"Inference for the generalization error", Machine Learning 52, 2003, section 3.4, multiply the variance of K parts by 1 + K n2
/ n1, n2 texts of a part to n1 that taught: 2.25 with five. Without it the interval of 95% held the truth in 83% to 88% of
simulated windows, with it in 96% to 99%."""


def components(vectors: Floats, most: int = COMPONENTS) -> Floats:
    """Return [N, P] the first principal components of [N, D] vectors; they know nothing of the labels.

    Where texts and dimensions are both more than `FITTED`, the axes are those of every second, third, … text.
    """
    if not vectors.size:
        return np.zeros((len(vectors), 0))
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    if centred.shape[1] <= FITTED:
        values, axes = np.linalg.eigh(centred.T @ centred)
    else:
        some = centred[:: -(-len(centred) // FITTED)]
        values, left = np.linalg.eigh(some @ some.T)
        axes = some.T @ (left / np.sqrt(np.maximum(values, np.finfo(float).tiny)))
    kept = np.flatnonzero(values > max(values[-1], 0) * 1e-10)[::-1][:most]
    return np.asarray(centred @ axes[:, kept])


def scores(features: Floats, labels: Labels) -> Floats:
    """Return how much each text looks like the window's, by least squares with a ridge on the other parts.

    Least squares on labels finds the direction of Fisher's discriminant (Hastie, Tibshirani and Friedman, "The Elements of
    Statistical Learning", 2009, exercise 4.2), and its matrix does not depend on the labels: all permutations cost little more
    than one.

    Args:
        features: [N, P].
        labels: true and permuted.

    Returns:
        [1 + B, N].
    """
    drawn = labels.drawn
    out = np.zeros(drawn.shape)
    if not features.shape[1]:
        return out
    for part in range(FOLDS):
        held = labels.fold == part
        taught = features[~held]
        middle = taught.mean(axis=0)
        x, y = taught - middle, drawn[:, ~held].T.astype(np.float64)
        gram = x.T @ x
        gram[np.diag_indices_from(gram)] += PENALTY * np.trace(gram) / len(gram) + 1e-12
        out[:, held] = ((features[held] - middle) @ np.linalg.solve(gram, x.T @ (y - y.mean(axis=0)))).T
    return out


def areas(found: Floats, labels: Labels) -> Floats:
    """Return [B] areas under the ROC curve of the first [B, N] scores: a text is compared within its part, of one classifier."""
    total, pairs = np.zeros(len(found)), np.zeros(len(found))
    for part in range(FOLDS):
        held = labels.fold == part
        drawn = labels.drawn[: len(found), held]
        m = drawn.sum(axis=1)
        weight = m * (drawn.shape[1] - m)
        ranks = stats.rankdata(np.round(found[:, held], 12), axis=1)
        total += (ranks * drawn).sum(axis=1) - m * (m + 1) / 2
        pairs += weight
    return np.asarray(np.where(pairs > 0, total / np.maximum(pairs, 1), 0.5))


def placements_by_part(found: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """Return the placements (see `shifts.placements`) of the window's and the reference's texts within their parts."""
    above, beneath = [], []
    for part in range(FOLDS):
        held = labels.fold == part
        if 0 < labels.truth[held].sum() < held.sum():
            one, other = placements(np.round(found[held], 12), labels.truth[held])
            above.append(one)
            beneath.append(other)
    return np.concatenate(above), np.concatenate(beneath)


def interval(found: Floats, labels: Labels) -> tuple[float, float]:
    """Return the 95% interval of the true labels' area, from [N] scores."""
    return interval_of_chance(*placements_by_part(found, labels), wider=TRAINING)
