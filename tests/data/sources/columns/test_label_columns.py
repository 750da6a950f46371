"""Columns of grades and classes beside two texts: used and said, refused by name, or left alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import UNSPLIT, RowKind
from data.sources import open_source
from data.sources.rows import TableSource
from data.spec import DatasetSpec

NLI = ("entailment", "neutral", "contradiction")


def opened(folder: Path, texts: Sequence[str], name: str, cells: Sequence[object], **options: object) -> TableSource:
    """Open 60 rows of two texts with one more column, whose cells come again and again."""
    path = folder / "rows.jsonl"
    rows = (
        {texts[0]: f"red {i}", texts[1]: f"blue {i}", **({} if cells[i % len(cells)] is None else {name: cells[i % len(cells)]})}
        for i in range(60)
    )
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    source = open_source(DatasetSpec.model_validate({"source": str(path), **options}))
    assert isinstance(source, TableSource)
    return source


def refused(*args: object, **options: object) -> str:
    with pytest.raises(DataError) as error:
        opened(*args, **options)  # type: ignore[arg-type]
    return str(error.value)


PAIR, QUERY, TITLE = ("sentence1", "sentence2"), ("query", "document"), ("title", "body")


@pytest.mark.parametrize(
    ("texts", "name", "cells", "labels"),
    [
        (PAIR, "labels", (0, 1), [0, 1]),
        (PAIR, "scores", ("0.5", "1.0", "0.0"), [0.5, 1, 0]),
        (PAIR, "target", (-1, 0, 1), [0, 0.5, 1]),
        (PAIR, "Ähnlichkeit", (0, 2.5, 5), [0, 0.5, 1]),
        (PAIR, "gold_label", ("WAHR", "FALSCH"), [1, 0]),
        (PAIR, "same_meaning", (True, False), [1, 0]),
        (PAIR, "rating", ("0,5", "1", "0,25"), [0.5, 1, 0.25]),
        (QUERY, "relevance_score", (0, 1, 2, 3, 4, 5), [0, 0.2, 0.4]),
        (QUERY, "is_match", ("no", "yes"), [0, 1]),
        (("text_a", "text_b"), "y", (1, 0), [1, 0]),
        (PAIR, "label", (1, 2, 3, 4, 5), [0.2, 0.4, 0.6]),
    ],
)
def test_numbers_are_scores_and_it_is_said(tmp_path, texts, name, cells, labels) -> None:
    source = opened(tmp_path, texts, name, cells)
    assert source.recognised.kind is RowKind.SCORED and source.recognised.roles["score"] == [name]
    assert [example.label for example in source.examples(UNSPLIT)][: len(labels)] == pytest.approx(labels)
    back = f"data.columns.anchor={texts[0]} data.columns.positive={texts[1]}"
    assert name == "label" or any(name in note and back in note for note in source.recognised.notes)
    pairs = opened(tmp_path, texts, name, cells, columns={"anchor": texts[0], "positive": texts[1]})
    assert pairs.recognised.kind is RowKind.PAIR


@pytest.mark.parametrize("texts", [PAIR, QUERY])
@pytest.mark.parametrize("name", ["label", "labels", "gold_label", "target", "class", "entailment", "annotation"])
def test_classes_in_words_are_refused_with_their_counts(tmp_path, texts, name) -> None:
    text = refused(tmp_path, texts, name, NLI)
    assert f'rows.jsonl, column "{name}": the values are classes: contradiction (20), entailment (20), neutral (20)' in text
    assert f"data.columns.anchor={texts[0]} data.columns.positive={texts[1]}" in text
    assert "read_json(" in text and f"t[t['{name}'] == 'entailment']" in text


@pytest.mark.parametrize("name", ["kind_of_pair", "col3"])
def test_words_of_inference_are_refused_whatever_their_name(tmp_path, name) -> None:
    assert f'column "{name}": the values are classes' in refused(tmp_path, QUERY, name, NLI)


def test_the_advice_for_one_class_can_be_run(tmp_path) -> None:
    import subprocess
    import sys

    text = refused(tmp_path, PAIR, "label", NLI)
    program = text.partition('python -c "')[2].partition('"')[0]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    rows = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text().splitlines()]
    assert len(rows) == 20 and set(rows[0]) == {"sentence1", "sentence2"} and rows[0]["sentence1"] == "red 0"


@pytest.mark.parametrize("cells", [(0, 2), (1, 2), (1, 2, 3), (0, 1, 2), (-1, 0, 1, 2), (0, 5)])
@pytest.mark.parametrize("name", ["label", "gold_label", "target"])
def test_numbers_that_may_be_classes_are_refused_until_the_column_is_named(tmp_path, name, cells) -> None:
    text = refused(tmp_path, PAIR, name, cells)
    assert f'column "{name}": the labels look like classes' in text and f"data.columns.score={name}" in text
    scale = [min(cells), max(cells)]
    named = opened(tmp_path, PAIR, name, cells, columns={"score": name}, score_range=scale)
    assert max(example.label for example in named.examples(UNSPLIT)) == 1


@pytest.mark.parametrize("name", ["score", "relevance", "rating", "similarity"])
def test_a_name_that_says_the_direction_has_no_classes(tmp_path, name) -> None:
    assert opened(tmp_path, PAIR, name, (1, 2, 3)).recognised.kind is RowKind.SCORED


def test_words_beside_two_numbers_tell_of_inference(tmp_path) -> None:
    path = tmp_path / "rte.csv"
    words = ("entailment", "not_entailment")
    lines = [f"a {i},b {i},{i % 2},{words[i % 2]}" for i in range(40)]
    path.write_text("\n".join(["sentence1,sentence2,label,label_text", *lines]), "utf-8")
    with pytest.raises(DataError, match=r"column \"label\": the labels look like classes"):
        open_source(DatasetSpec(source=str(path)))


def test_two_columns_that_could_be_the_score(tmp_path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("sentence1,sentence2,human_score,gold_score_2\n" + "".join(f"a{i},b{i},{i % 2},{i % 3}\n" for i in range(9)))
    with pytest.raises(DataError, match="2 columns could be the score: 'human_score', 'gold_score_2'") as error:
        open_source(DatasetSpec(source=str(path)))
    assert "data.columns.score=human_score" in str(error.value)


@pytest.mark.parametrize(
    ("name", "cells"), [("flag", (0, 1)), ("flag", (-1, 1)), ("col3", ("True", "False")), ("quality_score", (0.1, 0.9))]
)
def test_what_may_be_a_grade_is_refused_beside_equal_texts_and_said_beside_a_query(tmp_path, name, cells) -> None:
    assert f"data.columns.score={name}" in refused(tmp_path, PAIR, name, cells)
    source = opened(tmp_path, QUERY, name, cells)
    assert source.recognised.kind is RowKind.PAIR
    assert any(f"column '{name}' is not used" in note for note in source.recognised.notes)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        *(
            ("votes", (0, 1)),
            ("rank", (1, 2, 3)),
            ("page", (0, 1)),
            ("idx", tuple(range(60))),
            ("date", ("2024-01-01", "2024-01-02")),
        ),
        *(
            ("lang", ("de", "en")),
            ("url", ("http://a", "http://b")),
            ("views", (0, 1)),
            ("price", (0.5, 0.75)),
            ("is_new", (1,)),
        ),
        *(("colour", ("red", "blue")), ("size", (1, 2)), ("brand", ("Acme", "Bolt", "Crank"))),
        *(("target", tuple(f"text {i}" for i in range(60))), ("gold", tuple(f"answer {i}" for i in range(60)))),
        *(("pos_scores", ([0.5], [0.7])), ("flag", (*[0] * 59, 1))),
    ],
)
@pytest.mark.parametrize("texts", [PAIR, QUERY, TITLE])
def test_other_columns_are_left_alone(tmp_path, texts, name, cells) -> None:
    source = opened(tmp_path, texts, name, cells)
    assert source.recognised.kind is RowKind.PAIR
    assert not any(name in note for note in source.recognised.notes)


@pytest.mark.parametrize(
    ("name", "cells"), [("result", ("OK", "NOK")), ("relation", ("same", "other", "none")), ("decision", (0, 1))]
)
def test_verdicts_beside_equal_texts_are_refused(tmp_path, name, cells) -> None:
    text = refused(tmp_path, PAIR, name, cells)
    assert f"column {name!r} may say" in text or f'column "{name}": the values are classes' in text


def test_distances_are_refused_with_the_scale_turned_round(tmp_path) -> None:
    text = refused(tmp_path, PAIR, "cosine_distance", (0.1, 0.4, 0.9))
    assert "data.columns.score=cosine_distance data.score_range=[1,0] (the largest possible distance first)" in text
    source = opened(tmp_path, PAIR, "cosine_distance", (0.1, 0.4), columns={"score": "cosine_distance"}, score_range=[1, 0])
    assert next(iter(source.examples(UNSPLIT))).label == pytest.approx(0.9)


@pytest.mark.parametrize("cells", [(0, 1, 2, 3), (1, 2, 3, 4, 5)])
def test_numbers_of_topics_beside_a_title_are_refused(tmp_path, cells) -> None:
    assert "the labels look like classes" in refused(tmp_path, TITLE, "label", cells)
    assert opened(tmp_path, QUERY, "label", cells).recognised.kind is RowKind.SCORED


def test_a_range_that_is_not_known_names_the_way_without_scores(tmp_path) -> None:
    text = refused(tmp_path, QUERY, "labels", tuple(range(0, 60)))
    assert "data.score_range=[LOW,HIGH]" in text and "data.columns.anchor=query data.columns.positive=document" in text


def test_a_rating_beside_title_and_body_is_said_and_not_used(tmp_path) -> None:
    source = opened(tmp_path, TITLE, "rating", (1, 2, 3, 4, 5))
    assert source.recognised.kind is RowKind.PAIR
    assert any("data.columns.score=rating" in note for note in source.recognised.notes)


def test_blank_columns_are_passed_over_where_that_changes_nothing(tmp_path) -> None:
    for name in ("score", "labels", "negative"):
        source = opened(tmp_path, QUERY, name, ("", None, " "))
        assert source.recognised.kind is RowKind.PAIR and name in source.recognised.ignored
        assert any(f"column '{name}' is blank in all rows" in note for note in source.recognised.notes)
    for name in ("score", "labels"):
        assert f"column '{name}' is blank in all rows" in refused(tmp_path, PAIR, name, ("", None))


def test_with_rows_to_drop_other_words_are_dropped_and_counted(tmp_path) -> None:
    text = refused(tmp_path, PAIR, "label", ("yes", "no", "no", "unsure"))
    assert "the values are classes: no (30), unsure (15), yes (15)" in text
    assert "to keep the rows with 'yes' and 'no' alone data.bad_rows=drop" in text
    source = opened(tmp_path, PAIR, "label", ("yes", "no", "no", "unsure"), bad_rows="drop")
    assert sum(example.label for example in source.examples(UNSPLIT)) == 15
    assert source.dropped == {UNSPLIT: 15}


@pytest.mark.parametrize(
    ("texts", "name", "cells"),
    [
        (PAIR, "type", ("paraphrase", "non-paraphrase")),
        (("question1", "question2"), "status", ("duplicate", "not duplicate")),
        (PAIR, "category", ("duplicate", "unrelated", "related")),
        (("text1", "text2"), "choice", ("Same", "Other")),
        (("text_a", "text_b"), "tag", ("pass", "fail")),
        (("premise", "hypothesis"), "code", ("e", "n", "c")),
        (PAIR, "col", ("grün", "gelb", "rot")),
        (PAIR, "passend", ("passt", "passt nicht")),
        (PAIR, "answer", ("accept", "reject")),
        (QUERY, "answer", ("accept", "reject", "ignore")),
        (QUERY, "feedback", ("thumbs_up", "thumbs_down")),
        (QUERY, "reaction", ("👍", "👎🏽")),
        (QUERY, "type", ("positive", "negative")),
        (QUERY, "status", ("relevant", "not relevant", "partly relevant")),
        (("question", "answer"), "assessed", ("correct", "incorrect")),
        (("question", "context"), "verdict_text", ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")),
    ],
)
def test_words_of_a_verdict_are_refused_under_any_name(tmp_path, texts, name, cells) -> None:
    text = refused(tmp_path, texts, name, cells)
    assert f"column {name!r} may say" in text or f'column "{name}": the values are classes' in text
    assert f"data.columns.anchor={texts[0]} data.columns.positive={texts[1]}" in text
    assert all(f"{cell} ({60 // len(cells)})" in text for cell in cells if "👎" not in cell)

    named = opened(tmp_path, texts, name, cells, columns={"anchor": texts[0], "positive": texts[1]})
    said = any(f"column {name!r} is not used" in note for note in named.recognised.notes)
    assert said == (name not in ("code", "col", "passend"))


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        *(("note", (0, 1, 2, 3, 4, 5)), ("Schulnote", (1, 2, 3, 4, 5, 6)), ("p", (0.1, 0.75)), ("mean", (0.5, 4.5, 3))),
        *(("agree", ("12 %", "80 %")), ("flag", (0, 1, 2))),
    ],
)
def test_numbers_on_a_scale_beside_equal_texts_are_refused(tmp_path, name, cells) -> None:
    assert f"column {name!r} may say" in refused(tmp_path, PAIR, name, cells)
    assert opened(tmp_path, TITLE, name, cells).recognised.kind is RowKind.PAIR


def test_of_several_judges_their_mean_is_offered(tmp_path) -> None:
    path = tmp_path / "rated.csv"
    rows = [f"a {i},b {i},{i % 6},{(i + 1) % 6},{(i % 6 + (i + 1) % 6) / 2}" for i in range(60)]
    path.write_text("\n".join(["sentence1,sentence2,first,second one,mean", *rows]), "utf-8")
    with pytest.raises(DataError, match="'first'") as error:
        open_source(DatasetSpec(source=str(path)))
    assert "data.columns.score=mean" in str(error.value)


def test_percentages_are_read(tmp_path) -> None:
    source = opened(tmp_path, ("text1", "text2"), "match %", ("12 %", "7,5%"))
    assert [one.label for one in source.examples(UNSPLIT)][:2] == pytest.approx([0.12, 0.075])
    assert any("'75 %' is read as 0.75" in note for note in source.recognised.notes)


@pytest.mark.parametrize(
    "name", ["not_duplicate", "non_match", "is_different", "unrelated", "irrelevant", "mismatch", "kein Duplikat"]
)
@pytest.mark.parametrize("texts", [PAIR, QUERY])
def test_what_denies_is_refused_with_the_scale_turned_round(tmp_path, texts, name) -> None:
    text = refused(tmp_path, texts, name, (0, 1))
    assert "data.score_range=[1,0]" in text
    named = opened(tmp_path, texts, name, (0, 1), columns={"score": name}, score_range=[1, 0])
    assert [one.label for one in named.examples(UNSPLIT)][:2] == [1, 0]


def test_a_distance_beside_a_query_is_said_with_the_scale_turned_round(tmp_path) -> None:
    source = opened(tmp_path, QUERY, "distance", (0, 2, 4))
    assert any("data.columns.score=distance data.score_range=[4,0]" in note for note in source.recognised.notes)


@pytest.mark.parametrize(("name", "cells"), [("is_correct", (True, False)), ("correct", (0, 1)), ("is_selected", (0, 1))])
def test_whether_an_answer_is_right_is_a_score(tmp_path, name, cells) -> None:
    source = opened(tmp_path, ("question", "answer"), name, cells)
    assert source.recognised.kind is RowKind.SCORED and any(name in note for note in source.recognised.notes)


@pytest.mark.parametrize(
    ("texts", "name", "cells"),
    [
        (QUERY, "label", ("permits", "cards")),
        (QUERY, "target", ("DE", "AT")),
        (TITLE, "label", ("bug", "feature")),
        (TITLE, "label", ("positive", "negative")),
    ],
)
def test_topics_under_the_name_of_a_label_are_said_and_not_used(tmp_path, texts, name, cells) -> None:
    source = opened(tmp_path, texts, name, cells)
    assert source.recognised.kind is RowKind.PAIR and source.recognised.ignored == (name,)
    assert any(f"column {name!r} is not used ({sorted(cells)[0]} (30)" in n for n in source.recognised.notes) or texts == TITLE
    assert not any("scored" in note for note in source.recognised.notes)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        *(("sentiment", ("positive", "negative")), ("region", ("north", "south")), ("annotator", ("ann", "bob"))),
        *(("field5", ("en", "de")), ("field6", ("2024-01-01", "2024-02-01")), ("field7", ("a.pdf", "b.pdf"))),
        *(("seconds", (0.5, 0.75)), ("field8", tuple(range(60))), ("active", ("yes", "no")), ("field9", (2023, 2024))),
        *(("field10", tuple(f"see shelf {i}" for i in range(60))), ("field11", ("x", *[None] * 9))),
    ],
)
@pytest.mark.parametrize("texts", [PAIR, QUERY])
def test_what_is_plainly_something_else_is_left_alone_beside_equal_texts(tmp_path, texts, name, cells) -> None:
    source = opened(tmp_path, texts, name, cells)
    assert source.recognised.kind is RowKind.PAIR and not source.recognised.notes


@pytest.mark.parametrize(
    ("texts", "name", "cell"),
    [(QUERY, "label", [1, 0]), (PAIR, "labels", [1, 0]), (PAIR, "annotations", [{"choices": ["Similar"]}])],
)
def test_lists_of_labels_are_refused(tmp_path, texts, name, cell) -> None:
    text = refused(tmp_path, texts, name, (cell,))
    assert f'column "{name}": each cell is a list of labels' in text and "write one row for each text" in text
