"""How often the best of several tuned models is called better where none is: what `train.report.sentences_looks` says.

Each model changes every query of one test by a value with mean 0; the changes of two models of one recipe are alike, so they
correlate. Judged are all of them by the project's own comparison and verdict, as a run judges one. The share of tests on which at
least one is `improved` is printed with its Monte Carlo standard error:

    python -m tests.benchmarks.looks --tests 2000
"""

from __future__ import annotations

import argparse

import numpy as np

from train.evaluate.statistics import compare_means
from train.evaluate.verdict import dataset_verdict

SPREAD = 0.25
"""Standard deviation of a query's change, as nDCG@10 has it on the sets of docs/experiments.md."""


NEVER = 1.5
"""Standard errors above 0 up to which no interval of 95% leaves 0 out: such models need not be compared."""


def false_better(
    tests: int, models: int, queries: int, correlation: float, *, seed: int = 0, resamples: int = 1000
) -> np.ndarray:
    """Return [models] the share of tests on which one of the first 1, 2, … models is falsely called better.

    Args:
        tests: that are simulated.
        models: judged on each.
        queries: of each.
        correlation: of two models' changes of a query.
        seed, resamples: of the simulation, of each comparison.
    """
    rng = np.random.default_rng(seed)
    better = np.zeros((tests, models), dtype=bool)
    base = np.full(queries, 0.5)
    for test in range(tests):
        shared, own = rng.standard_normal((1, queries)), rng.standard_normal((models, queries))
        changes = SPREAD * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
        t = changes.mean(axis=1) / (changes.std(axis=1, ddof=1) / np.sqrt(queries))
        for model in np.flatnonzero(t > NEVER):
            change = changes[model]
            found = compare_means(base, base + change, seed=seed, resamples=resamples)
            better[test, model] = dataset_verdict(found.ci95, found.independent, found.p_value) == "improved"
    shares: np.ndarray = np.maximum.accumulate(better, axis=1).mean(axis=0)
    return shares


def main() -> None:
    """Print a row for each number of queries and correlation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=2000, help="simulated tests a row")
    tests = parser.parse_args().tests
    looks = (1, 2, 3, 5, 10)
    print(f"| queries | correlation | {' | '.join(f'{look} looks' for look in looks)} |\n|{'---|' * (len(looks) + 2)}")
    for queries in (100, 300):
        for correlation in (0.5, 0.7, 0.9):
            found = false_better(tests, max(looks), queries, correlation)
            cells = [f"{found[i - 1]:.3f} ± {np.sqrt(found[i - 1] * (1 - found[i - 1]) / tests):.3f}" for i in looks]
            print(f"| {queries} | {correlation} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
