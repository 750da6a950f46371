"""False and missed verdicts of cross-validation where training has luck, by the project's own functions.

    python -m tests.benchmarks.training_luck

Each simulated item has a difference of its own; the model of each part adds its luck, which has a standard deviation and is
correlated between parts. `improved_by_items` is what the interval over the items alone would have said.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np

from train.evaluate.luck import Luck, with_luck
from train.evaluate.statistics import Comparison, compare_means
from train.evaluate.verdict import dataset_verdict

DECLARED = Luck()

SPREAD = 0.28
"""Standard deviation of a query's gain in nDCG@10 (python_api, base against tuned)."""


@dataclass(frozen=True)
class Setting:
    """What is simulated: items in all parts, the recipe's true gain, a model's luck and its correlation between parts."""

    n: int
    gain: float = 0.0
    luck: float = 0.0
    correlation: float = 0.0
    folds: int = 5
    spread: float = SPREAD


@dataclass(frozen=True)
class Rates:
    """Shares of simulations, and their Monte Carlo standard error where a share is 5%."""

    improved: float
    improved_by_items: float
    regressed: float
    error: float


def parts_luck(setting: Setting, generator: np.random.Generator) -> np.ndarray:
    """Return [F] luck of the parts' models: shared in part."""
    shared, own = generator.normal(), generator.normal(size=setting.folds)
    return np.asarray(setting.luck * (math.sqrt(setting.correlation) * shared + math.sqrt(1 - setting.correlation) * own))


def rates(setting: Setting, *, simulations: int, resamples: int = 1000, seed: int = 0, declared: Luck = DECLARED) -> Rates:
    """Simulate cross-validations and count their verdicts."""
    generator = np.random.default_rng(seed)
    sizes = [len(part) for part in np.array_split(np.arange(setting.n), setting.folds)]
    variance, told = declared.variance(sizes), []
    for number in range(simulations):
        luck = np.repeat(parts_luck(setting, generator), sizes)
        gains = np.clip(generator.normal(setting.gain, setting.spread, setting.n) + luck, -1, 1)
        items = compare_means(np.zeros(setting.n), gains, seed=number, resamples=resamples)
        told.append((verdict(with_luck(items, variance, declared.freedom)), verdict(items)))
    improved, by_items = (sum(pair[i] == "improved" for pair in told) / simulations for i in (0, 1))
    regressed = sum(pair[0] == "regressed" for pair in told) / simulations
    return Rates(improved, by_items, regressed, math.sqrt(0.05 * 0.95 / simulations))


def verdict(found: Comparison) -> str:
    """Return the verdict on a comparison, as a run gives it."""
    return dataset_verdict(found.ci95, found.independent, found.p_value)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args()
    sizes = {"simulations": options.simulations, "resamples": options.resamples}
    print("| n | luck | correlation | false improved | by items alone | false regressed |\n|---|---|---|---|---|---|")
    for n in (200, 500, 1000, 1500, 2400):
        for luck, correlation in ((0.0, 0.0), (0.0055, 0.0), (0.0055, 0.5), (0.011, 0.0), (0.011, 0.5)):
            found = rates(Setting(n, 0.0, luck, correlation), **sizes)
            row = (f"{n:,}", f"{luck:g}", f"{correlation:g}", f"{found.improved:.1%}", f"{found.improved_by_items:.1%}")
            print(f"| {' | '.join((*row, f'{found.regressed:.1%}'))} |", flush=True)
    print("\n| n | true gain | improved | by items alone |\n|---|---|---|---|")
    for n in (200, 500):
        found = rates(Setting(n, 0.05), **sizes)
        print(f"| {n} | 0.05 | {found.improved:.1%} | {found.improved_by_items:.1%} |", flush=True)
    print(f"\nMonte Carlo error of a rate of 5%: {found.error:.1%}")


if __name__ == "__main__":
    main()
