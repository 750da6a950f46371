"""Rows that are one array."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import RowKind
from tests.support.source_files import message, opened, texts, write


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


@pytest.mark.parametrize(
    ("items", "read", "said"),
    [
        ([["a", "b"], ["c", "d"]], [["a", "b"], ["c", "d"]], "each row is an array, read by its order as anchor, positive"),
        ([["a", "b", "n"], ["c", "d", "m"]], [["a", "b", "n"], ["c", "d", "m"]], "anchor, positive, negative"),
        ([["a", "b", "n", "o"]], [["a", "b", "n", "o"]], "anchor, positive, negative_1, negative_2"),
        ([["a", ["b", "B"], ["n"]]], [["a", "b", "n"], ["a", "B", "n"]], "anchor, positive, negative"),
        ([{"set": ["a", "b"]}, {"set": ["c", "d"]}], [["a", "b"], ["c", "d"]], '"set" holds texts that belong together'),
        ([{"set": ["a", "b"]}, {"set": ["c", "d", "e"]}], [["a", "b"], ["c", "d"], ["c", "e"]], "each other one a positive"),
        ([{"id": 1, "texts": ["a", "b", "n"]}], [["a", "b", "n"]], '"texts" is an array, read by its order as anchor'),
        ([{"pair": ["a", "b"], "source": "faq"}], [["a", "b"]], '"pair" is an array'),
    ],
)
def test_arrays_are_read_by_their_order(tmp_path: Path, items: list[object], read: list[list[str]], said: str) -> None:
    source = opened(lines(tmp_path / "p.jsonl", *items))
    assert texts(source) == read
    assert any(said in line for line in source.recognised.lines())


@pytest.mark.parametrize(
    "items",
    [
        [["a", "b", 0.5], ["c", "d", 1], ["e", "f", 0]],
        [{"texts": ["a", "b"], "label": 0.5}, {"texts": ["c", "d"], "label": 1.0}, {"texts": ["e", "f"], "label": 0.0}],
    ],
)
def test_a_number_at_the_end_or_beside_is_a_score(tmp_path: Path, items: list[object]) -> None:
    source = opened(lines(tmp_path / "p.jsonl", *items))
    assert source.recognised.kind is RowKind.SCORED
    assert [(example.texts, example.label) for example in source.examples("all")] == [
        (["a", "b"], 0.5),
        (["c", "d"], 1),
        (["e", "f"], 0),
    ]


@pytest.mark.parametrize(
    ("items", "parts"),
    [
        ([["a", "b"], ["c", "d", "e"]], ["line 2", "2 to 3 texts", '"negative"']),
        ([["a"], ["b"]], ["line 1", "one text"]),
        ([["a", "b", 1], ["c", "d", "n"]], ["line 2", "some arrays end in a number"]),
        ([["a", "b"], {"query": "c"}], ["line 2", "a JSON dict where an array was expected"]),
        ([["a", "b"], ["c", None]], ["line 2", "does not hold texts alone"]),
        ([{"sentences": ["a", "b", "c"]}], ["line 1", "whether the third is a positive or a negative cannot be known"]),
        ([{"set": ["a", "b"]}, {"set": ["c"]}], ['line 2, column "set"', "fewer than two texts"]),
        ([{"set": ["a", "b"]}, {"set": None}], ['line 2, column "set"', "no array"]),
    ],
)
def test_arrays_that_differ_are_told(tmp_path: Path, items: list[object], parts: list[str]) -> None:
    text = message(lines(tmp_path / "p.jsonl", *items))
    for part in parts:
        assert part in text


def test_a_late_array_of_another_length_is_a_bad_row(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", *([f"a{i}", f"b{i}"] for i in range(120)), ["c", "d", "e"])
    with pytest.raises(DataError, match=r"line 121: 3 texts, but the first rows have 2"):
        texts(opened(path))
    source = opened(path, bad_rows="drop")
    assert len(texts(source)) == 120 and source.dropped == {"all": 1}


@pytest.mark.parametrize("beside", ["tags", "texts", "sentences", "set"])
def test_arrays_beside_a_pair_are_left_alone(tmp_path: Path, beside: str) -> None:
    source = opened(lines(tmp_path / "p.jsonl", {"query": "a", "document": "b", beside: ["x", "y"]}))
    assert texts(source) == [["a", "b"]] and source.recognised.notes == ()


def test_how_rows_are_read_is_a_part_of_the_fingerprint(tmp_path: Path) -> None:
    one = opened(lines(tmp_path / "p.jsonl", ["a", "b"])).fingerprint()
    assert one == opened(tmp_path / "p.jsonl").fingerprint()
    assert one != opened(lines(tmp_path / "p.jsonl", {"texts": ["a", "b"]})).fingerprint()
