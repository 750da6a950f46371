"""Column roles: the usual names, the config, and everything that must not be guessed."""

from __future__ import annotations

import unicodedata

import pytest

from data.errors import DataError
from data.schema import RowKind
from data.sources.columns.column_roles import recognise
from data.spec import ColumnSpec


def roles(*columns: str, **spec: object):
    return recognise(columns, ColumnSpec(**spec), "pairs.csv")


@pytest.mark.parametrize(
    ("columns", "kind", "first", "second", "score"),
    [
        (("sentence1", "sentence2", "score"), RowKind.SCORED, "sentence1", "sentence2", "score"),
        (("sentence_A", "sentence_B", "relatedness_score"), RowKind.SCORED, "sentence_A", "sentence_B", "relatedness_score"),
        (("Text1", "Text2", "Label"), RowKind.SCORED, "Text1", "Text2", "Label"),
        (("text 2", "similarity score", "text 1"), RowKind.SCORED, "text 1", "text 2", "similarity score"),
        (("text1", "text2", "similarity"), RowKind.SCORED, "text1", "text2", "similarity"),
        (("premise", "hypothesis", "score"), RowKind.SCORED, "premise", "hypothesis", "score"),
        (("Sentence_1", "sentence 2"), RowKind.PAIR, "Sentence_1", "sentence 2", None),
        (("anchor", "positive"), RowKind.PAIR, "anchor", "positive", None),
        (("positive", "anchor"), RowKind.PAIR, "anchor", "positive", None),
        (("query", "document"), RowKind.PAIR, "query", "document", None),
        (("Query", "Passage"), RowKind.PAIR, "Query", "Passage", None),
        (("query", "pos"), RowKind.PAIR, "query", "pos", None),
        (("query", "positives"), RowKind.PAIR, "query", "positives", None),
        (("question", "answer"), RowKind.PAIR, "question", "answer", None),
        (("anchor", "positive", "score"), RowKind.SCORED, "anchor", "positive", "score"),
        (("title", "body"), RowKind.PAIR, "title", "body", None),
        (("prompt", "completion"), RowKind.PAIR, "prompt", "completion", None),
        (("prompt", "response", "source"), RowKind.PAIR, "prompt", "response", None),
        (("input", "output"), RowKind.PAIR, "input", "output", None),
        (("source", "target"), RowKind.PAIR, "source", "target", None),
    ],
)
def test_usual_names(columns, kind, first, second, score):
    found = roles(*columns)
    assert (found.kind, found.first, found.second, found.score) == (kind, first, second, score)


def test_context_is_the_positive_where_there_is_one():
    found = roles("question", "answer", "context", "ticker", "filing")
    assert (found.first, found.second) == ("question", "context")
    assert found.ignored == ("answer", "ticker", "filing")
    assert any("'context'" in note and "'answer' is not used" in note for note in found.notes)


def test_negatives_come_in_the_order_of_their_numbers():
    found = roles("query", "positive", "negative_10", "negative_2", "neg")
    assert found.kind is RowKind.TUPLE
    assert found.negatives == ("neg", "negative_2", "negative_10")


def test_a_score_beside_anchor_and_positive_is_said_with_the_way_back():
    found = roles("query", "document", "score")
    assert any("columns.anchor=query" in note and "columns.positive=document" in note for note in found.notes)
    back = roles("query", "document", "score", anchor="query", positive="document")
    assert back.kind is RowKind.PAIR
    assert back.ignored == ("score",)


def test_negatives_beside_a_score_keep_the_negatives():
    found = roles("query", "positive", "negative", "score")
    assert found.kind is RowKind.TUPLE
    assert found.score is None
    assert any("'score' is not used" in note for note in found.notes)


def test_weak_names_yield_to_strong_ones():
    found = roles("source", "target", "title", "body", "query", "document")
    assert (found.first, found.second) == ("query", "document")


def test_group_and_split_are_found():
    found = roles("sentence1", "sentence2", "score", "Group", "split")
    assert (found.group, found.split) == ("Group", "split")
    assert found.recognised().roles["group"] == ["Group"]


def test_config_wins_over_names():
    found = roles("query", "document", "ask", "tell", anchor="ask", positive="tell")
    assert (found.first, found.second) == ("ask", "tell")
    found = roles("a", "b", "c", sentence1="b", sentence2="a", score="c")
    assert (found.kind, found.first, found.second, found.score) == (RowKind.SCORED, "b", "a", "c")


def test_half_a_config_is_completed_by_names():
    found = roles("utterance", "document", anchor="utterance")
    assert (found.first, found.second) == ("utterance", "document")
    found = roles("s", "sentence2", "score", sentence1="s")
    assert (found.first, found.second, found.score) == ("s", "sentence2", "score")


