"""Whether the gain of a shipped model is proven.

It is where cross-validation is better and the model is not worse on test, or where there is no cross-validation and the model
itself is better on test. Cross-validation speaks for a model that it did not judge, as its interval is also that of one further
model of such training (see `train.evaluate.luck`, at a correlation of one half). It stands on more items than test, and where it
is unproven, a gain on the few items of test is not called proven. Several seeds were judged on the items of test, too, and say
nothing about the shipped one beyond what these say.
"""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult


def is_proven(results: Sequence[DatasetResult]) -> bool:
    """Tell whether the gain of what is shipped is proven on one data set at least."""
    return any(result.shipped == "improved" for result in results)
