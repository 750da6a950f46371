from __future__ import annotations

import pytest

from train import wording


@pytest.mark.parametrize(
    ("value", "text"), [(0.0891, "+0.089"), (-0.0316, "-0.032"), (0.0, "+0.000"), (-0.0001, "+0.000"), (-0.0006, "-0.001")]
)
def test_change(value: float, text: str) -> None:
    assert wording.change(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0001, "<0.001"), (0.001, "0.001"), (0.0416, "0.042"), (1.0, "1.000")])
def test_p_value(value: float, text: str) -> None:
    assert wording.p_value(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (412, "6 min 52 s"), (3599.7, "1 h 0 min"), (11_100, "3 h 5 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


def test_cost_names_units_and_skips_what_is_missing() -> None:
    assert wording.cost_lines({"train_tokens_per_second": 5204.4, "train_seconds": 5.0}) == [
        ("training", "5 s"),
        ("tokens (padding not counted)", "5,204 tokens/s"),
    ]


def test_unknown_metrics_are_named_as_they_are() -> None:
    assert wording.metric_name("ndcg@10") == "nDCG@10"
    assert wording.metric_name("ndcg@7") == "ndcg@7"


@pytest.mark.parametrize(
    ("ci95", "text"),
    [
        ((0.075, 0.103), "+0.075 to +0.103"),
        ((-0.0001, 0.005), "-0.000 to +0.005"),
        ((0.0001, 0.005), "+0.000 to +0.005"),
        ((-0.0, 0.0), "+0.000 to +0.000"),
    ],
)
def test_an_interval_shows_on_which_side_of_0_its_ends_lie(ci95: tuple[float, float], text: str) -> None:
    assert wording.interval(ci95) == text


def test_a_value_has_no_sign_when_it_rounds_to_zero() -> None:
    assert (wording.fraction(-0.0001), wording.fraction(0.5324)) == ("0.000", "0.532")
    assert wording.span((0.8012, 0.8381)) == "0.801 to 0.838"


def test_sides_of_a_run_and_of_two_named_models() -> None:
    run = wording.Sides()
    assert (run.in_sentences(), run.headings(), run.legend()) == (("the base", "the tuned model"), ("base", "tuned"), None)
    short = wording.Sides("first", "second")
    assert (short.in_sentences(), short.headings(), short.legend()) == (("first", "second"), ("first", "second"), None)
    long = wording.Sides("first", "owner/a-long-name")
    assert (long.headings(), long.legend()) == (("A", "B"), "A is first, B is owner/a-long-name")
    assert wording.Sides("x", "x").headings() == ("A", "B"), "one name above two columns would say nothing"


def test_sides_of_a_report() -> None:
    assert wording.Sides.of({"labels": {"base": "x", "tuned": "y"}}) == ("x", "y")
    assert wording.Sides.of({}) == wording.BASE_AND_TUNED
