"""Several tests at once: p-values corrected for their number, so that nothing is called better for being one of many."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, so that the chance of even one false difference stays below the level.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979: the smallest
    is multiplied by their number m, the next by m - 1, and so on; none is smaller than the one before it. It holds however the
    tests depend on each other.
    """
    out = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        out[place] = largest
    return out


def together(results: Sequence[DatasetResult]) -> list[DatasetResult]:
    """Return the results of one run with `p_run`: the p-value that decides on each, corrected for what the run looks at.

    A result with cross-validation or seeds enters with the p-value of that; that of the shipped model on test stands beside it
    (`p_test`), and where the base is kept, so does that of such training (`p_training`). One data set without such keeps its
    p-value.

    A gain is one among the data sets: what calls a run better is one p-value on each. A loss of either such training or the
    shipped model makes a run worse and stops a build, so a loss is one among all p-values, twice as many where each data set has
    two. With every loss in one correction, and every gain in one, neither is false anywhere in more than 2.5% of runs.
    """
    gains = holm([result.deciding_p for result in results])
    tested = [i for i, result in enumerate(results) if result.training is not None and not result.kept_base]
    losses = holm([*(result.deciding_p for result in results), *(results[i].p_value for i in tested)])
    corrected = [gain if _gained(result) else loss for result, gain, loss in zip(results, gains, losses, strict=False)]
    out = [result.model_copy(update={"p_run": p}) for result, p in zip(results, corrected, strict=True)]
    if all(result.training is None for result in results):
        return out
    on_test = holm([result.p_value for result in results])
    for place, loss in zip(tested, losses[len(results) :], strict=True):
        if results[place].delta < 0:
            on_test[place] = loss
    trained = holm([result.training.p_value for result in results if result.training is not None])
    return [
        result.model_copy(update={"p_test": p, "p_training": None if result.training is None else trained.pop(0)})
        for result, p in zip(out, on_test, strict=True)
    ]


def _gained(result: DatasetResult) -> bool:
    found = result if result.training is None or result.kept_base else result.training
    return found.delta >= 0
