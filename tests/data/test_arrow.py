"""Rows on disk: streamed, memory-mapped, complete or absent, used again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.arrow import batches_of, corpus_table, facts_of, rows_table, take_rows
from data.errors import DataError
from data.schema import PAIR_COLUMNS, SCORED_COLUMNS, UNSPLIT, Document, Recognised, RowId, RowKind, make_example


class ListSource:
    """A source over a list, which counts how often it is read."""

    name, location = "list", "memory"

    def __init__(self, kind: RowKind, examples, fingerprint: str = "f1") -> None:
        self.recognised = Recognised(kind)
        self.rows, self.print, self.reads, self.alive, self.most_alive = examples, fingerprint, 0, 0, 0

    def splits(self):
        return (UNSPLIT,)

    def examples(self, split):
        self.reads += 1
        yield from (row() if callable(row) else row for row in self.rows)

    def documents(self):
        return None

    def fingerprint(self):
        return self.print


def pair(i: int, *negatives: str):
    return make_example(RowId(f"p:{i}", f"q{i}", f"d{i}", "g"), [f"anchor {i}", f"positive {i}", *negatives], 2.0)


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_scored_rows(tmp_path):
    examples = [make_example(RowId("s.csv:2", group="red"), ["a", "b"], 0.25)]
    table = rows_table(ListSource(RowKind.SCORED, examples), UNSPLIT, tmp_path)
    assert tuple(table.column_names) == SCORED_COLUMNS
    assert table[0] == {"row": "s.csv:2", "group": "red", "sentence1": "a", "sentence2": "b", "score": 0.25}


def test_pairs_and_tuples(tmp_path):
    table = rows_table(ListSource(RowKind.PAIR, [pair(1)]), UNSPLIT, tmp_path / "pair")
    assert tuple(table.column_names) == PAIR_COLUMNS
    assert table[0]["grade"] == 2.0
    assert [table[0][c] for c in ("row", "group", "query_id", "document_id")] == ["p:1", "g", "q1", "d1"]
    table = rows_table(ListSource(RowKind.TUPLE, [pair(1, "n1", "n2")]), UNSPLIT, tmp_path / "tuple")
    assert tuple(table.column_names) == (*PAIR_COLUMNS, "negative_1", "negative_2")
    assert table[0]["negative_2"] == "n2"


def test_many_rows_keep_their_order_and_are_memory_mapped(tmp_path):
    table = rows_table(ListSource(RowKind.PAIR, [lambda i=i: pair(i) for i in range(12_345)]), UNSPLIT, tmp_path)
    assert len(table) == 12_345
    assert table.cache_files == [{"filename": str(tmp_path / "all.arrow")}]
    assert [text for (batch,) in batches_of(table, ["anchor"]) for text in batch] == [f"anchor {i}" for i in range(12_345)]
    assert max(len(batch) for (batch,) in batches_of(table, ["anchor"])) <= 5000


def test_a_complete_file_is_used_again_and_another_fingerprint_is_written_anew(tmp_path):
    source = ListSource(RowKind.PAIR, [pair(1)])
    rows_table(source, UNSPLIT, tmp_path)
    rows_table(source, UNSPLIT, tmp_path)
    assert source.reads == 1
    other = ListSource(RowKind.PAIR, [pair(2)], "f2")
    assert rows_table(other, UNSPLIT, tmp_path)[0]["anchor"] == "anchor 2"
    assert facts_of(tmp_path / "all.arrow").fingerprint == "f2"
    assert files(tmp_path) == ["all.arrow", "all.json"]


@pytest.mark.parametrize("damage", ["json absent", "json broken", "arrow absent"])
def test_an_incomplete_file_is_written_anew(tmp_path, damage):
    source = ListSource(RowKind.PAIR, [pair(1)])
    rows_table(source, UNSPLIT, tmp_path)
    if damage == "arrow absent":
        (tmp_path / "all.arrow").unlink()
    elif damage == "json broken":
        (tmp_path / "all.json").write_text('{"fingerprint": "f1", "ro')
    else:
        (tmp_path / "all.json").unlink()
    assert len(rows_table(source, UNSPLIT, tmp_path)) == 1
    assert source.reads == 2


def test_an_error_in_the_middle_leaves_nothing(tmp_path):
    def bad():
        raise DataError("the text is empty", where="p.csv, line 6002")

    source = ListSource(RowKind.PAIR, [lambda i=i: pair(i) for i in range(6000)] + [bad])
    with pytest.raises(DataError, match="line 6002"):
        rows_table(source, UNSPLIT, tmp_path)
    assert files(tmp_path) == []


def test_no_rows(tmp_path):
    with pytest.raises(DataError, match="memory: no rows in all"):
        rows_table(ListSource(RowKind.PAIR, []), UNSPLIT, tmp_path)
    assert files(tmp_path) == []


def test_corpus(tmp_path):
    table = corpus_table(iter([Document("b", "two"), Document("a", "")]), "f", tmp_path)
    assert table.to_dict() == {"id": ["b", "a"], "text": ["two", ""]}
    again = corpus_table(iter([]), "f", tmp_path)
    assert len(again) == 2


def test_rows_are_taken_across_batches(tmp_path):
    table = rows_table(ListSource(RowKind.PAIR, [lambda i=i: pair(i) for i in range(12_000)]), UNSPLIT, tmp_path)
    wanted = np.array([0, 4999, 5000, 5001, 11_999])
    part = take_rows(table, wanted, tmp_path / "part" / "dev.arrow", "f")
    assert part["query_id"][:] == ["q0", "q4999", "q5000", "q5001", "q11999"]
    assert part._indices is None
    assert part.features == table.features


def test_texts_with_tabs_in_ids_survive(tmp_path):
    example = make_example(RowId("r\t1", "q\t1", "d", "a\tb"), ["one\ttab", "x"])
    table = rows_table(ListSource(RowKind.PAIR, [example]), UNSPLIT, tmp_path)
    assert (table[0]["query_id"], table[0]["group"], table[0]["anchor"]) == ("q 1", "a b", "one\ttab")
