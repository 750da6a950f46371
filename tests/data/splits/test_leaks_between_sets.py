"""What one data set of a run trains on and another judges is taken out of train."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from data.audit.audit import audit
from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import DatasetSpec, SplitSpec
from data.splits.leaks import LeakRules
from data.splits.leaks_between_sets import remove_leaks_between_sets

PAIRS = [("a red car", "x"), ("the river", "y"), ("a tall tree", "v")]
OTHERS = [("A RED  CAR", "another text"), ("new", "x")]
SCORED = [("y", "the river", "0.5"), ("a red car", "unlike", "0.1"), ("old", "older", "0.9")]


def load(path: Path, header: Sequence[str], train: Sequence[tuple[str, ...]], test: Sequence[tuple[str, ...]]) -> PreparedDataset:
    path.mkdir()
    for name, rows in (("train", train), ("dev", [("dev " + path.name, "d1", "0.3"), ("dev", "d2", "0.7")]), ("test", test)):
        with (path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *(row[: len(header)] for row in rows)])
    spec = DatasetSpec(source=str(path))
    return prepare(spec, SplitSpec(), path.parent / "cache", lambda line: None, LeakRules())


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, PreparedDataset]:
    query, graded = ("query", "document"), ("sentence1", "sentence2", "score")
    return {
        "pairs": load(tmp_path / "pairs", query, PAIRS, [("judged", "j")]),
        "others": load(tmp_path / "others", query, [("more", "m"), ("judged", "j2")], OTHERS),
        "graded": load(tmp_path / "graded", graded, [("one", "two", "0.2"), ("three", "four", "0.8")], SCORED),
    }


def cleaned(sets: dict[str, PreparedDataset], tmp_path: Path, said: list[str], **changes: object) -> dict[str, PreparedDataset]:
    arguments = {"trained": lambda name: True, "rules": LeakRules()} | changes
    return remove_leaks_between_sets(sets, cache=tmp_path / "cache", say=said.append, **arguments)  # type: ignore[arg-type]


def test_queries_and_pairs_that_another_judges_are_taken_out(sets: dict[str, PreparedDataset], tmp_path: Path) -> None:
    """`a red car` is a query of others, (`the river`, `y`) a pair of graded, turned round; a single sentence is no leak."""
    said: list[str] = []
    found = cleaned(sets, tmp_path, said)
    assert found["pairs"].splits["train"]["anchor"] == ["a tall tree"]
    assert found["others"].splits["train"]["anchor"] == ["more"]  # `judged` is a query of pairs
    assert found["graded"].splits["train"]["sentence1"] == ["one", "three"]
    for name, one in found.items():
        assert one.splits["test"] is sets[name].splits["test"]
    counts = found["pairs"].counts
    assert (counts["rows_train"], counts["queries_train"], counts["leaks_removed"]) == (1, 1, 2)
    assert said[0] == (
        "pairs: 2 of 3 rows of train are in what other data sets judge (whose query is also in test of others: 1; "
        "whose pair is also in test of graded: 1): taken out (data.leaks=keep keeps them)"
    )
    leaks = found["pairs"].leaks
    assert leaks is not None
    assert [(leak.code, leak.examples, leak.counterparts) for leak in leaks] == [
        ("leak.query", ["train.csv:2"], ["test.csv:2"]),
        ("leak.pair", ["train.csv:3"], ["test.csv:2"]),
    ]
    codes = [finding["code"] for finding in audit([found["pairs"]])["datasets"][0]["findings"]]
    assert codes.count("leak.query") == codes.count("leak.pair") == 1


def test_what_is_nearly_the_same_is_taken_out_too(tmp_path: Path) -> None:
    """Of thirty words one at the end is another, or one is a number; what differs in a number is another matter."""
    long = " ".join(f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    train = [(f"{long} end", "x"), (f"{long} in 2020", "y"), ("What is it?", "z"), ("a tall tree", "v")]
    judged = [(f"{long} finish", "m"), (f"{long} in 2021", "n"), ("what is it", "o")]
    sets = {
        "one": load(tmp_path / "one", ("query", "document"), train, [("judged", "j")]),
        "two": load(tmp_path / "two", ("query", "document"), [("more", "q")], judged),
    }
    said: list[str] = []
    found = cleaned(sets, tmp_path, said)
    assert found["one"].splits["train"]["positive"] == ["y", "v"]
    leaks = found["one"].leaks or ()
    assert [(leak.code, leak.examples, leak.counterparts) for leak in leaks] == [
        ("leak.near_query", ["train.csv:2", "train.csv:4"], ["test.csv:2", "test.csv:4"])
    ]
    assert "whose query is nearly in test of two: 2" in said[0]
    strict = cleaned(sets, tmp_path, [], rules=LeakRules(near=1.0))
    assert strict["one"].splits["train"]["positive"] == ["x", "y", "v"]  # punctuation alone


def test_kept_where_asked_and_only_trained_sets_are_changed(sets: dict[str, PreparedDataset], tmp_path: Path) -> None:
    said: list[str] = []
    kept = cleaned(sets, tmp_path, said, rules=LeakRules(drop=False))
    assert len(kept["pairs"].splits["train"]) == 3 and "kept, by data.leaks=keep" in said[0]
    assert {str(leak.done) for leak in kept["pairs"].leaks or ()} == {"kept"}
    judged = cleaned(sets, tmp_path, [], trained=lambda name: name == "others")
    assert judged["pairs"] is sets["pairs"] and len(judged["others"].splits["train"]) == 1


def test_the_dev_of_a_data_set_that_is_only_judged_chooses_nothing(tmp_path: Path) -> None:
    sets = {
        "one": load(tmp_path / "one", ("query", "document"), [("dev two", "x"), ("b", "y")], [("judged", "j")]),
        "two": load(tmp_path / "two", ("query", "document"), [("more", "q")], [("other", "o")]),
    }
    assert cleaned(sets, tmp_path, [], trained=lambda name: name == "one")["one"] is sets["one"]
    assert len(cleaned(sets, tmp_path, [])["one"].splits["train"]) == 1


def test_a_set_of_which_nothing_would_be_left(sets: dict[str, PreparedDataset], tmp_path: Path) -> None:
    query = ("query", "document")
    sets["all"] = load(tmp_path / "all", query, [("zzz", "z")], PAIRS)
    with pytest.raises(DataError, match="every row of train is in dev or test of another data set"):
        cleaned(sets, tmp_path, [])
