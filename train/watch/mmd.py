"""Maximum mean discrepancy: how far apart two samples are in all that a smooth function of the vector could show.

Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A kernel two-sample test", JMLR 13, 2012: the unbiased estimate of its square
(equation 3), a Gaussian kernel whose width is the median distance of the pooled sample (section 8), and a permutation test.

Shapes: n texts of the reference, m of the window, N = n + m, D dimensions, B permutations.
"""

from __future__ import annotations

import numpy as np

from train.watch.sample import Bools, Floats

CHUNK = 250
"""Permutations that are multiplied at a time: [N, 250] numbers."""


def squared_distances(vectors: Floats) -> Floats:
    """Return [N, N] squared Euclidean distances, float32; 0 on the diagonal."""
    v = vectors.astype(np.float32) - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.einsum("nd,nd->n", v, v)
    out = np.maximum(norms[:, None] + norms[None, :] - 2 * (v @ v.T), 0)
    np.fill_diagonal(out, 0)
    return np.asarray(out)


def gaussian_kernel(squared: Floats) -> Floats:
    """Return [N, N] exp(-d² / (2 s²)), s the median of the distances between different texts; ones where all are the same."""
    others = squared[np.triu_indices(len(squared), 1)]
    median = float(np.median(others[others > 0])) if (others > 0).any() else 0.0
    return np.asarray(np.exp(-squared / (2 * median)) if median else np.ones_like(squared))


def mmd2(kernel: Floats, labels: Bools) -> Floats:
    """Return the unbiased estimates of MMD² for [B, N] labels, [B]; below 0 where the samples are closer than chance has them.

    Args:
        kernel: [N, N].
        labels: [B, N] which texts count as the window's; two or more on either side.
    """
    diagonal = np.diag(kernel).astype(np.float64)
    whole = float(kernel.sum(dtype=np.float64))
    rows = kernel.sum(axis=1, dtype=np.float64)
    out = np.empty(len(labels))
    for start in range(0, len(labels), CHUNK):
        z = labels[start : start + CHUNK].astype(np.float32)
        inside = np.einsum("bn,bn->b", z @ kernel, z, dtype=np.float64)
        touching = z @ rows
        own = z @ diagonal
        m = z.sum(axis=1, dtype=np.float64)
        n = labels.shape[1] - m
        between = touching - inside
        outside = whole - 2 * touching + inside
        out[start : start + CHUNK] = (
            (inside - own) / (m * (m - 1)) + (outside - (diagonal.sum() - own)) / (n * (n - 1)) - 2 * between / (m * n)
        )
    return out


def spread(kernel: Floats, in_window: Bools) -> float:
    """Return the standard deviation of the reference in the kernel's space: the square root of 1 - mean kernel of two texts."""
    own = kernel[np.ix_(~in_window, ~in_window)]
    n = len(own)
    mean = (float(own.sum(dtype=np.float64)) - float(np.trace(own))) / (n * (n - 1))
    return float(np.sqrt(max(0.0, float(np.trace(own)) / n - mean)))
