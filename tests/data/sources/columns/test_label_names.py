"""What names of columns say."""

from __future__ import annotations

import pytest

from data.sources.columns.label_names import Says, names_classes, says


@pytest.mark.parametrize(
    "name",
    [
        *("labels", "scores", "target", "gold_label", "goldlabel", "gold", "rating", "grade", "y", "similarity_score", "Label_0"),
        *("similarityScore", "human_score", "avg_score", "mean score", "relevance_score", "is_match", "Match?", "entailment"),
        *("judgment", "duplicate?", "isDuplicate", "same_meaning", "cosine", "annotator_labels", "class", "score1"),
        *("Bewertung", "Ähnlichkeit", "Ähnlichkeit (1-5)", "puntuación", "étiquette", "оценка", "相似度", "ラベル", "유사도"),
    ],
)
def test_grades_and_classes_of_a_pair(name: str) -> None:
    assert says(name) is Says.GRADE


@pytest.mark.parametrize("name", ["quality_score", "star rating", "question_score", "target_audience"])
def test_scores_that_may_be_of_something_else(name: str) -> None:
    assert says(name) is Says.MAYBE


@pytest.mark.parametrize(
    "name",
    [
        *("votes", "rank", "page", "idx", "date", "id", "upvotes", "clicks", "price", "lang", "url", "pairID", "label_id"),
        *("captionID", "sentence1_parse", "source_lang", "score_std", "class_name", "sentiment_label", "bm25_score", "in_stock"),
        *("Datum", "Preis", "langue", "fecha", "position", "label type", "is_train", "match_count", "Unnamed: 0", "flag", "col3"),
        *("notes", "body", "text", "size", "colour", "brand"),
    ],
)
def test_other_columns(name: str) -> None:
    assert says(name) <= Says.NOTHING


def test_some_names_are_those_of_classes_too() -> None:
    assert all(map(names_classes, ["label", "labels", "gold_label", "class", "target", "entailment", "judgment"]))
    assert not any(map(names_classes, ["score", "similarity_label", "relevance", "rating", "is_duplicate", "relevance_score"]))
