"""Which checkpoint is taken, by hand and by properties."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord
from train.runs.records import ScoreLine
from train.runs.score_log import SPREAD, ScoreLog, best_line, dev_noise, highest_line


def curve(*scores: float | None, noise: float | None = 0.005) -> list[ScoreLine]:
    """The base and a checkpoint each ten steps."""
    return [ScoreLine(step=10 * i, dev=dev, noise=noise if i else None) for i, dev in enumerate(scores)]


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
def test_the_last_that_cannot_be_told_from_the_highest(lines: list[ScoreLine], step: int) -> None:
    found = best_line(lines)
    assert found is not None and found.step == step


def test_without_scores_there_is_none() -> None:
    assert best_line([]) is None and best_line(curve(0.5)) is None and best_line(curve(None, None)) is None
    assert highest_line(curve(0.9, 0.7, 0.7)) == ScoreLine(step=10, dev=0.7, noise=0.005)


scores = st.lists(st.sampled_from([0.5, 0.6, 0.601, 0.604, 0.607, 0.61, 0.7]), min_size=2, max_size=9)


@given(scores, st.sampled_from([0.0, 0.003, 0.02]))
def test_what_is_taken_in_the_end_was_never_passed_over(values: list[float], noise: float) -> None:
    """A run keeps the checkpoint that would be taken now and the newest one; no other may be asked for later."""
    kept: set[int] = set()
    for count in range(2, len(values) + 1):
        lines = curve(*values[:count], noise=noise)
        taken, highest = best_line(lines), highest_line(lines)
        assert taken is not None and highest is not None
        assert taken.step in kept | {lines[-1].step}
        assert taken.dev is not None and highest.dev is not None
        assert highest.dev - noise <= taken.dev and taken.step >= highest.step
        assert taken.dev > values[0] or highest.dev <= values[0]
        kept = {taken.step, lines[-1].step}


def test_noise_is_the_standard_error_of_the_mean_of_data_sets() -> None:
    assert dev_noise([400]) == pytest.approx(SPREAD / 20)
    assert dev_noise([400, 400]) == pytest.approx(SPREAD / 20 / math.sqrt(2))
    generator = np.random.default_rng(0)
    means = [np.mean([generator.normal(0, SPREAD, n).mean() for n in (50, 500)]) for _ in range(4000)]
    assert dev_noise([50, 500]) == pytest.approx(np.std(means), rel=0.05)


def test_the_log_keeps_one_line_a_step_and_forgets_what_a_kill_undid(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path)
    for step, dev in ((0, 0.5), (10, 0.6), (20, 0.8), (30, 0.8), (40, 0.7)):
        log.add(ScoreLine(step=step, dev=dev))
    assert log.best() == ScoreLine(step=20, dev=0.8)  # the earliest of equals
    assert log.without_improvement() == 2
    log.forget_after(20)
    log.add(ScoreLine(step=20, dev=0.55))
    again = ScoreLog(tmp_path)
    assert [(line.step, line.dev) for line in again.lines] == [(0, 0.5), (10, 0.6), (20, 0.55)]
    assert again.best() == ScoreLine(step=10, dev=0.6)
    assert ScoreLog(tmp_path / "none").best() is None


def test_the_base_is_never_the_best_checkpoint(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path)
    log.add(ScoreLine(step=0, dev=0.9))
    log.add(ScoreLine(step=5, dev=0.1))
    assert log.best() == ScoreLine(step=5, dev=0.1)


def test_lines_are_written_as_they_were_read_with_fields_of_other_versions(tmp_path: Path) -> None:
    text = '{"step": 0, "dev": null, "datasets": {}, "eval_seconds": 0.0, "later": [1]}\n{"step": 4, "dev": 0.25}\n'
    path = RunFolder(tmp_path).scores
    path.write_text(text)
    log = ScoreLog(tmp_path)
    log.add(ScoreLine(step=8, dev=0.5))
    log.forget_after(4)
    assert path.read_text() == text


@pytest.mark.parametrize("line", ["{", '{"dev": 0.5}', '{"step": 4, "dev": NaN}', '{"step": 4, "dev": "high"}', "[]"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    RunFolder(tmp_path).scores.write_text(f'{{"step": 0}}\n{line}\n')
    with pytest.raises(BrokenRecord, match=r"scores\.jsonl, line 2 is broken \("):
        ScoreLog(tmp_path)
