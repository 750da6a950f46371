"""Thresholds by hand; intervals and the choice on dev in simulations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.train.evaluate.test_evaluator import NoisyEncoder, retrieval_task
from train.evaluate.evaluator import score_model
from train.evaluate.score import score
from train.evaluate.tasks import ScoredTask
from train.evaluate.thresholds import (
    Decisions,
    at_share,
    choose_threshold,
    decisions_of,
    figures_at,
    precision_at,
    rate,
)


def items(*runs: tuple[float, int, int]) -> Decisions:
    """So many right and so many wrong items at each similarity."""
    similarities = np.concatenate([np.full(right + wrong, value) for value, right, wrong in runs])
    return Decisions(similarities, np.concatenate([np.arange(right + wrong) < right for _, right, wrong in runs]))


def test_the_lowest_similarity_that_keeps_the_precision_with_one_mistake_more() -> None:
    # from .9 on 19 of 19; from .8 on 38 of 39: 38 / 40 with one more; from .7 on 57 of 60: 57 / 61 is less than .95
    dev = items((0.9, 19, 0), (0.8, 19, 1), (0.7, 19, 2), (0.2, 0, 5))
    assert choose_threshold(dev, 0.95).threshold == 0.75, "between what is taken and what is not, with few digits"
    assert choose_threshold(dev, 0.93).threshold == 0.45
    assert choose_threshold(items((0.9, 19, 0)), 0.95).threshold == 0.9, "where all are taken it is the lowest"
    assert choose_threshold(items((0.6124, 19, 0), (0.6121, 0, 9)), 0.95).threshold == 0.6122


def test_what_ties_is_taken_together_or_not_at_all() -> None:
    dev = items((0.9, 19, 0), (0.8, 1, 3), (0.7, 40, 0))
    assert choose_threshold(dev, 0.95).threshold == 0.85
    assert choose_threshold(dev, 0.9375).threshold == 0.7, "60 of 63, and 60 of 64 with one mistake more"


def test_a_precision_out_of_reach_says_what_would_be_in_reach_or_that_dev_is_too_small() -> None:
    found = choose_threshold(items((0.9, 180, 60), (0.8, 90, 30), (0.7, 1, 50)), 0.95)
    assert (found.threshold, found.most, found.most_taken, found.too_few) == (None, 0.75, 360, False)
    small = choose_threshold(items((0.9, 18, 0), (0.1, 0, 30)), 0.95)
    assert (small.threshold, small.most, small.too_few) == (None, 1.0, True), "18 without a mistake do not show 0.95"
    few = choose_threshold(items((0.9, 5, 0), (0.1, 0, 4)), 0.5)
    assert (few.threshold, few.most, few.too_few) == (None, None, True)


def test_another_share_by_hand() -> None:
    assert float(at_share(0.8, 0.1, 0.5)) == pytest.approx(0.4 / 0.45)
    assert float(at_share(0.8, 0.1, 0.01)) == pytest.approx(0.008 / (0.008 + 0.099))
    assert float(at_share(0.0, 0.0, 0.3)) == 0.0
    # .9 takes 80 of 100 right and 1 of 1,000 wrong ones: with one mistake more 2 of 1,001
    dev = items((0.9, 80, 1), (0.5, 20, 99), (0.1, 0, 900))
    assert choose_threshold(dev, 0.79, share=0.01).threshold == 0.7
    assert choose_threshold(dev, 0.81, share=0.01).threshold is None
    assert choose_threshold(dev, 0.81).threshold == 0.7, "without a share it is that of dev"
    found = precision_at(dev, 0.7, 0.01)
    assert found is not None and found.value == pytest.approx(0.008 / (0.008 + 0.99 * 0.001))
    assert found.low < 0.75 and found.high > 0.95, "one mistake says little about how rare mistakes are"
    assert precision_at(items((0.9, 30, 5)), 0.5, 0.1) is None, "five wrong ones cannot tell"


def test_figures_by_hand_and_too_few_for_a_precision() -> None:
    test = items((0.9, 30, 2), (0.4, 10, 18))
    found = figures_at(test, 0.9)
    assert (found.n, found.units, found.right, found.taken, found.taken_right) == (60, 60, 40, 32, 30)
    assert found.precision is not None and found.found is not None and found.mistaken is not None
    assert (found.precision.value, found.coverage.value, found.found.value) == (30 / 32, 32 / 60, 30 / 40)
    assert (found.mistaken.value, found.share) == (2 / 20, 40 / 60)
    exact = stats.binomtest(30, 32).proportion_ci(0.95, "exact")
    assert (found.precision.low, found.precision.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert figures_at(items((0.9, 9, 0), (0.1, 30, 9)), 0.5).precision is None, "nine are taken"
    assert figures_at(items((0.9, 9, 90), (0.1, 0, 9)), 0.5).precision is None, "nine are right"
    nothing = figures_at(test, 0.95)
    assert nothing.precision is None and nothing.coverage.value == 0.0 < nothing.coverage.high


def test_items_of_a_group_are_no_witnesses_of_their_own() -> None:
    generator = np.random.default_rng(0)
    single = generator.random(40) < 0.8
    five = np.repeat(single, 5)
    groups = np.repeat(np.arange(40), 5)
    alone, once, together = rate(five), rate(single), rate(five, groups)
    assert alone.high - alone.low < 0.5 * (together.high - together.low)
    assert (together.low, together.high) == (pytest.approx(once.low, abs=0.01), pytest.approx(once.high, abs=0.01))
    assert rate(five, np.arange(200)) == alone, "groups of one"
    every = rate(np.ones(200, dtype=bool), groups)
    assert (every.low, every.high) == (pytest.approx(rate(np.ones(40, dtype=bool)).low), 1.0)
    assert rate(np.ones(9, dtype=bool), np.zeros(9)).low == pytest.approx(0.025), "one witness"


def drawn(generator: np.random.Generator, n: int, together: int) -> Decisions:
    """Right items are nearer; where some stand together, they agree in part and their similarities move alike."""
    groups = np.repeat(np.arange(n // together), together)
    right = np.repeat(generator.random(n // together) < 0.6, together)
    if together > 1:
        right = np.where(generator.random(n) < 0.4, generator.random(n) < 0.6, right)
    moved = generator.normal(0, 0.05 if together > 1 else 0.0, n // together)[groups]
    similarities = generator.normal(0.5 + 0.15 * right + moved, 0.1)
    return Decisions(np.round(similarities, 6), right, groups if together > 1 else None)


@pytest.mark.parametrize("together", [1, 5])
def test_intervals_on_test_cover_the_truth_and_the_choice_on_dev_does_not_colour_it(together: int) -> None:
    generator = np.random.default_rng(7)
    whole = drawn(generator, 500_000, together)
    nearest, good = np.sort(whole.similarities)[::-1], np.cumsum(whole.right[np.argsort(-whole.similarities)])
    covered, at_other, off, truths = [], [], [], []
    for _ in range(400):
        threshold = choose_threshold(drawn(generator, 200, together), 0.9).threshold
        if threshold is None:
            continue
        test = drawn(generator, 200, together)
        found, other = figures_at(test, threshold).precision, precision_at(test, threshold, 0.1)
        if found is None or other is None:
            continue
        above = int(np.searchsorted(-nearest, -threshold, side="right"))
        truth = good[above - 1] / above
        true, false = good[above - 1] / good[-1], (above - good[above - 1]) / (len(nearest) - good[-1])
        covered.append(found.low <= truth <= found.high)
        at_other.append(other.low <= float(at_share(true, false, 0.1)) <= other.high)
        off.append(found.value - truth)
        truths.append(truth)
    assert len(covered) > 300
    assert np.mean(covered) >= 0.93 and np.mean(at_other) >= 0.93
    assert abs(np.mean(off)) < 0.006, "no better on test than it is"
    assert np.mean(truths) == pytest.approx(0.9, abs=0.012), "on average it keeps what was asked for"


def test_decisions_of_a_search_are_the_first_documents_and_of_pairs_their_scores() -> None:
    task = retrieval_task(30)
    scores = score_model(task, NoisyEncoder(1.2))
    found = decisions_of(task, scores)
    assert scores.closest is not None
    assert found.right.tolist() == (scores.closest.rank == 1).tolist() and 5 < found.right.sum() < 30
    nearest = np.fmax(scores.closest.relevant, scores.closest.wrong)
    assert found.similarities.tolist() == nearest.tolist() and found.groups is None
    import torch

    pairs = ScoredTask("sts", "test", [f"a{i}" for i in range(4)], ["x", "x", "y", "z"], np.array([0.0, 0.4, 0.5, 1.0]))
    of_pairs = decisions_of(pairs, score(pairs, torch.eye(4), torch.eye(4)), 0.5)
    assert of_pairs.right.tolist() == [False, False, True, True] and of_pairs.similarities.tolist() == [1.0] * 4
