"""Lists of objects that say whether each belongs to the query."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DataError
from tests.support.source_files import opened, texts, write

GOOD, BAD = "Turn the valve to the left.", "The shop opens at nine."


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


def row(number: int, column: str, key: str, yes: object = 1, no: object = 0) -> dict[str, object]:
    found = [{"text": f"{GOOD} {number}", key: yes, "url": "u"}, {"text": f"{BAD} {number}", key: no, "url": "u"}]
    return {"query": f"q{number}", column: found}


@pytest.mark.parametrize(
    ("column", "key", "yes", "no"),
    [
        ("passage", "label", 1, 0),
        ("context", "is_supporting", True, False),
        ("passages", "is_selected", 1, 0),
        ("documents", "relevant", "true", "false"),
        ("ctxs", "has_answer", True, False),
        ("document", "score", 1.0, 0.0),
        ("answers", "is_correct", "yes", "no"),
    ],
)
def test_what_is_labelled_0_is_a_negative(tmp_path: Path, column: str, key: str, yes: object, no: object) -> None:
    source = opened(lines(tmp_path / "p.jsonl", *[row(i, column, key, yes, no) for i in range(3)]))
    assert texts(source) == [[f"q{i}", f"{GOOD} {i}", f"{BAD} {i}"] for i in range(3)]
    said = "\n".join(source.recognised.lines())
    assert f"objects with '{key}' 1 are positives, those with 0 negatives" in said
    assert "not used: 'url'" in said


def test_objects_of_lists(tmp_path: Path) -> None:
    rows = [
        {"query": f"q{i}", "passages": {"is_selected": [0, 1], "passage_text": [BAD, f"{GOOD} {i}"], "url": ["u", "v"]}}
        for i in range(3)
    ]
    path = lines(tmp_path / "p.jsonl", *rows)
    assert texts(opened(path)) == [[f"q{i}", f"{GOOD} {i}", BAD] for i in range(3)]
    named = opened(path, columns={"anchor": "query", "positive": "passages.passage_text"})
    assert texts(named) == [[f"q{i}", f"{GOOD} {i}"] for i in range(3)]


def test_a_row_without_a_text_to_find_is_a_bad_row(tmp_path: Path) -> None:
    rows = [row(1, "passage", "label"), row(2, "passage", "label", 0)]
    with pytest.raises(DataError, match="none of the 2 objects has 'label' 1") as caught:
        texts(opened(lines(tmp_path / "p.jsonl", *rows)))
    assert "line 2" in (caught.value.where or "")


@pytest.mark.parametrize(
    ("column", "key", "yes", "no", "said"),
    [
        ("passage", "relevance", 3, 0, "'relevance' (0, 3): from which on one is a text to find cannot be known"),
        ("context", "label", "supports", "refutes", "'label' (refutes, supports): from which on"),
        ("positive_passages", "label", 1, 0, "objects with 'label' 0 are no texts to find, but stand in 'positive_passages'"),
    ],
)
def test_grades_and_contradictions_are_refused(tmp_path: Path, column: str, key: str, yes: object, no: object, said: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(lines(tmp_path / "p.jsonl", *[row(i, column, key, yes, no) for i in range(3)]))
    assert said in caught.value.what
    assert "write" in (caught.value.hint or "") or "give" in (caught.value.hint or "")


@pytest.mark.parametrize("key", ["score", "title_score", "docid", "rank"])
def test_what_says_nothing_of_the_pair_is_named(tmp_path: Path, key: str) -> None:
    rows = [
        {
            "query": f"q{i}",
            "positive_passages": [{"text": f"p{i}", key: 1000 + i}],
            "negative_passages": [{"text": f"n{i}", key: i / 3}],
        }
        for i in range(3)
    ]
    source = opened(lines(tmp_path / "p.jsonl", *rows))
    assert texts(source) == [[f"q{i}", f"p{i}", f"n{i}"] for i in range(3)]
    assert f"not used: '{key}'" in "\n".join(source.recognised.lines())
