"""Shifts of a figure that every text has: similarity, length, unknown tokens, whether it was cut.

Shapes: n texts of the reference, m of the window, N = n + m, B permutations.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from train.watch.sample import Bools, Floats


def chance_larger(values: Floats, labels: Bools) -> Floats:
    """Return the chance that a text of the window has a larger value than one of the reference, ties counted half.

    0.5 where nothing moved. That is Mann and Whitney's U / (n m), and the area under the ROC curve. Where a share f of the window
    lies beyond all of the reference, it is 0.5 + f / 2.

    Args:
        values: [N].
        labels: [B, N] which texts count as the window's.

    Returns:
        [B].
    """
    ranks = stats.rankdata(values)
    m = labels.sum(axis=1)
    n = labels.shape[1] - m
    return np.asarray((labels @ ranks - m * (m + 1) / 2) / (m * n))


def placements(values: Floats, in_window: Bools) -> tuple[Floats, Floats]:
    """Return for each text of the window the share of the reference below it, and for each of the reference that of the window
    above it, ties counted half: [m] and [n], both with the mean `chance_larger`."""
    high, low = values[in_window], values[~in_window]

    def below(of: Floats, among: Floats) -> Floats:
        ordered = np.sort(among)
        return np.asarray((np.searchsorted(ordered, of, "left") + np.searchsorted(ordered, of, "right")) / (2 * len(among)))

    return below(high, low), 1 - below(low, high)


def interval_of_chance(above: Floats, beneath: Floats, wider: float = 1.0) -> tuple[float, float]:
    """Return the 95% interval of an area under the ROC curve from its placements [m] and [n].

    The variance is that of DeLong, DeLong and Clarke-Pearson, Biometrics 44(3), 1988; on the logit scale, so that it stays inside
    of 0..1 (Pepe, "The Statistical Evaluation of Medical Tests", 2003, section 5.2.5), with Student's quantile for the smaller
    side. Where nothing varies (complete separation) the rule of three stands in its place.

    Args:
        above, beneath: see `placements`.
        wider: factor of the standard error, where more varies than these texts.
    """
    m, n = len(above), len(beneath)
    area = float(above.mean())
    least = min(m, n)
    if least < 2:
        return 0.0, 1.0
    spread = wider * np.sqrt(above.var(ddof=1) / m + beneath.var(ddof=1) / n)
    edge = 3 / (2 * least)  # half a rule of three: a share 3 / least of the texts may lie anywhere, which moves the area by half
    if area <= 0 or area >= 1 or spread == 0:
        return max(0.0, area - 2 * edge), min(1.0, area + 2 * edge)
    logit = special.logit(area)
    arm = special.stdtrit(least - 1, 0.975) * spread / (area * (1 - area))
    return float(special.expit(logit - arm)), float(special.expit(logit + arm))


def difference_of_means(window: Floats, reference: Floats) -> tuple[float, tuple[float, float]]:
    """Return the mean of [m] less that of [n], with Welch's 95% interval (Biometrika 34(1/2), 1947)."""
    delta = float(window.mean() - reference.mean())
    m, n = len(window), len(reference)
    if min(m, n) < 2:
        return delta, (-np.inf, np.inf)
    a, b = window.var(ddof=1) / m, reference.var(ddof=1) / n
    if a + b == 0:
        return delta, (delta, delta)
    freedom = (a + b) ** 2 / (a**2 / (m - 1) + b**2 / (n - 1))
    arm = float(special.stdtrit(freedom, 0.975) * np.sqrt(a + b))
    return delta, (delta - arm, delta + arm)


def difference_of_shares(k: int, m: int, j: int, n: int) -> tuple[float, tuple[float, float]]:
    """Return k/m - j/n with its 95% interval, by Newcombe's method 10 (Statistics in Medicine 17(8), 1998)."""
    delta = k / m - j / n
    (low1, high1), (low2, high2) = wilson(k, m), wilson(j, n)
    low = delta - np.hypot(k / m - low1, high2 - j / n)
    high = delta + np.hypot(high1 - k / m, j / n - low2)
    return delta, (float(max(-1, low)), float(min(1, high)))


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a share k / n (Wilson, JASA 22, 1927)."""
    z = float(special.ndtri(0.975))
    middle = (k + z**2 / 2) / (n + z**2)
    arm = z * np.sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    return float(max(0, middle - arm)), float(min(1, middle + arm))
