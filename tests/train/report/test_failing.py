"""What `--fail-on` makes a failure of, and what it says."""

from __future__ import annotations

import pytest

from train.config.fail_on import Condition
from train.errors import ConfigError
from train.evaluate.results import DatasetResult
from train.report.failing import why_it_fails


def result(low95: float | None, **changed: object) -> DatasetResult:
    fields = {
        "name": "faq", "kind": "pair", "split": "test", "metric": "ndcg@10", "n": 300, "base": 0.6, "tuned": 0.59,
        "delta": -0.01, "ci95": (-0.03, 0.01), "p_value": 0.3, "verdict": "no_evidence", "low95": low95, "margin": 0.02,
    }  # fmt: skip
    return DatasetResult.model_validate(fields | changed)


@pytest.mark.parametrize(
    ("verdict", "on_regressed", "on_no_evidence"),
    [("improved", False, False), ("no_evidence", False, True), ("mixed", True, True), ("regressed", True, True)],
)
def test_a_verdict_fails(verdict: str, on_regressed: bool, on_no_evidence: bool) -> None:
    found = [why_it_fails(Condition.read(word), verdict, [result(-0.01)]) for word in ("regressed", "no_evidence")]
    assert [reason is not None for reason in found] == [on_regressed, on_no_evidence]


def test_worse_than_fails_unless_every_data_set_shows_that_the_loss_is_smaller() -> None:
    condition = Condition.read("worse-than=0.02")
    assert why_it_fails(condition, "no_evidence", [result(-0.019), result(0.01)]) is None
    said = why_it_fails(condition, "improved", [result(0.01), result(-0.027, name="old")])
    assert said == (
        "a loss of 0.02 or more from the base to the tuned model is not ruled out on old (nDCG@10 -0.010 over 300 queries; lower"
        " one-sided 95% bound -0.027)"
    )
    assert why_it_fails(Condition.read("worse-than=0.03"), "improved", [result(-0.027)]) is None
    assert "not known" in str(why_it_fails(condition, "no_evidence", [result(None)])), "reports of older versions"
    assert "nothing was judged" in str(why_it_fails(condition, "no_evidence", []))
    assert why_it_fails(condition, "no_evidence", [result(-1.0).of_one_model()]) is None, "the base is not worse than itself"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bad", "is no condition"),
        ("regressed=0.1", "takes no number"),
        ("worse-than", "needs a number above 0"),
        ("worse-than=much", "needs a number above 0"),
        ("worse-than=0", "needs a number above 0"),
        ("worse-than=nan", "needs a number above 0"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        Condition.read(words)
    assert "worse-than=0.02" in str(refused.value.hint)


def test_conditions_are_written_as_they_are_read() -> None:
    words = ("regressed", "worse", "no_evidence", "worse-than=0.050")
    assert [str(Condition.read(word)) for word in words] == ["worse", "worse", "unproven", "worse-than=0.05"]
