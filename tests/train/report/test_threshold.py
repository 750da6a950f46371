"""What is said of a threshold: the figures, the share they hold for, and how it moved."""

from __future__ import annotations

import numpy as np
import pytest

from train.evaluate.thresholds import Decisions, figures_at, precision_at
from train.report.threshold import WIDTH, threshold_story
from train.runs.thresholds import AtShare, BaseThreshold, FiguresRecord, Threshold, threshold_sentence


def items(right: int, wrong: int, missed: int, refused: int) -> Decisions:
    """So many right and wrong items that are taken, and so many of both that are not."""
    similarities = np.repeat([0.9, 0.1], [right + wrong, missed + refused])
    return Decisions(similarities, np.repeat([True, False, True, False], [right, wrong, missed, refused]))


def threshold(use: str = "search", **given: object) -> Threshold:
    test = items(75, 5, 15, 25)
    at = precision_at(test, 0.5, 0.01)
    assert at is not None
    values = {
        "use": use,
        "dataset": "faq",
        "similarity": "cosine",
        "threshold": 0.5,
        "precision_asked": 0.95,
        "dev": FiguresRecord.of(figures_at(items(60, 2, 10, 30), 0.5)),
        "test": FiguresRecord.of(figures_at(test, 0.5)),
        "at_share": (AtShare.of(0.01, at),),
    }
    return Threshold.model_validate(values | given)


def told(found: Threshold | None, reason: str = "", notes: tuple[str, ...] = ()) -> str:
    text = threshold_story(found, reason, notes)
    assert all(len(line) <= WIDTH for line in text.splitlines())
    return " ".join(text.split())


def test_a_search_says_what_its_precision_is_and_for_which_share() -> None:
    said = told(threshold())
    assert "Threshold: 0.5 (cosine): from there on the first document of a search is taken for an answer." in said
    assert "test: 75 of these are right: precision 93.8% (86.0% to 97.9%) 80 of 120 queries reach it: 66.7%" in said
    assert "the first document of 75.0% of all queries is right, as in test" in said
    assert "nobody judged counts as wrong" in said and "0.01: 4.8%" in said
    assert "On test the 95.0% that were asked for lie within the interval." in said
    kept = threshold(precision_asked=0.8)
    assert "more than the 80.0% that were asked for, beyond doubt" in told(kept)
    missed = threshold(precision_asked=0.99)
    assert "less than the 99.0% that were asked for, beyond doubt" in told(missed)
    assert "less than the 95.0% that were asked for, where 1.0% of all are right, beyond doubt" in told(
        threshold(share_asked=0.01)
    )


def test_pairs_say_from_which_score_on_they_are_matches() -> None:
    said = told(threshold("duplicates", match_from=2.5, scale=(0.0, 5.0)))
    assert "where 75.0% of all pairs are matches" in said and "a score of 2.5 on (scale 0 to 5; --match-from)" in said


def test_thresholds_move_and_both_figures_stand_there() -> None:
    tuned = FiguresRecord.of(figures_at(items(80, 20, 10, 10), 0.5))
    said = told(threshold(base=BaseThreshold(threshold=0.71, test=tuned, tuned=tuned)))
    assert "Thresholds move when a model is trained: the base would need 0.71, the tuned model 0.5." in said
    assert "At the base's threshold the tuned model has a precision of 80.0%" in said
    assert "with the base, none reached this precision on dev" in told(threshold(base=BaseThreshold()))


def test_without_a_threshold_or_a_statement_the_reason_stands_there_and_no_figure() -> None:
    said = told(None, "none reaches a precision of 0.99 on dev", ("the model is the base itself",))
    assert said.startswith("No threshold: none reaches") and said.endswith("The model is the base itself.")
    few = threshold(test=FiguresRecord.of(figures_at(items(5, 1, 2, 3), 0.5)))
    said = told(few, "test has too little to say how right it is")
    assert "Test has too little to say how right it is." in said and "asked for" not in said
    assert "test: 5 of these are right 6 of 11 queries reach it" in said, "counts, and no precision"


@pytest.mark.parametrize("use", ["search", "duplicates"])
def test_the_card_says_it_in_a_sentence(use: str) -> None:
    said = threshold_sentence(threshold(use))
    assert "cosine similarity of 0.5" in said and "93.8% (86.0% to 97.9%)" in said and "75.0%" in said
    assert "where 1.0% are, it is 4.8%" in threshold_sentence(threshold(use, share_asked=0.01))
