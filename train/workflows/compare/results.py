"""The models of a comparison with all their figures, and which differ in quality beyond chance."""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from train.config.schema import MARGIN
from train.evaluate.evaluator import ModelResult, compare, measure
from train.evaluate.holm import holm
from train.evaluate.results import DatasetResult
from train.evaluate.statistics import Measured
from train.evaluate.tasks import Task
from train.evaluate.verdict import FEWEST
from train.resolve.facts import ModelFacts
from train.resolve.models import Candidate
from train.workflows.compare.pricing import PriceTag
from train.workflows.compare.speed import Speed
from train.workflows.compare.worker import Failure, Outcome

LEVEL = 0.05
"""A corrected p-value below this is called a difference."""


@dataclass(frozen=True)
class Contender:
    """One model that was judged.

    Attributes:
        letter: stands for it in plots.
        candidate: what was asked for.
        outcome: what its process found.
        results: by data set, every metric with its interval.
        price: of a million tokens, and of the user's data.
    """

    letter: str
    candidate: Candidate
    outcome: Outcome
    results: Mapping[str, ModelResult]
    price: PriceTag

    @property
    def label(self) -> str:
        """Return what the user called it."""
        return self.candidate.label

    @property
    def facts(self) -> ModelFacts:
        """Return what is known of it."""
        return self.outcome.facts

    @property
    def speed(self) -> Speed | None:
        """Return what was measured of it."""
        return self.outcome.speed

    @property
    def dimensions(self) -> int:
        """Of a vector."""
        return self.outcome.contract.dimensions

    @property
    def is_api(self) -> bool:
        """Tell whether texts leave this machine."""
        return self.candidate.config.api is not None

    @property
    def quality(self) -> Measured:
        """Mean of the primary metrics over the data sets, all of one weight, with its 95% interval."""
        found = [result.metrics[result.metric] for result in self.results.values()]
        return Measured(*mean_with_interval([(one.value, one.ci95) for one in found]))

    def is_twin_of(self, other: Contender) -> bool:
        """Tell whether two models are the same weights and read texts alike, whatever they are called and wherever they lie."""
        mine, theirs = self.outcome, other.outcome
        known = not self.is_api and mine.origin.get("sha256") is not None
        return known and mine.origin.get("sha256") == theirs.origin.get("sha256") and mine.spaces == theirs.spaces

    def timed(self, name: str) -> float | None:
        """Return a figure of `Speed` by its name; None where it was not or cannot be measured."""
        return None if self.speed is None else getattr(self.speed, name)

    def index_bytes(self, documents: int, precision: str = "float32") -> int:
        """Return what the vectors of so many documents take, without what an index adds to them."""
        each = {"float32": 4 * self.dimensions, "int8": self.dimensions, "ubinary": math.ceil(self.dimensions / 8)}
        return documents * each[precision]


@dataclass(frozen=True)
class Pair:
    """Two models on one data set.

    Attributes:
        first, second: their letters.
        result: the second against the first (`base` is the first, `tuned` the second); its p-value is that of this pair alone.
        p_holm: the p-value corrected for all pairs on all data sets of the comparison.
    """

    first: str
    second: str
    result: DatasetResult
    p_holm: float

    @property
    def better(self) -> str | None:
        """The letter of the model that is better beyond chance; None where neither is."""
        if self.p_holm >= LEVEL or self.result.n < FEWEST or self.result.delta == 0:
            return None
        return self.second if self.result.delta > 0 else self.first


