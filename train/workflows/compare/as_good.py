"""Which models are shown to be as good as the best, and how many queries it would take to show it of the others.

That no test finds a difference shows nothing: with few queries no test finds any. A model is *as good* only where it is shown to
be not worse by the margin (`evaluation.margin`, or `limits.tolerance` where that is more): the lower one-sided 95% bound of its
difference lies above minus that margin (`train/evaluate/bounds.py`), so that a model which is truly worse by the margin passes in
5% of cases at most. The one that it is compared with is chosen for its score and therefore looks better than it is, which makes
the test stricter, not laxer: of models that are .02 worse than the true best, each passed in 0 to 4.3% of simulated comparisons
of 2 and of 10 models with 50 to 3,000 queries (`tests/benchmarks/as_good.py`).

Each statement is about two named models. Whether the highest score belongs to the best model is another question: models that
cannot be told from it are named. And each such model has 5%: that *some* model passes wrongly is likelier, the more there are
that are just worse by the margin. Of nine that are exactly .02 worse some model passed in 21% (1,000 queries, paired SD .18), of
nine that are .025 worse in 5%, of nine that are .03 worse in none of 300.

Over several data sets the mean of the differences is bounded; and on no data set may the model be worse beyond chance (Holm) by
the margin or more, whatever it gains on another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from train.evaluate.needed import NONE_SEEN, ONE_SIDED, POWER, UNSEEN
from train.evaluate.results import DatasetResult
from train.workflows.compare.results import Comparison, Contender


def as_good(comparison: Comparison, one: Contender, best: Contender, margin: float) -> bool:
    """Tell whether a model is shown to be not worse than another by the margin."""
    if comparison.low95(one.letter, best.letter) <= -margin:
        return False
    pairs = comparison.between(one.letter, best.letter)
    return not any(pair.better == best.letter and abs(pair.result.delta) >= margin for pair in pairs)


def times_as_many(comparison: Comparison, one: Contender, best: Contender, margin: float) -> float:
    """Return how many times the queries there are would show, four times out of five, that an equal model is not worse by the
    margin: on one data set what `needed` says, over several with their arms added up in squares."""
    results = [pair.result for pair in comparison.between(one.letter, best.letter)]
    low, high = -10.0, 20.0  # powers of 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _reach(results, 2**middle) > margin else (low, middle)
    return float(2**high)


def _reach(results: Sequence[DatasetResult], times: float) -> float:
    """Return how far below 0 the bound of an equal model lies in all but one of five cases, with so many times the queries."""
    arms, errors = [], []
    for result in results:
        n, spread = times * result.n, result.spread or 0.0
        unseen = 0.0 if result.kind == "scored" else UNSEEN if spread else NONE_SEEN
        errors.append(spread / math.sqrt(n))
        arms.append(ONE_SIDED * errors[-1] + unseen / n)
    return (math.hypot(*arms) + POWER * math.hypot(*errors)) / len(results)


def rounded(count: float) -> int:
    """Round up to two significant digits: the estimate is no better than that."""
    whole = math.ceil(count * (1 - 1e-9))  # 150 is not 151 for a rounding error
    unit = 10 ** max(0, len(str(whole)) - 2)
    return math.ceil(whole / unit) * unit
