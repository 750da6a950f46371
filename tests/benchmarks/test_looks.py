"""The luck of several looks, simulated in short."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.looks import false_better


def test_each_look_adds_to_the_luck_of_the_best() -> None:
    found = false_better(300, 10, 60, 0.5, resamples=300)
    assert (np.diff(found) >= 0).all()
    assert found[0] < 0.06, "one look keeps its level"
    assert 0.09 < found[-1] < 0.21
