"""Leaks: taken out of train by default, kept where asked, said; dev and test stay as they are."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import DatasetSpec, SplitSpec
from data.splits.leaks import LeakRules

TRAIN = [("a red car", "x"), ("the river", "y"), ("A  RED CAR", "z"), ("a tall tree", "v"), ("the blue hat!", "w"), ("x", "y z")]
DEV = [("the river", "other")]
TEST = [("a red car", "x"), ("THE BLUE HAT", "u"), ("y z", "x")]


def folder(path: Path, **splits: Sequence[tuple[object, ...]]) -> Path:
    path.mkdir()
    for name, rows in splits.items():
        with (path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("query", "document"), *rows])
    return path


def load(source: Path, leaks: LeakRules | None, said: list[str] | None = None, **options: Any) -> PreparedDataset:
    say = (lambda line: None) if said is None else said.append
    return prepare(DatasetSpec(source=str(source), **options), SplitSpec(), source.parent / "cache", say, leaks)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder(tmp_path / "set", train=TRAIN, dev=DEV, test=TEST)


def test_pairs_queries_and_near_queries_are_taken_out_of_train_alone(data: Path) -> None:
    said: list[str] = []
    prepared = load(data, LeakRules(), said)
    assert prepared.splits["train"]["anchor"] == ["a tall tree"]
    assert prepared.splits["dev"]["anchor"] == ["the river"]
    assert prepared.splits["test"]["anchor"] == [query for query, _ in TEST]
    assert prepared.counts["rows_train"] == 1 and prepared.counts["leaks_removed"] == 5
    assert prepared.leaks is not None
    found = {
        (leak.code, leak.what.split()[-1]): (leak.count, leak.distinct, leak.examples, leak.counterparts)
        for leak in prepared.leaks
    }
    assert found == {
        ("leak.pair", "test"): (2, 2, ["train.csv:2", "train.csv:7"], ["test.csv:2", "test.csv:4"]),
        ("leak.query", "test"): (2, 1, ["train.csv:2", "train.csv:4"], ["test.csv:2", "test.csv:2"]),
        ("leak.near_query", "test"): (1, 1, ["train.csv:6"], ["test.csv:3"]),
        ("leak.query", "dev"): (1, 1, ["train.csv:3"], ["dev.csv:2"]),
    }
    assert {str(leak.done) for leak in prepared.leaks} == {"dropped"}
    (note,) = (line for line in said if "taken out of train" in line)
    assert "5 of 6 rows" in note and "near: at least 90% alike" in note and "data.leaks=keep" in note


def test_kept_where_asked_and_said_all_the_same(data: Path) -> None:
    prepared = load(data, LeakRules(drop=False))
    assert len(prepared.splits["train"]) == len(TRAIN) and "leaks_removed" not in prepared.counts
    assert prepared.leaks is not None and len(prepared.leaks) == 4
    assert {str(leak.done) for leak in prepared.leaks} == {"kept"}


def test_nobody_looks_where_nothing_is_trained(data: Path) -> None:
    prepared = load(data, None)
    assert prepared.leaks is None and prepared.near is None and len(prepared.splits["train"]) == len(TRAIN)


def test_the_same_data_with_and_without_leaks_lie_side_by_side_in_the_cache(data: Path) -> None:
    lengths = [len(load(data, rules).splits["train"]) for rules in (LeakRules(), None, LeakRules(drop=False), LeakRules())]
    assert lengths == [1, 6, 6, 1]


def test_dev_and_test_have_the_fingerprint_that_judging_knows(data: Path) -> None:
    assert load(data, LeakRules()).fingerprint == load(data, None).fingerprint


def test_leaks_go_before_the_rows_are_capped(tmp_path: Path) -> None:
    rows = [(f"question {i} of many", f"answer {i}") for i in range(40)]
    source = folder(tmp_path / "set", train=rows, dev=[("other", "text")], test=rows[:20])
    prepared = load(source, LeakRules(), max_rows=15)
    assert len(prepared.splits["train"]) == 15
    assert not set(prepared.splits["train"]["anchor"]) & set(prepared.splits["test"]["anchor"])


def test_a_train_split_that_is_the_test_split_is_an_error(tmp_path: Path) -> None:
    rows = [(f"question {i}", f"answer {i}") for i in range(20)]
    source = folder(tmp_path / "set", train=rows, dev=[("other", "text")], test=rows)
    with pytest.raises(DataError, match=r"every row of train is in test, for instance train\.csv:2 as test\.csv:2"):
        load(source, LeakRules())
    assert len(load(source, LeakRules(drop=False)).splits["train"]) == 20


def test_near_duplicates_of_one_file_do_not_end_up_on_both_sides(tmp_path: Path) -> None:
    texts = [f"how is thing number {i} made" for i in range(100)]
    rows = [(text + end, f"answer {place} of {i}") for i, text in enumerate(texts) for place, end in enumerate(("", "?", " ?!"))]
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("query", "document"), *rows])
    prepared = load(path, LeakRules())
    bare = {name: {text.rstrip(" ?!") for text in table["anchor"]} for name, table in prepared.splits.items()}
    assert prepared.counts["leaks_removed"] > 0
    assert not bare["train"] & (bare["dev"] | bare["test"])
