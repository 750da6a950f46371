"""Objects within a row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.spec import ColumnSpec
from tests.support.source_files import message, opened, parquet, texts, write

TICKETS = [
    {"ticket": {"subject": f"q{i}", "tags": ["x"]}, "resolution": {"by": {"name": "n"}, "text": f"d{i}"}} for i in range(3)
]
PAIRS = [[f"q{i}", f"d{i}"] for i in range(3)]
PATHS = ColumnSpec(anchor="ticket.subject", positive="resolution.text")


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


def test_paths_are_listed_and_can_be_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", *TICKETS)
    found = "'ticket.subject', 'ticket.tags', 'resolution.by.name', 'resolution.text'"
    assert f"Columns found: {found}" in message(path)
    assert "did you mean 'ticket.subject'?" in message(path, columns=ColumnSpec(anchor="ticket.subjet"))
    assert texts(opened(path, columns=PATHS)) == PAIRS


def test_parquet_and_rows_in_memory(tmp_path: Path) -> None:
    from data.sources.memory import store

    columns = {key: [row[key] for row in TICKETS] for key in TICKETS[0]}
    assert texts(opened(parquet(tmp_path / "p.parquet", **columns), columns=PATHS)) == PAIRS
    assert texts(opened(store(TICKETS, tmp_path), columns=PATHS)) == PAIRS


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ({"set": {"query": "q", "pos": ["d"], "neg": ["n"]}}, ["q", "d", "n"]),
        ({"ticket": {"question": "q", "id": 3}, "reply": {"answer": "d"}, "meta": {"score": 0.2, "split": "x"}}, ["q", "d"]),
        ({"data": {"query": "q", "pos": [{"title": "T", "text": "d"}]}}, ["q", "T d"]),
        ({"query": "q", "document": "d", "meta": {"query": "other", "score": 1}}, ["q", "d"]),
    ],
)
def test_a_path_is_recognised_by_its_last_key(tmp_path: Path, row: object, read: list[str]) -> None:
    assert texts(opened(lines(tmp_path / "p.jsonl", row))) == [read]


def test_two_paths_with_the_same_end_are_not_chosen_from(tmp_path: Path) -> None:
    row = {"a": {"question": "x"}, "b": {"question": "y"}, "c": {"document": "z"}}
    assert "2 columns could be the anchor: 'a.question', 'b.question'" in message(lines(tmp_path / "p.jsonl", row))


def test_a_name_with_a_dot_is_a_name(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", {"v1.q": "q", "v1.d": "d", "more": {"x": "y"}})
    assert texts(opened(path, columns=ColumnSpec(anchor="v1.q", positive="v1.d"))) == [["q", "d"]]
    assert texts(opened(path, columns=ColumnSpec(anchor="v1.q", positive="more.x"))) == [["q", "y"]]


def test_a_row_without_the_object_is_a_bad_row(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", *TICKETS, {"ticket": None, "resolution": {"text": "d"}})
    assert 'line 4, column "ticket.subject": the text is missing' in message(path, columns=PATHS)
    assert texts(opened(path, columns=PATHS, bad_rows="drop")) == PAIRS


def test_objects_beside_a_pair_leave_the_table_as_it_is(tmp_path: Path) -> None:
    source = opened(lines(tmp_path / "p.jsonl", {"query": "q", "document": "d", "meta": {"x": 1}}))
    assert type(source.tables[0][1]).__name__ == "JsonLinesReader"
    assert source.recognised.ignored == ("meta",)


def test_an_object_among_texts_is_a_bad_row(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", {"query": "q", "document": "d"}, {"query": "r", "document": {"url": "u"}})
    assert "line 2, column \"document\": the cell holds an object, not a text; its keys are 'url'" in message(path)
