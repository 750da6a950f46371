"""What is said of words alone, words with a model, and the default model."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tests.support.pages import rendered
from train.evaluate.references import ReferenceResult
from train.report.references import reference_sentences, references_story


def one(kind: str, value: float, *, verdict: str = "no_evidence", as_good: bool = False, **more: Any) -> ReferenceResult:
    names = {"words": "BM25", "base_and_words": "BM25 with the base", "tuned_and_words": "BM25 with tuned"}
    fields = {
        "dataset": "faq", "kind": kind, "name": names.get(kind, "all-MiniLM-L6-v2"), "metric": "ndcg@10", "n": 300,
        "value": value, "tuned": 0.77, "delta": 0.77 - value, "ci95": [0.76 - value, 0.78 - value], "p_value": 0.5,
        "verdict": verdict, "margin": 0.02, "as_good": as_good,
    }  # fmt: skip
    return ReferenceResult.model_validate(fields | more)


@pytest.mark.parametrize(
    ("references", "said"),
    [
        (
            [one("words", 0.772, as_good=True), one("base_and_words", 0.78, as_good=True)],
            "Words alone (BM25) do as well as the tuned model on faq: 0.772 against 0.770, not worse by 0.02. "
            "Fine-tuning may not be worth it.",
        ),
        (
            [one("words", 0.772, as_good=True), one("base_and_words", 0.8, verdict="regressed", ci95=(-0.05, -0.01))],
            "Words alone (BM25) do as well as the tuned model on faq: 0.772 against 0.770, not worse by 0.02. "
            "Fine-tuning may not be worth it. BM25 together with the base does better than the tuned model: 0.800 (+0.030, 95% "
            "interval +0.010 to +0.050).",
        ),
        (
            [one("words", 0.6, verdict="improved"), one("base_and_words", 0.8, verdict="regressed", as_good=True)],
            "BM25 together with the base does better than the tuned model on faq: 0.800 against 0.770. "
            "Fine-tuning may not be worth it.",
        ),
        (
            [one("words", 0.6, verdict="improved"), one("default_model", 0.769, as_good=True)],
            "all-MiniLM-L6-v2 without training does as well as the tuned model on faq: 0.769 against 0.770, not worse by 0.02. "
            "Fine-tuning may not be worth it.",
        ),
        (
            [
                one("words", 0.6, verdict="improved"),
                one("base_and_words", 0.75),
                one("tuned_and_words", 0.8, verdict="regressed", as_good=True, ci95=(-0.05, -0.01)),
            ],
            "The tuned model (0.770) is better on faq than words alone (BM25, 0.600). There are too few queries to tell BM25 "
            "together with the base (0.750) from the tuned model (0.770) on faq. BM25 together with the tuned model does better "
            "than the tuned model alone: 0.800 (+0.030, 95% interval +0.010 to +0.050).",
        ),
    ],
    ids=["words", "words, and better with the base", "words and base", "default model", "nothing"],
)
def test_what_does_as_well_without_training_is_said(references: list[ReferenceResult], said: str) -> None:
    assert reference_sentences(references) == [said]


def test_a_sentence_for_each_data_set() -> None:
    found = [one("words", 0.6, verdict="improved"), one("words", 0.77, as_good=True, dataset="other")]
    assert [sentence.split(" on ")[1][:5] for sentence in reference_sentences(found)] == ["faq t", "other"]


def test_the_table_fits_into_80_columns_and_notes_follow() -> None:
    found = [one("words", 0.6), one("base_and_words", 0.7, dataset="a_data_set_with_a_long_name"), one("tuned_and_words", 0.75)]
    text = references_story(found, ["BM25 was not judged on big."], console=Console(width=80, color_system=None))
    assert max(map(len, text.splitlines())) <= 80 and "…" not in text
    assert "BM25 with the base" in text and text.rstrip().endswith("BM25 was not judged on big.")
    assert references_story([]) == ""


def test_the_page_shows_them_and_an_older_report_has_no_such_part() -> None:
    report = {"verdict": "improved", "datasets": [], "references": [one("words", 0.772, as_good=True).model_dump(mode="json")]}
    text = rendered(report | {"reference_notes": ["all of <b>it</b>"]})
    assert 'id="references"' in text and "Words alone (BM25) do as well as the tuned model on faq" in text
    assert '<td role="cell" data-label="Not worse by 0.02">yes</td>' in text and "all of &lt;b&gt;it&lt;/b&gt;" in text
    assert 'id="references"' not in rendered({"verdict": "improved", "datasets": []})


def test_what_is_better_than_tuned_is_not_called_better_than_another_reference() -> None:
    found = [
        one("words", 0.778, verdict="regressed", ci95=(-0.04, -0.01)),
        one("base_and_words", 0.775, verdict="regressed", ci95=(-0.024, -0.002)),
        one("tuned_and_words", 0.774, verdict="regressed", ci95=(-0.016, -0.001)),
    ]
    (said,) = reference_sentences(found)
    assert "BM25 together with the base also does better than the tuned model: 0.775" in said
    assert "BM25 together with the tuned model also does better than the tuned model alone: 0.774" in said
    text = rendered({"verdict": "regressed", "datasets": [], "references": [one.model_dump(mode="json") for one in found]})
    assert text.count('data-label="Not worse by 0.02">yes<') == 3, "better is not worse"


def test_where_the_base_is_shipped_it_is_called_so() -> None:
    report = {"verdict": "no_evidence", "datasets": [], "selection": {"share": 0.0}}
    text = rendered(report | {"references": [one("words", 0.6, verdict="improved").model_dump(mode="json")]})
    assert "The shipped base (0.770) is better on faq than words alone (BM25, 0.600)." in text
