"""Lists and objects that are written as text."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from data.sources.shapes.literals import parse, seems_written
from data.spec import ColumnSpec
from tests.support.source_files import message, opened, texts

HEADER = ("query", "pos", "neg")


def table(path: Path, *rows: tuple[str, ...], header: tuple[str, ...] = HEADER) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a, b", "c\\n"]', ["a, b", "c\n"]),
        ("['a, b', \"it's\"]", ["a, b", "it's"]),
        ("['a' \"it's\"\n 'c d']", ["a", "it's", "c d"]),
        ("[np.str_('a'), np.str_('b')]", ["a", "b"]),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]),
        ("('a', 'b')", ["a", "b"]),
        ("[]", []),
        ('[{"text": "a"}]', [{"text": "a"}]),
        ("[{'text': None}]", [{"text": None}]),
        ("['a', 'b' 'c']", None),
        ("['a''b']", None),
        ("['a', None]", None),
        ("['a' ... 'b']", None),
        ("[1, 2]", None),
        ("{'a', 'b'}", ["a", "b"]),
        ("[PART] a", None),
        ("[removed]", None),
        ('[ "$a" = "b" ]', None),
        ("[[ -n $x ]]", None),
        ("['a'].__class__", None),
        ("[" * 5000 + "]" * 5000, None),
        ("['" + "a" * 300_000 + "']", None),
    ],
)
def test_what_a_text_spells_out(text: str, value: object) -> None:
    assert parse(text) == value


def test_commands_do_not_look_like_lists() -> None:
    assert not any(map(seems_written, ["[ -f x ] && y", '[ "$a" = "b" ]', "{ echo a; }", "[a]", "['a", "[0-9]", "[[ x ]]"]))


@pytest.mark.parametrize(
    "negatives", ['["c", "d"]', "['c', 'd']", "['c' 'd']", "['c'\n 'd']", "[np.str_('c'), np.str_('d')]", "('c', 'd')"]
)
def test_lists_in_a_table_are_read_and_said(tmp_path: Path, negatives: str) -> None:
    source = opened(table(tmp_path / "p.csv", ("a", "['b']", negatives), ("e", '["f"]', '["g", "h"]')))
    assert texts(source) == [["a", "b", "c", "d"], ["e", "f", "g", "h"]]
    assert any('"pos" and "neg": lists and objects that are written as text' in line for line in source.recognised.lines())


def test_a_list_of_one_is_the_text_of_a_query(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", ("['a']", "b"), ("['c']", "d"), header=("query", "document"))
    assert texts(opened(path)) == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    "documents",
    [
        ("[PART] How do I fit it", "[PART] x]"),
        ("[ -f x ] && y", '[ "$a" = "b" ]'),
        ("[1, 2]", "[3]"),
        ("[removed]", "[deleted]"),
        ("['one' 'of two']", "is not a list"),
        ("{ echo a; }", "(cd x && ls)"),
    ],
)
def test_texts_with_brackets_stay_texts(tmp_path: Path, documents: tuple[str, str]) -> None:
    source = opened(table(tmp_path / "p.csv", *zip("ae", documents, strict=True), header=("query", "document")))
    assert [row[1] for row in texts(source)] == list(documents)
    assert source.recognised.notes == ()


def test_objects_with_a_text_are_read(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", ("a", '[{"title": "T", "text": "b"}]', "{'text': 'c'}"))
    assert texts(opened(path)) == [["a", "T b", "c"]]


def test_objects_without_a_text_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", ("a", '{"name": "ls", "flags": []}'), header=("query", "document"))
    text = message(path)
    assert 'line 2, column "document"' in text and "'name', 'flags'" in text and "data.columns.positive=document" in text
    assert texts(opened(path, columns=ColumnSpec(positive="document"))) == [["a", '{"name": "ls", "flags": []}']]


def test_a_broken_list_among_many_is_named(tmp_path: Path) -> None:
    many = [(f"q{i}", "b", "['c' 'd']") for i in range(20)]
    broken = ("x", "b", "['g' 'h' ... 'i']")
    text = message(table(tmp_path / "p.csv", *many, broken))
    assert 'line 22, column "neg"' in text and "cannot be read as such" in text and 'as JSON: ["...", "..."]' in text
    late = table(tmp_path / "p.csv", *many * 6, broken)
    assert 'line 122, column "neg": the text is no list' in message(late)
    assert len(texts(opened(late, bad_rows="drop"))) == 120


def test_a_column_that_the_user_names_is_read_too(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", ("a", "b", "['x' 'z']"), ("c", "d", "['y' 'w']"), header=("q", "d", "hard ones"))
    columns = ColumnSpec(anchor="q", positive="d", negatives=["hard ones"])
    assert texts(opened(path, columns=columns)) == [["a", "b", "x", "z"], ["c", "d", "y", "w"]]
