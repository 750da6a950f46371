"""Suspicions: each is raised where nearly all rows ask for it, and not below."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset

from data.audit.suspicions import suspicions


def found(**columns: list) -> list[tuple[str, list[int]]]:
    """What is said, up to its first colon or semicolon, and the rows that it is about."""
    return [
        (what.split(":")[0].split(";")[0], np.flatnonzero(mask).tolist())
        for _, what, mask in suspicions(Dataset.from_dict(columns))
    ]


def pairs(queries: list[str], documents: list[str]) -> list[tuple[str, list[int]]]:
    return found(anchor=queries, positive=documents)


PLAIN = [f"what is thing {chr(97 + i)}" for i in range(20)]
ANSWERS = [f"a red one of kind {chr(97 + i)}" for i in range(20)]


def test_good_rows_raise_none() -> None:
    assert pairs(PLAIN, ANSWERS) == []
    assert found(sentence1=PLAIN, sentence2=ANSWERS, score=[i / 20 for i in range(20)]) == []


@pytest.mark.parametrize(("numbers", "raised"), [(20, True), (18, True), (17, False)])
def test_numbers_for_texts(numbers: int, raised: bool) -> None:
    texts = [("3", "-4.5", "12 %", "1,000")[i % 4] for i in range(numbers)] + ANSWERS[numbers:]
    expected = [("the text (positive) is a number", list(range(numbers)))]
    assert pairs(PLAIN, texts) == (expected if raised else [])


def test_a_text_with_a_number_in_it_is_none() -> None:
    assert pairs(PLAIN, ["3 apples", "1.5.2020 or so", "no. 7", *ANSWERS[3:]]) == []


@pytest.mark.parametrize(
    ("length", "times", "raised"), [(400, 4, True), (400, 3, False), (100, 4, False)], ids=["long", "not so long", "short"]
)
def test_swapped_columns(length: int, times: int, raised: bool) -> None:
    documents = ["x" * (length // times) + str(i) for i in range(20)]
    queries = ["y" * times * len(document) for document in documents]
    expected = [("the query is at least 4 times as long as its document", list(range(20)))]
    assert pairs(queries, documents) == (expected if raised else [])


def test_documents_that_are_questions() -> None:
    questions, answers = [f"{text}?" for text in PLAIN], ANSWERS
    expected = [("the document is a question and the query is not", list(range(20)))]
    assert pairs(answers, questions) == expected
    assert pairs(questions, answers) == pairs(questions, [f"is it {text}?" for text in ANSWERS]) == []
    assert pairs([*questions[:3], *answers[3:]], questions) == []  # some queries are questions: that is the data's kind


def test_documents_that_quote_their_query() -> None:
    documents = [f"Somebody asked: {query.upper()} today" for query in PLAIN]
    assert pairs(PLAIN, documents) == [("the document contains its query word for word", list(range(20)))]
    assert pairs(PLAIN, PLAIN) == []  # the same text is another finding's matter


@pytest.mark.parametrize(("same", "raised"), [(19, True), (18, False)])
def test_scores_that_hardly_differ(same: int, raised: bool) -> None:
    scores = [0.6] * same + [0.1 * i for i in range(20 - same)]
    expected = [("nearly all scores are the same", list(range(same)))]
    assert found(sentence1=PLAIN, sentence2=ANSWERS, score=scores) == (expected if raised else [])


def test_scores_that_do_not_differ_or_lie_at_an_end() -> None:
    def scored(scores: list[float]) -> list[tuple[str, list[int]]]:
        return found(sentence1=PLAIN, sentence2=ANSWERS, score=scores)

    assert scored([0.5] * 20) == [("all scores are the same", list(range(20)))]
    assert scored([0.0, 1.0] * 10) == [("there are only two different scores", list(range(20)))]
    assert scored([1 - i / 1000 for i in range(19)] + [0.2]) == [
        ("the score is at the highest end of the scale", list(range(19)))
    ]
    assert scored([i / 1000 for i in range(18)] + [0.2, 0.3]) == [
        ("the score is at the lowest end of the scale", list(range(18)))
    ]
    assert scored([i / 1000 for i in range(17)] + [0.2, 0.3, 0.4]) == []


def test_a_few_rows_are_left_in_peace() -> None:
    assert pairs(PLAIN[:9], ["1"] * 9) == []
