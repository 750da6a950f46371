"""Rows in envelopes, and under names of other tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.source_files import opened, texts, write


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


def numbered(row: object, number: int) -> object:
    return json.loads(json.dumps(row).replace("#", str(number)))


@pytest.mark.parametrize(
    ("row", "expected", "said"),
    [
        (
            {"_index": "faq", "_score": 1, "_source": {"question": "q#", "answer": "a#"}},
            ["q#", "a#"],
            "the rows are under \"_source\"; not used: '_index', '_score'",
        ),
        ({"node": {"question": "q#", "answer": "a#"}}, ["q#", "a#"], 'the rows are under "node"'),
        (
            {"user_input": "q#", "reference_contexts": ["a#"], "reference": "x"},
            ["q#", "a#"],
            "'user_input' is read as the anchor",
        ),
        ({"query": "q#", "reference_contexts": ["a#"], "query_by": {"type": "ai"}}, ["q#", "a#"], "is read as the positive"),
        ({"query": "q#", "relevant_passages": ["a#"], "hard_negatives": ["n#"]}, ["q#", "a#", "n#"], "is read as the positive"),
        ({"text": "q#", "positive": "a#", "negative": "n#"}, ["q#", "a#", "n#"], "'text' is read as the anchor"),
        ({"text": "q#", "pos": ["a#"]}, ["q#", "a#"], "'text' is read as the anchor"),
    ],
)
def test_rows_of_other_tools(tmp_path: Path, row: object, expected: list[str], said: str) -> None:
    source = opened(lines(tmp_path / "p.jsonl", *[numbered(row, i) for i in range(3)]))
    assert texts(source) == [numbered(expected, i) for i in range(3)]
    assert said in "\n".join(source.recognised.notes)


def test_two_texts_in_an_object_with_a_label(tmp_path: Path) -> None:
    rows = [{"questions": {"id": [i, i + 1], "text": [f"a{i}", f"b{i}"]}, "is_duplicate": i % 2 == 0} for i in range(4)]
    source = opened(lines(tmp_path / "p.jsonl", *rows))
    assert [(example.texts, example.label) for example in source.examples("all")] == [
        ([f"a{i}", f"b{i}"], float(i % 2 == 0)) for i in range(4)
    ]


def test_names_that_the_user_gives_are_kept(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", *[{"_source": {"ask": f"q{i}", "say": f"a{i}"}} for i in range(2)])
    assert texts(opened(path, columns={"anchor": "_source.ask", "positive": "_source.say"})) == [["q0", "a0"], ["q1", "a1"]]
    assert texts(opened(path, columns={"anchor": "ask", "positive": "say"})) == [["q0", "a0"], ["q1", "a1"]]
