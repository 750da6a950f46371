"""How often `compare` calls a model as good as the one with the highest score although it is truly worse than the best.

`python -m tests.benchmarks.as_good [SIMULATIONS]` prints the table that `train/workflows/compare/as_good.py` quotes. Values are
like nDCG with one relevant document; models are alike on half or on nine tenths of the queries (paired SD .40 and .18), the first
is the best, and the others are truly worse by so much, or equal to it. The bound is the one that `compare` calls, on the
differences that it would see.
"""

from __future__ import annotations

import sys

import numpy as np

from train.evaluate.bounds import lower_bound

LEVELS, SHARES = np.array([0, 0.39, 0.5, 0.63, 1.0]), np.array([0.2, 0.1, 0.1, 0.15, 0.45])
MARGIN = 0.02
CASES = (
    ("2 models, one .05 worse", (0.0, 0.05)),
    ("2 models, one .02 worse", (0.0, 0.02)),
    ("10 models, nine .02 worse", (0.0,) + 9 * (0.02,)),
    ("10 models, nine .025 worse", (0.0,) + 9 * (0.025,)),
    ("10 models, nine .03 worse", (0.0,) + 9 * (0.03,)),
    ("10 models, five .02 worse", 5 * (0.0,) + 5 * (0.02,)),
    ("2 models, equal", (0.0, 0.0)),
)
SIZES = (50, 100, 300, 1000, 3000)


def drawn(rng: np.random.Generator, simulations: int, n: int, losses: tuple[float, ...], alike: float) -> np.ndarray:
    """Return [S, n, M] values of models that are alike on a share of the queries and truly lose so much."""
    shape = (simulations, n, len(losses))
    shared = rng.choice(LEVELS, shape[:2], p=SHARES)[:, :, None]
    own = rng.choice(LEVELS, shape, p=SHARES)
    values = np.where(rng.random(shape[:2])[:, :, None] < alike, shared, own)
    return np.where(rng.random(shape) < np.array(losses) / float(LEVELS @ SHARES), 0.0, values)


def passed(values: np.ndarray) -> np.ndarray:
    """Return [S, M] whether each model passes as as good as the one with the highest score, itself left out."""
    means = values.mean(axis=1)
    best = means.argmax(axis=1)
    highest = np.take_along_axis(values, best[:, None, None], axis=2)[:, :, 0]
    bounds = np.stack([lower_bound(values[:, :, one] - highest) for one in range(values.shape[2])], axis=1)
    return (bounds > -MARGIN) & (np.arange(values.shape[2]) != best[:, None])


def main(simulations: int) -> None:
    rng = np.random.default_rng(0)
    for alike in (0.5, 0.9):
        for name, losses in CASES:
            for n in SIZES:
                found = []
                left = min(simulations, 60_000_000 // (n * len(losses) ** 2))
                total = left
                while left > 0:  # in parts, for memory
                    part = min(left, max(1, 4_000_000 // (n * len(losses))))
                    found.append(passed(drawn(rng, part, n, losses, alike)))
                    left -= part
                asked = np.concatenate(found)[:, np.array(losses) == max(losses)]
                each, some = asked.mean(), asked.any(axis=1).mean()
                error = np.sqrt(each * (1 - each) / total)
                figures = f"each passes in {each:.1%} ± {error:.1%}, some model in {some:.1%} ({total} simulations)"
                print(f"{alike:.0%} alike, {name}, n = {n:>4}: {figures}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
