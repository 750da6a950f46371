"""Agreement of cosine similarities with gold scores of sentence pairs.

Shapes: P pairs, D dimensions.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from train.evaluate.exact_search import RESOLUTION

SCORED_METRICS = ("spearman", "pearson")
"""What is reported for scored pairs, the primary metric first."""


def cosine_similarities(vectors1: Tensor, vectors2: Tensor) -> np.ndarray:
    """Return [P] float64 cosines of row i of `vectors1` [P, D] with row i of `vectors2` [P, D].

    Computed in float64 and rounded to `RESOLUTION`, as scores in search are, so that pairs of equal texts tie. A zero vector has
    similarity 0 with everything.

    Raises:
        ValueError: the shapes differ, or a vector holds NaN or infinity.
    """
    if vectors1.shape != vectors2.shape or vectors1.ndim != 2:
        raise ValueError(f"vectors of pairs must have one shape [P, D], got {tuple(vectors1.shape)} and {tuple(vectors2.shape)}")
    out = np.empty(len(vectors1))
    for start in range(0, len(out), 8192):
        part = slice(start, start + 8192)
        cosine = torch.nn.functional.cosine_similarity(vectors1[part].double(), vectors2[part].double(), dim=1)
        out[part] = cosine.cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(out))
    if len(bad):
        raise ValueError(f"pair {bad[0]}: a vector holds NaN or infinity; the model did not encode it properly")
    return np.round(out / RESOLUTION) * RESOLUTION


def spearman(gold: np.ndarray, similarity: np.ndarray) -> float:
    """Return Spearman's rank correlation in -1..1 of [P] and [P]; equal values share their average rank.

    A constant `similarity` orders nothing and counts as 0 (the correlation is undefined), so that a collapsed model is judged as
    what it is rather than stopping the run.

    Raises:
        ValueError: fewer than two pairs, or all gold scores are equal: nothing can be judged on such pairs.
    """
    _check(gold, similarity)
    return 0.0 if _constant(similarity) else float(stats.spearmanr(gold, similarity).statistic)


def pearson(gold: np.ndarray, similarity: np.ndarray) -> float:
    """Return Pearson's correlation in -1..1 of [P] and [P]; constant input and errors as for `spearman`."""
    _check(gold, similarity)
    return 0.0 if _constant(similarity) else float(stats.pearsonr(gold, similarity).statistic)


def _constant(values: np.ndarray) -> bool:
    return bool(values.min() == values.max())


def _check(gold: np.ndarray, similarity: np.ndarray) -> None:
    if len(gold) != len(similarity):
        raise ValueError(f"{len(gold)} gold scores do not fit {len(similarity)} similarities")
    if len(gold) < 2:
        raise ValueError("a correlation needs at least two pairs")
    if _constant(gold):
        raise ValueError("all gold scores are equal, so no correlation with them is defined")
