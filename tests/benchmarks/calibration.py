"""How often verdicts are wrong, and how often they see what is there, by simulations of the project's own functions.

    python -m tests.benchmarks.calibration --sims 4000

prints one table with Monte Carlo errors, in about ten minutes on one core. A row is a situation of docs/ci.md and docs/recipe.md;
`limit` is what it must keep. Differences of single queries are like those of nDCG@10: many zeros, gains and losses of all sizes,
with a standard deviation of .25 to .29 unless something else stands there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from train.evaluate.bounds import lower_bound
from train.evaluate.compare_seeds import compare_seeds, seeds_result
from train.evaluate.holm import holm, together
from train.evaluate.luck import Luck, with_luck
from train.evaluate.results import CrossValidation, DatasetResult, run_verdict
from train.evaluate.seeds import SeedResult
from train.evaluate.statistics import Comparison, compare_means
from train.evaluate.units import Units, by_wider
from train.evaluate.verdict import dataset_verdict

RESAMPLES = 500
"""Of each comparison: the ends of an interval are good to a tenth of its standard error, and a rate of 2.5% to .2%."""
MARGIN = 0.02
COUNTS = (1, 2, 5, 10, 15)
"""Numbers of data sets in a run."""

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


class Row(NamedTuple):
    """A line of the table: how often something happened in `sims` simulations, and what is allowed."""

    what: str
    rate: float
    sims: int
    limit: float | None = None

    @property
    def error(self) -> float:
        """Return the standard error of the rate."""
        return float(np.sqrt(max(self.rate * (1 - self.rate), 1 / self.sims) / self.sims))

    @property
    def kept(self) -> bool:
        """Tell whether the rate is within the limit, as far as two standard errors can tell."""
        return self.limit is None or self.rate <= self.limit + 2 * self.error


def ndcg_like(mean: float, sd: float = 0.25) -> Draw:
    """Return differences with 40% zeros and the rest normal, moved and scaled to the mean and the standard deviation."""

    def draw(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        changed = generator.random(shape) < 0.6
        values = generator.normal(mean / 0.6, np.sqrt(max((sd**2 + mean**2) / 0.6 - (mean / 0.6) ** 2, 0)), shape)
        return np.asarray(np.where(changed, values, 0.0).clip(-1, 1))

    return draw


def rare(share: float, loss: float, mean: float, gaining: float = 0.27) -> Draw:
    """Return differences of which a share loses much and others gain what makes the mean."""

    def draw(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        kind, gain = generator.random(shape), (mean + share * loss) / gaining
        return np.where(kind < share, -loss, np.where(kind > 1 - gaining, gain, 0.0))

    return draw


def judged(differences: np.ndarray, seed: int = 0) -> DatasetResult:
    """Return the result of these differences, as `evaluator.compare` builds it."""
    found = compare_means(np.full(len(differences), 0.0), differences, seed=seed, resamples=RESAMPLES)
    return DatasetResult.of(found, name="x", kind="pair", split="test", metric="ndcg@10", metrics={}, test_sha256=None)


def pool(draw: Draw, n: int, sims: int, seed: int) -> list[DatasetResult]:
    """Return independent results, from which runs of several data sets are drawn."""
    generator = np.random.default_rng(seed)
    return [judged(draw(generator, (n,)), seed=i) for i in range(sims)]


def many_data_sets(sims: int) -> Iterator[Row]:
    """Runs on K data sets without a difference; and what a loss on one of them costs."""
    most = max(COUNTS)
    equal = pool(ndcg_like(0), 100, most * sims, seed=100)
    for count in COUNTS:
        runs = [equal[most * i : most * i + count] for i in range(sims)]
        for name, done in (("", together), ("  uncorrected: ", list)):
            verdicts = [run_verdict(done(results)) for results in runs]
            limit = 0.03 if done is together else None
            better, worse = (sum(v in (one, "mixed") for v in verdicts) / sims for one in ("improved", "regressed"))
            yield Row(f"{name}{count} equal data sets of 100: run better", better, sims, limit)
            yield Row(f"{name}{count} equal data sets of 100: --fail-on regressed stops", worse, sims, limit)
    for n in (50, 100):
        worse_sets = pool(ndcg_like(-0.05), n, sims, seed=7 + n)
        for count in (1, 10):
            runs = [[one, *equal[most * i : most * i + count - 1]] for i, one in enumerate(worse_sets)]
            stopped = sum(run_verdict(together(results)) in ("regressed", "mixed") for results in runs)
            yield Row(f"-.05 on one of {count} sets, n={n}: --fail-on regressed stops", stopped / sims, sims)
        passed = sum((one.low95 or -1) > -MARGIN for one in worse_sets) / sims
        yield Row(f"-.05 on one set, n={n}: --fail-on worse-than=0.02 passes", passed, sims, 0.05)


def margins(sims: int) -> Iterator[Row]:
    """Models that are worse by exactly the margin, and equal ones."""
    shapes = {
        "SD .25": ndcg_like(-MARGIN), "2% lose 1": rare(0.02, 1.0, -MARGIN), "5% lose .9": rare(0.05, 0.9, -MARGIN),
        "10% lose .2": rare(0.1, 0.2, -MARGIN),
    }  # fmt: skip
    for n in (20, 50, 100, 300, 1000):
        for name, draw in shapes.items():
            samples = draw(np.random.default_rng(n), (sims, n))
            yield Row(f"worse by .02, {name}, n={n}: not worse", float((lower_bound(samples) > -MARGIN).mean()), sims, 0.05)
    for n in (300, 1000, 1100, 1500):
        some = min(sims, 1000)
        samples = ndcg_like(0)(np.random.default_rng(n), (some, n))
        yield Row(f"equal, SD .25, n={n}: not worse", float((lower_bound(samples) > -MARGIN).mean()), some)


def single(sims: int) -> Iterator[Row]:
    """One comparison: power, rare losses, and queries that share a document."""
    for n, draw in ((100, ndcg_like(0.05, 0.29)), (200, ndcg_like(0.05, 0.29))):
        found = pool(draw, n, sims, seed=3)
        yield Row(f"+.05, SD .29, n={n}: better", sum(one.verdict == "improved" for one in found) / sims, sims)
    for n in (20, 50, 100):
        found = pool(rare(0.03, 0.9, 0.0), n, sims, seed=5)
        yield Row(f"27% gain .1, 3% lose .9, n={n}: better (said)", sum(o.verdict == "improved" for o in found) / sims, sims)
        passed = sum((one.low95 or -1) > -MARGIN for one in found) / sims
        yield Row(f"27% gain .1, 3% lose .9, n={n}: not worse", passed, sims)
    generator, some = np.random.default_rng(9), min(sims, 2000)
    units = Units(texts=np.repeat(np.arange(40), 8))
    wrong = alone = 0
    for seed in range(some):
        values = generator.normal(0, 0.2, 320) + np.repeat(generator.normal(0, 0.1, 40), 8)

        def compare(groups: np.ndarray | None, values: np.ndarray = values, seed: int = seed) -> Comparison:
            return compare_means(np.zeros(320), values, seed=seed, resamples=RESAMPLES, groups=groups)

        wrong += _better(by_wider(units, compare))
        alone += _better(compare(None))
    yield Row("40 documents of 8 queries, equal: better", wrong / some, some, 0.035)
    yield Row("  each query by itself: better", alone / some, some)


def pairs_of_models(sims: int) -> Iterator[Row]:
    """A huge difference among 540 pairs of models (10 on 12 data sets)."""
    generator, some = np.random.default_rng(2), min(sims, 200)
    shown = 0
    for seed in range(some):
        p = judged(generator.normal(0.4, 0.2, 200).clip(-1, 1), seed).p_value
        shown += holm([p, *[0.5] * 539])[0] < 0.05
    yield Row("+.4 at n=200 among 540 pairs: not shown", 1 - shown / some, some, 0.0)


def cross_validations(sims: int) -> Iterator[Row]:
    """Cross-validation in five parts whose models have luck."""
    generator, some = np.random.default_rng(4), min(sims, 1000)
    for n in (200, 600, 1500, 2400):
        for sd in (0.0055, 0.011):
            for shared in (0.0, 0.5):
                wrong = sum(_better(_crossed(generator, n, 0.0, sd, shared, seed)[1]) for seed in range(some))
                yield Row(f"cross-validation, equal, n={n}, luck {sd}, correlation {shared}: better", wrong / some, some, 0.05)
    for n in (200, 500):
        found = [_crossed(generator, n, 0.05, 0.011, 0.5, seed) for seed in range(some)]
        power = [sum(map(_better, side)) / some for side in zip(*found, strict=True)]
        yield Row(f"cross-validation, +.05, n={n}: better by items alone", power[0], some)
        yield Row(f"cross-validation, +.05, n={n}: better with luck", power[1], some)


def runs_cross_validated(sims: int) -> Iterator[Row]:
    """Runs that are judged twice, by cross-validation and by the test of the model that is shipped.

    That model is equal to the base; where luck makes it worse, its loss is a true one.
    """
    generator = np.random.default_rng(6)
    for n in (200, 500, 1000):
        runs = [_cross_validated(generator, n, False, seed) for seed in range(sims)]
        yield from _rates(f"cross-validated run, equal, n={n}", runs)
    runs = [_cross_validated(generator, 1000, True, seed) for seed in range(min(sims, 2000))]
    stopped = sum(run_verdict(together(results)) in ("regressed", "mixed") for results in runs)
    yield Row("  luck .011 in the shipped model, too: --fail-on regressed stops", stopped / len(runs), len(runs))


def runs_of_seeds(sims: int) -> Iterator[Row]:
    """Runs that are judged twice on each data set, by three seeds and by the model that is shipped."""
    generator, counts, some = np.random.default_rng(8), [count for count in COUNTS if count in (1, 5, 15)], min(sims, 2000)
    sets = [_with_seeds(generator, 100, seed) for seed in range(max(counts) * some)]
    for count in counts:
        runs = [sets[max(counts) * i : max(counts) * i + count] for i in range(some)]
        yield from _rates(f"three seeds, equal, data sets of 100: {count}", runs)


def _rates(what: str, runs: Sequence[Sequence[DatasetResult]]) -> Iterator[Row]:
    for name, done in (("", together), ("  uncorrected: ", list)):
        verdicts = [run_verdict(done(results)) for results in runs]
        limit = 0.03 if done is together else None
        for one, word in (("improved", "run better"), ("regressed", "--fail-on regressed stops")):
            yield Row(
                f"{name}{what}: {word}", sum(verdict in (one, "mixed") for verdict in verdicts) / len(runs), len(runs), limit
            )


def _cross_validated(generator: np.random.Generator, n: int, truly: bool, seed: int) -> list[DatasetResult]:
    """Return a result on the first fifth of n items, with five parts whose models are much like the one that is judged there."""
    common, own = generator.normal(0, 0.011 * np.sqrt(0.5), 2)
    items = ndcg_like(0)(generator, (n,))
    luck = np.repeat(common + generator.normal(0, 0.011 * np.sqrt(0.5), 5), n // 5)
    found = compare_means(np.zeros(n), (items + luck).clip(-1, 1), seed=seed, resamples=RESAMPLES)
    whole = CrossValidation.of(with_luck(found, Luck().variance([n // 5] * 5)), 5)
    shipped = 0.7 * items[: n // 5] + 0.7 * ndcg_like(0)(generator, (n // 5,)) + (common + own if truly else 0.0)
    return [judged(shipped.clip(-1, 1), seed).model_copy(update={"cross_validation": whole})]


def _with_seeds(generator: np.random.Generator, n: int, seed: int) -> DatasetResult:
    """Return a result with three seeds; those that are not shipped have luck."""
    shared, luck = ndcg_like(0)(generator, (n,)), np.array([0.0, *generator.normal(0, 0.011, 2)])
    tuned = (0.9 * shared + 0.4 * ndcg_like(0)(generator, (3, n)) + luck[:, None]).clip(-1, 1)
    found, items, scores = compare_seeds(np.zeros(n), tuned, seed=seed, resamples=RESAMPLES)
    each = [SeedResult(seed=i, tuned=one, delta=one, shipped=i == 0) for i, one in enumerate(scores.tolist())]
    return judged(tuned[0], seed).model_copy(update={"seeds": seeds_result(found, items, each)})


def _crossed(
    generator: np.random.Generator, n: int, mean: float, sd: float, shared: float, seed: int
) -> tuple[Comparison, Comparison]:
    """Return the comparison over five parts by items alone, and with the luck that is declared."""
    luck = sd * (np.sqrt(shared) * generator.normal() + np.sqrt(1 - shared) * generator.normal(size=5))
    values = ndcg_like(mean)(generator, (n,)) + np.repeat(luck, n // 5)
    items = compare_means(np.zeros(n), values.clip(-1, 1), seed=seed, resamples=RESAMPLES)
    return items, with_luck(items, Luck().variance([n // 5] * 5))


def _better(found: Comparison) -> bool:
    return dataset_verdict(found.ci95, found.independent, found.p_value) == "improved"


PARTS = (many_data_sets, margins, single, pairs_of_models, cross_validations, runs_cross_validated, runs_of_seeds)


def main(words: list[str] | None = None) -> list[Row]:
    """Print the table; returns its rows."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sims", type=int, default=4000, help="simulations of a row")
    options.add_argument("--only", choices=[part.__name__ for part in PARTS], help="one part of the table")
    asked = options.parse_args(words)
    sims: int = asked.sims
    began = time.perf_counter()
    rows = []
    print("| situation | rate | ± | limit | |\n|---|---|---|---|---|")
    for part in (part for part in PARTS if asked.only in (None, part.__name__)):
        for row in part(sims):
            rows.append(row)
            limit = "" if row.limit is None else f"{row.limit:.1%}"
            print(f"| {row.what} | {row.rate:.1%} | {row.error:.1%} | {limit} | {'' if row.kept else 'BEYOND'} |", flush=True)
    print(f"{sims} simulations, {time.perf_counter() - began:.0f} s")
    return rows


if __name__ == "__main__":
    main()
