"""Which checkpoint is taken, by hand and by properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.runs.score_log import SPREAD, best_line, dev_noise, highest_line


def curve(*scores: float | None, noise: float | None = 0.005) -> list[dict]:
    """The base and a checkpoint each ten steps."""
    return [{"step": 10 * i, "dev": dev, **({"noise": noise} if i else {})} for i, dev in enumerate(scores)]


@pytest.mark.parametrize(
    ("lines", "step"),
    [
        (curve(0.539, 0.792, 0.827, 0.824, 0.825), 40),  # the last of those that are alike
        (curve(0.539, 0.792, 0.827, 0.823, 0.821), 30),  # the last is worse for sure
        (curve(0.539, 0.792, 0.827, 0.8, 0.81), 20),
        (curve(0.539, 0.792, 0.827, 0.824, 0.825, noise=0.0), 20),  # compared exactly
        (curve(0.539, 0.792, 0.827, 0.827, noise=None), 20),  # of an earlier version
        (curve(0.8, 0.795, 0.802, 0.799), 20),  # the last is no better than the base
        (curve(0.8, 0.795, 0.799, 0.796), 30),  # none is
        (curve(0.539, 0.7, None), 10),
    ],
)
def test_the_last_that_cannot_be_told_from_the_highest(lines: list[dict], step: int) -> None:
    found = best_line(lines)
    assert found is not None and found["step"] == step


def test_without_scores_there_is_none() -> None:
    assert best_line([]) is None and best_line(curve(0.5)) is None and best_line(curve(None, None)) is None
    assert highest_line(curve(0.9, 0.7, 0.7)) == {"step": 10, "dev": 0.7, "noise": 0.005}


scores = st.lists(st.sampled_from([0.5, 0.6, 0.601, 0.604, 0.607, 0.61, 0.7]), min_size=2, max_size=9)


@given(scores, st.sampled_from([0.0, 0.003, 0.02]))
def test_what_is_taken_in_the_end_was_never_passed_over(values: list[float], noise: float) -> None:
    """A run keeps the checkpoint that would be taken now and the newest one; no other may be asked for later."""
    kept: set[int] = set()
    for count in range(2, len(values) + 1):
        lines = curve(*values[:count], noise=noise)
        taken, highest = best_line(lines), highest_line(lines)
        assert taken is not None and highest is not None
        assert taken["step"] in kept | {lines[-1]["step"]}
        assert highest["dev"] - noise <= taken["dev"] and taken["step"] >= highest["step"]
        assert taken["dev"] > values[0] or highest["dev"] <= values[0]
        kept = {taken["step"], lines[-1]["step"]}


def test_noise_is_the_standard_error_of_the_mean_of_data_sets() -> None:
    assert dev_noise([400]) == pytest.approx(SPREAD / 20)
    assert dev_noise([400, 400]) == pytest.approx(SPREAD / 20 / math.sqrt(2))
    generator = np.random.default_rng(0)
    means = [np.mean([generator.normal(0, SPREAD, n).mean() for n in (50, 500)]) for _ in range(4000)]
    assert dev_noise([50, 500]) == pytest.approx(np.std(means), rel=0.05)