@dataclass(frozen=True)
class Comparison:
    """All models and all pairs of them.

    Attributes:
        contenders: in the order of their letters, that of their quality.
        failures: label → why a model could not be judged.
        pairs: of every two models on every data set.
    """

    contenders: tuple[Contender, ...]
    failures: Mapping[str, Failure]
    pairs: tuple[Pair, ...]

    @property
    def datasets(self) -> list[ModelResult]:
        """The first model's results: names, sizes and metrics of the data sets."""
        return list(self.contenders[0].results.values())

    @cached_property
    def twins(self) -> Mapping[str, Contender]:
        """Letter → the model before it that has the same weights and reads texts alike. Nothing but noise tells the two apart."""
        found: dict[str, Contender] = {}
        for place, one in enumerate(self.contenders):
            earlier = (other for other in self.contenders[:place] if other.letter not in found and one.is_twin_of(other))
            if (first := next(earlier, None)) is not None:
                found[one.letter] = first
        return found

    def between(self, first: str, second: str) -> list[Pair]:
        """Return the pairs of two letters, one a data set."""
        return [pair for pair in self.pairs if {pair.first, pair.second} == {first, second}]

    def beaten(self, letter: str, by: str) -> bool:
        """Tell whether one model is worse than another on some data set beyond chance, and better on none."""
        winners = {pair.better for pair in self.between(letter, by)}
        return by in winners and letter not in winners

    def difference(self, letter: str, other: str) -> tuple[float, tuple[float, float]]:
        """Return the mean over the data sets of one model's primary metric less that of another, and the 95% interval of that."""
        found = []
        for pair in self.between(letter, other):
            delta, (low, high) = pair.result.delta, pair.result.ci95
            found.append((-delta, (-high, -low)) if pair.first == letter else (delta, (low, high)))
        return mean_with_interval(found)

    def low95(self, letter: str, other: str) -> float:
        """Return the lower one-sided 95% bound of `difference`: on one data set that of the pair, over several their arms added
        up in squares, as those of intervals are."""
        found = []
        for pair in self.between(letter, other):
            low, high = pair.result.low95, pair.result.high95
            if low is None or high is None:
                return -math.inf
            delta, low = (-pair.result.delta, -high) if pair.first == letter else (pair.result.delta, low)
            found.append((delta, (low, delta)))
        return mean_with_interval(found)[1][0]


def compare_all(
    tasks: Mapping[str, Task],
    judged: Sequence[tuple[Candidate, Outcome, PriceTag]],
    failures: Mapping[str, Failure],
    *,
    seed: int,
    resamples: int,
    margin: float = MARGIN,
) -> Comparison:
    """Give every model its results and its letter, and test every two of them on every data set.

    Args:
        tasks: by data set name.
        judged: the models, at least one.
        failures: see `Comparison`.
        seed, resamples: of the resampling.
        margin: loss up to which a model counts as not worse.
    """
    measured = [
        (one, {name: measure(task, one[1].scores[name], seed, resamples) for name, task in tasks.items()}) for one in judged
    ]
    plain = [Contender("", candidate, outcome, results, price) for (candidate, outcome, price), results in measured]
    ordered = sorted(plain, key=lambda one: -one.quality.value)
    contenders = tuple(
        Contender(letter, one.candidate, one.outcome, one.results, one.price)
        for letter, one in zip(string.ascii_uppercase, ordered, strict=False)
    )
    found = [
        (a.letter, b.letter, compare(task, a.outcome.scores[name], b.outcome.scores[name], seed, resamples, margin))
        for name, task in tasks.items()
        for a, b in itertools.combinations(contenders, 2)
    ]
    corrected = holm([result.p_value for _, _, result in found])
    pairs = tuple(Pair(a, b, result, p) for (a, b, result), p in zip(found, corrected, strict=True))
    return Comparison(contenders, failures, pairs)


def mean_with_interval(found: Sequence[tuple[float, tuple[float, float]]]) -> tuple[float, tuple[float, float]]:
    """Return the mean of values on several data sets, all of one weight, and its interval from theirs.

    Data sets are drawn independently, so the arms of their intervals add up in squares.
    """
    mean = sum(value for value, _ in found) / len(found)
    low, high = (math.sqrt(sum((value - ends[side]) ** 2 for value, ends in found)) / len(found) for side in (0, 1))
    return mean, (mean - low, mean + high)
