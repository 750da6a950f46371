"""Forms of JSON files: whatever tools write for a table is read as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.source_files import message, opened, texts, write

TWO = [["boil an egg", "seven minutes"], ["fry an egg", "three minutes"]]
OBJECTS = [{"query": query, "document": document} for query, document in TWO]
COLUMNS = {"query": [query for query, _ in TWO], "document": [document for _, document in TWO]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"data": OBJECTS}, ""),
        ({"version": "1.1", "rows": OBJECTS}, "the rows are under 'rows'"),
        ({"examples": OBJECTS, "count": 2}, "the rows are under 'examples'"),
        (COLUMNS, "read as an object of columns"),
        ({name: {str(i): cell for i, cell in enumerate(cells)} for name, cells in COLUMNS.items()}, "an object of columns"),
        ({"columns": ["query", "document"], "index": [0, 1], "data": TWO}, '"columns" names their columns'),
        ({"schema": {"fields": []}, "data": [{"index": i, **row} for i, row in enumerate(OBJECTS)]}, "not used: index (0, 1)"),
        ({f"doc-{i}": row for i, row in enumerate(OBJECTS)}, "one row under each key ('doc-0', 'doc-1' ...)"),
        ({str(i): row for i, row in enumerate(OBJECTS)}, "one row under each key"),
        (TWO, "each row is an array, read by its order as anchor, positive"),
        ([["query", "document"], *TWO], ""),
        ([*OBJECTS, {}], ""),
    ],
)
def test_a_whole_file(tmp_path: Path, content: object, said: str) -> None:
    source = opened(write(tmp_path / "p.json", json.dumps(content)))
    assert texts(source) == TWO
    assert any(said in line for line in source.recognised.lines())


def test_splits_in_one_file(tmp_path: Path) -> None:
    source = opened(write(tmp_path / "p.json", json.dumps({"train": OBJECTS, "validation": OBJECTS[:1]})))
    assert {split: texts(source, split) for split in source.splits()} == {"train": TWO, "dev": TWO[:1]}
    assert "the splits are 'train' and 'validation'" in "\n".join(source.recognised.lines())


def test_lines_of_arrays_may_begin_with_the_names(tmp_path: Path) -> None:
    lines = [["score", "sentence1", "sentence2"], [1, "a", "b"], [0.5, "c", "d"], [0, "e", "f"]]
    path = write(tmp_path / "p.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    assert texts(opened(path)) == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert "p.jsonl, line 5: 2 values, but the first line names 3 columns" in message(
        write(path, path.read_text(encoding="utf-8") + '["x", 2]\n')
    )


def test_empty_objects_cost_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", "".join(f"{json.dumps(row)}\n" for row in [{}, OBJECTS[0], {}, OBJECTS[1], {}]))
    assert texts(opened(path)) == TWO