@pytest.mark.parametrize(
    ("columns", "role", "listed"),
    [
        (("query", "question", "document"), "anchor", "'query', 'question'"),
        (("query", "document", "passage"), "positive", "'document', 'passage'"),
        (("sentence1", "sentence2", "score", "label"), "score", "'score', 'label'"),
        (("sentence1", "sentence2", "text1", "text2"), "anchor", "'sentence1', 'sentence2', 'text1', 'text2'"),
        (("sentence1", "sentence2", "query", "document"), "anchor", "'query', 'document'"),
        (("title", "body", "source", "target"), "anchor", "'title', 'body', 'source', 'target'"),
    ],
)
def test_two_candidates_are_an_error_that_says_how_to_choose(columns, role, listed):
    with pytest.raises(DataError) as error:
        roles(*columns)
    text = str(error.value)
    assert f"could be the {role}" in text
    assert listed in text
    assert f"columns.{role} in the YAML" in text
    assert f"data.columns.{role}={'score' if role == 'score' else 'NAME'}" in text
    assert text.startswith("pairs.csv")


@pytest.mark.parametrize("columns", [("a", "b"), ("left", "right", "score"), ("title", "text"), ("premise",)])
def test_no_known_names_is_an_error_never_a_guess_from_position(columns):
    with pytest.raises(DataError) as error:
        roles(*columns)
    text = str(error.value)
    assert all(repr(column) in text for column in columns)
    assert "columns.anchor" in text
    assert "data.columns.anchor=NAME" in text


def test_half_a_pair_is_named():
    with pytest.raises(DataError, match="'query' looks like the anchor, but nothing like the positive"):
        roles("query", "body")


def test_an_unknown_column_in_the_config_gets_the_nearest_name():
    with pytest.raises(DataError) as error:
        roles("query", "document", positive="documnet")
    assert "columns.positive names a column 'documnet' that does not exist; did you mean 'document'? Columns" in str(error.value)
    with pytest.raises(DataError, match=r"columns.negatives\[1\]"):
        roles("query", "document", "n1", negatives=["n1", "n2"])


def test_contradictions_in_the_config_are_errors():
    with pytest.raises(DataError, match="two row kinds"):
        roles("a", "b", "c", anchor="a", sentence2="b")
    with pytest.raises(DataError, match="gives column 'a' two roles"):
        roles("a", "b", anchor="a", positive="a")
    with pytest.raises(DataError, match="both a score"):
        roles("query", "document", "neg", "s", score="s")
    with pytest.raises(DataError, match="no column holds scores"):
        roles("a", "b", sentence1="a", sentence2="b")
    with pytest.raises(DataError, match="no column for sentence2"):
        roles("a", "b", sentence1="a")


def test_a_file_without_a_header_is_not_quoted_at_length():
    with pytest.raises(DataError) as error:
        roles("x" * 500, "y")
    assert "x" * 61 not in str(error.value)


def test_the_recognition_in_words():
    found = roles("query", "document", "negative", "year").recognised()
    assert found.lines() == [
        "row kind: tuple",
        "query -> anchor",
        "document -> positive",
        "negative -> negative",
        "not used: year",
    ]


@pytest.mark.parametrize(
    "columns",
    [("question1", "question2", "is_duplicate"), ("query", "document", "relevance"), ("text1", "text2", "Is Paraphrase")],
)
def test_labels_that_tell_whether_texts_belong_together_are_no_meta_data(columns):
    found = roles(*columns)
    assert (found.kind, found.score) == (RowKind.SCORED, columns[2])


def test_a_column_is_found_however_its_signs_are_composed() -> None:
    composed, apart = (unicodedata.normalize(form, "Antwört") for form in ("NFC", "NFD"))
    assert composed != apart
    for given, there in ((composed, apart), (apart, composed)):
        found = recognise(["Frage", there], ColumnSpec(anchor="Frage", positive=given), "x.csv")
        assert found.second == there


@pytest.mark.parametrize(
    "pair",
    [
        *(
            ("s1", "s2"),
            ("q1", "q2"),
            ("sent0", "sent1"),
            ("Frage", "Antwort"),
            ("pregunta", "respuesta"),
            ("question", "réponse"),
        ),
        *(("вопрос", "ответ"), ("问题", "答案"), ("質問", "回答"), ("phrase1", "phrase2")),
    ],
)
def test_pairs_that_are_certain_together(pair):
    found = roles(*pair, "url")
    assert (found.kind, found.first, found.second) == (RowKind.PAIR, *pair)
    usual = roles(*pair, "query", "document") if "question" not in pair else None
    assert usual is None or (usual.first, usual.second) == ("query", "document")


def test_negatives_as_simcse_writes_them():
    found = roles("sent0", "sent1", "hard_neg")
    assert (found.kind, found.negatives) == (RowKind.TUPLE, ("hard_neg",))


def test_of_a_label_and_a_score_the_score_is_offered():
    with pytest.raises(DataError, match="2 columns could be the score") as error:
        roles("sentence1", "sentence2", "label", "score")
    assert "data.columns.score=score" in str(error.value)
