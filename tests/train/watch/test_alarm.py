"""One level over all checks: what is the same stays quiet, what is new is found, and too little says that it is too little."""

from __future__ import annotations

import numpy as np

from train.watch.alarm import WindowVerdict, judge_window
from train.watch.checks import CanaryResult, IndexFacts
from train.watch.sample import Sample


def made(n: int, seed: int, foreign: float = 0.0, dimensions: int = 64) -> Sample:
    """Return texts of one kind, a share of them of another."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(n, dimensions)) * np.exp(-np.arange(dimensions) / 15)
    vectors[: round(foreign * n), 40:] += 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Sample.of(vectors, lengths=generator.integers(5, 40, n), top1=generator.normal(0.6, 0.1, n))


def levels(verdict: WindowVerdict) -> dict[str, str]:
    return {check.name: check.level for check in verdict.checks}


def test_texts_of_the_same_kind_are_quiet_and_a_fifth_of_new_ones_is_an_alarm() -> None:
    reference = made(400, 1)
    same, new = judge_window(reference, made(150, 2)), judge_window(reference, made(150, 3, foreign=0.2))
    assert same.level == "quiet" and same.told
    assert new.level == "alarm" and levels(new)["novelty"] == "alarm"
    assert new.foreign is not None and new.foreign[1][0] < 0.2 < new.foreign[1][1]


def test_an_index_of_another_model_is_an_alarm_without_any_statistics() -> None:
    found = judge_window(made(5, 1), made(1, 2), index=IndexFacts("a", "b"))
    assert found.level == "alarm" and not found.told
    assert judge_window(made(5, 1), made(1, 2), index=IndexFacts("a", "a")).level == "quiet"


def test_canaries_that_moved_are_named_beyond_what_is_tolerated() -> None:
    reference, window = made(100, 1), made(50, 2)
    some = judge_window(reference, window, CanaryResult(50, moved=("one",)))
    many = judge_window(reference, window, CanaryResult(50, moved=tuple("abcdefgh")))
    assert (some.level, many.level) == ("quiet", "alarm")
    assert next(check for check in many.checks if check.name == "canaries").named == tuple("abcdefgh")
