"""Objects with title and text where a text is expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DataError
from data.sources.shapes.passages import PassageShape
from tests.support.source_files import message, opened, texts, write


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


@pytest.mark.parametrize(
    "row",
    [
        {
            "query_id": "1",
            "query": "q",
            "positive_passages": [{"docid": "d", "title": "T", "text": "p"}],
            "negative_passages": [{"docid": "e", "title": "", "text": "n"}],
        },
        {
            "question": "q",
            "answers": ["x"],
            "positive_ctxs": [{"title": "T", "text": "p"}],
            "hard_negative_ctxs": [{"text": "n"}],
        },
        {"query": {"text": "q", "id": 3}, "positive": {"title": "T", "text": "p"}, "negative": {"title": None, "text": "n"}},
        {"query": "q", "pos": [{"title": "T", "content": "p"}], "neg": ["n"]},
        {"query": "q", "positive": {"title": ["T"], "text": ["p"]}, "negatives": {"text": ["n"]}},
    ],
)
def test_title_and_text_are_read_as_one_text(tmp_path: Path, row: object) -> None:
    source = opened(lines(tmp_path / "p.jsonl", row))
    assert texts(source) == [["q", "T p", "n"]]
    assert any("title and" in line and "of each object are read as the text" in line for line in source.recognised.lines())


def test_rows_in_memory(tmp_path: Path) -> None:
    from data.sources.memory import store

    rows = [{"query": f"q{i}", "positive_passages": [{"docid": str(i), "title": "T", "text": f"p{i}"}]} for i in range(3)]
    assert texts(opened(store(rows, tmp_path))) == [[f"q{i}", f"T p{i}"] for i in range(3)]


def test_what_stands_beside_is_not_used_and_said(tmp_path: Path) -> None:
    row = {"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": [1], "neg_scores": [0.2], "prompt": "x", "type": "y", "id": 1}
    source = opened(lines(tmp_path / "p.jsonl", row))
    assert texts(source) == [["q", "p", "n"]]
    assert "not used: pos_scores ([1]), neg_scores ([0.2]), prompt (x), type (y), id (1)" in "\n".join(source.recognised.lines())


def test_a_row_without_negatives_is_not_lost_silently(tmp_path: Path) -> None:
    full = {"query": "q", "positive_passages": [{"text": "p"}], "negative_passages": [{"text": "n"}]}
    text = message(lines(tmp_path / "p.jsonl", full, {**full, "negative_passages": []}))
    assert 'line 2, column "negative_passages"' in text


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ({"query": "q", "positive": [{"url": "u", "lang": "en"}]}, ['column "positive", item 1', "an object", "'url', 'lang'"]),
        ({"query": "q", "pos": [{"text": 7}]}, ['column "pos", item 1', "of type int"]),
    ],
)
def test_objects_without_a_text_are_named_with_their_keys(tmp_path: Path, row: object, parts: list[str]) -> None:
    text = message(lines(tmp_path / "p.jsonl", row))
    for part in parts:
        assert part in text


def test_an_object_unlike_the_first_ones_is_a_bad_row() -> None:
    shape = PassageShape(["pos"], {"pos": "text"}, titled=True)
    with pytest.raises(DataError, match=r"line 9, pos, item 1: the object has no 'text'.*'body'"):
        shape.flat({"pos": [{"body": "x"}]}, lambda column: f"line 9, {column}")
    with pytest.raises(DataError, match="the title is of type int"):
        shape.flat({"pos": [{"text": "x", "title": 3}]}, lambda column: f"line 9, {column}")
