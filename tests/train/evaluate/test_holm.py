"""What a run tests is corrected together: gains among the data sets, losses among all tests."""

from __future__ import annotations

import pytest

from tests.train.evaluate.test_verdict import UNCLEAR, crossed, result
from train.evaluate.holm import together
from train.evaluate.results import run_verdict


def test_a_loss_is_one_among_all_that_a_run_tests() -> None:
    """Such training and the shipped model were each tested at the full level: 5 to 6% of runs were stopped for nothing."""
    lost = {"verdict": "regressed", "delta": -0.06, "ci95": (-0.09, -0.03)}
    part = crossed((-0.02, 0.04)).model_copy(update={"p_value": 0.5})
    near, sure = (result(**lost, p_value=p).model_copy(update={"cross_validation": part}) for p in (0.03, 0.02))
    ((one,), (other,)) = together([near]), together([sure])
    assert (one.p_test, one.on_test, run_verdict([one])) == (pytest.approx(0.06), "no_evidence", "no_evidence")
    assert (other.p_test, other.on_test, run_verdict([other])) == (pytest.approx(0.04), "regressed", "regressed")
    gained = crossed((0.002, 0.06)).model_copy(update={"p_value": 0.04})
    (better,) = together(
        [result(ci95=(-0.02, 0.06), verdict="no_evidence", p_value=0.4).model_copy(update={"cross_validation": gained})]
    )
    assert (better.p_run, run_verdict([better])) == (0.04, "improved"), "a gain is one among the data sets"
    worse = crossed((-0.06, -0.002)).model_copy(update={"p_value": 0.04})
    (stops,) = together(
        [result(ci95=(-0.02, 0.06), verdict="no_evidence", p_value=0.4).model_copy(update={"cross_validation": worse})]
    )
    assert (stops.p_run, run_verdict([stops])) == (pytest.approx(0.08), "no_evidence")
    kept = result(**UNCLEAR, kept_base=True).model_copy(update={"cross_validation": worse})
    assert together([kept, result(p_value=0.02, **lost)])[1].p_run == pytest.approx(0.04), "the base is tested once"
