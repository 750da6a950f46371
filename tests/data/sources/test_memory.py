"""Rows in memory: what the loaders give back is what was given, under a path that follows from the content."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.schema import UNSPLIT, RowKind
from data.sources import open_source
from data.sources.memory import store
from data.spec import ColumnSpec, DatasetSpec, SplitSpec
from tests.support.source_files import message, opened, rows, texts

PAIRS = [(f"question {i}", f"answer {i}") for i in range(20)]
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Cf", "Zl", "Zp")), min_size=1, max_size=20)


def loaded(path: Path, cache: Path, **options: object) -> PreparedDataset:
    return prepare(DatasetSpec.model_validate({"source": str(path), "train": False, **options}), SplitSpec(), cache)


def refused(frame: object, folder: Path) -> DataError:
    with pytest.raises(DataError) as error:
        store(frame, folder)
    assert error.value.hint and not list(folder.iterdir())
    return error.value


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=3, max_size=12, unique_by=lambda row: row[1].casefold()), st.integers(0, 4))
def test_pairs_come_back_as_they_were_given(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], form: int
) -> None:
    folder = tmp_path_factory.mktemp("pairs")
    dicts = [{"anchor": a, "positive": b} for a, b in pairs]
    frame = [pairs, dicts, pd.DataFrame(dicts), Dataset.from_list(dicts), DatasetDict({"test": Dataset.from_list(dicts)})][form]
    source = opened(store(frame, folder))
    split = source.splits()[0]
    assert split == ("test" if form == 4 else UNSPLIT)
    assert texts(source, split) == [list(row) for row in pairs]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, st.floats(0, 1)), min_size=3, max_size=12, unique_by=lambda row: row[2]))
def test_scored_pairs_come_back_through_prepare(
    tmp_path_factory: pytest.TempPathFactory, given_rows: list[tuple[str, str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("scored")
    path = store(given_rows, folder)
    assert store(pd.DataFrame(given_rows, columns=["sentence1", "sentence2", "score"]), folder) == path
    found = loaded(path, folder / "cache").splits["test"]
    assert list(zip(found["sentence1"], found["sentence2"], found["score"], strict=True)) == given_rows


def test_triples_have_a_negative(tmp_path: Path) -> None:
    found = loaded(store([(*row, f"other {i}") for i, row in enumerate(PAIRS)], tmp_path), tmp_path / "cache")
    assert found.kind is RowKind.TUPLE and found.splits["test"]["negative_1"][3] == "other 3"


@pytest.mark.parametrize(("true", "false"), [("yes", "no"), ("WAHR", "FALSCH"), ("duplicate", "not duplicate"), (True, False)])
def test_triples_with_words_for_true_and_false_are_scored(tmp_path: Path, true: object, false: object) -> None:
    source = opened(store([(*row, true if i % 3 else false) for i, row in enumerate(PAIRS)], tmp_path))
    assert source.recognised.kind is RowKind.SCORED
    assert [example.label for example in source.examples(UNSPLIT)] == [float(i % 3 > 0) for i in range(len(PAIRS))]


def test_triples_with_classes_of_inference_are_refused(tmp_path: Path) -> None:
    words = ("entailment", "neutral", "contradiction")
    assert "the values are classes" in message(store([(*row, words[i % 3]) for i, row in enumerate(PAIRS)], tmp_path))


def test_the_same_data_gives_the_same_path(tmp_path: Path) -> None:
    frame = pd.DataFrame(PAIRS, columns=["anchor", "positive"])
    path = store(PAIRS, tmp_path / "new")
    assert path.parent.parent == tmp_path / "new" and path.name == "rows.parquet"
    assert loaded(path, tmp_path / "cache").name == "rows", "reports name the data set so"
    written = path.stat().st_mtime_ns
    same = [frame, frame.set_index(pd.Index(range(7, 27))), Dataset.from_pandas(frame), [list(row) for row in PAIRS]]
    same += [
        frame.to_dict("records"),
        frame.convert_dtypes(),
        frame.astype("category"),
        Dataset.from_pandas(frame).with_format("np"),
    ]
    assert {store(one, tmp_path / "new") for one in same} == {path}
    assert path.stat().st_mtime_ns == written and [*(tmp_path / "new").rglob("*")] == [path.parent, path]
    others = [PAIRS[1:], PAIRS[::-1], frame.rename(columns={"anchor": "query"}), [(b, a) for a, b in PAIRS]]
    assert len({store(one, tmp_path / "new") for one in others} | {path}) == 5


def test_splits_are_kept_and_those_without_a_place_are_named(tmp_path: Path) -> None:
    def part(name: str) -> Dataset:
        return Dataset.from_dict({"query": [f"{name} {q}" for q, _ in PAIRS], "answer": [f"{name} {a}" for _, a in PAIRS]})

    given_splits = DatasetDict({name: part(name) for name in ("train", "validation", "test", "train-2")})
    source = opened(store(given_splits, tmp_path))
    assert source.splits() == ("train", "dev", "test")
    assert texts(source, "dev")[0] == ["validation question 0", "validation answer 0"]
    assert "not used, since not named after a split: other-train-2.parquet" in source.recognised.notes
    path = store(DatasetDict(given_splits), tmp_path)
    assert path == Path(source.location) and path.name == loaded(path, tmp_path / "cache").name == "rows"
    alone = opened(store(DatasetDict({"everything": part("x")}), tmp_path))
    assert alone.splits() == (UNSPLIT,) and len(texts(alone)) == 20


def test_columns_of_other_names_and_kinds(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Frage": [q for q, _ in PAIRS], "Antwort": [a for _, a in PAIRS]})
    frame["day"], frame["vector"], frame["n"] = date(2026, 1, 2), [np.arange(3.0)] * 20, pd.array([1, None] * 10, "Int64")
    source = opened(store(frame, tmp_path), columns=ColumnSpec(anchor="Frage", positive="Antwort"))
    assert texts(source) == [list(row) for row in PAIRS]
    numbered = opened(store(pd.DataFrame(PAIRS), tmp_path), columns=ColumnSpec(anchor="0", positive="1"))
    assert texts(numbered) == texts(source)
    many = opened(store([{"query": q, "positives": (a, f"{a}!")} for q, a in PAIRS], tmp_path))
    assert texts(many)[:2] == [["question 0", "answer 0"], ["question 0", "answer 0!"]]


def test_labels_of_inference_are_words(tmp_path: Path) -> None:
    features = Features(
        {"premise": Value("string"), "hypothesis": Value("string"), "label": ClassLabel(names=["entailment", "other"])}
    )
    given_rows = Dataset.from_dict({"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [0, 1]}, features=features)
    assert "the values are classes: entailment (1), other (1)" in message(store(given_rows, tmp_path))


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_a_missing_value_is_reported_with_its_row(tmp_path: Path, missing: object) -> None:
    frame = pd.DataFrame({"query": ["a", "b", "c"], "answer": ["x", missing, "z"]})
    for one in (frame, frame.to_dict("records")):
        path = store(one, tmp_path)
        assert f'{path}, row 2, column "answer": the text is missing' in message(path)
        assert len(texts(opened(path, bad_rows="drop"))) == 2


@pytest.mark.parametrize(("cell", "what"), [(5, "the value 5 is of type int"), ("\ud800", "half of a surrogate pair")])
def test_cells_that_are_no_texts_are_treated_as_in_files(tmp_path: Path, cell: object, what: str) -> None:
    path = store([("a", "x"), ("b", cell), ("c", "z")], tmp_path)
    assert what in message(path) and f'{path}, line 2, column "positive"' in message(path)
    assert rows(opened(path, bad_rows="drop")) == [f"{path.name}:1", f"{path.name}:3"]


class Row(NamedTuple):
    question: str
    answer: str


class Thing:
    """What no file can hold."""


@pytest.mark.parametrize(
    ("frame", "where", "what"),
    [
        ([], "the list", "no rows"),
        (pd.DataFrame(), "the DataFrame", "no rows"),
        (pd.DataFrame({"query": []}), "the DataFrame", "no rows"),
        (Dataset.from_dict({"query": []}), "the Dataset", "no rows"),
        (DatasetDict({"train": Dataset.from_dict({"query": []})}), "split 'train' of the DatasetDict", "no rows"),
        ([{}, {}], "the list", "empty dicts"),
        ({"query": ["a"], "answer": ["b"]}, "data", "type dict"),
        (iter(PAIRS), "data", "iterator"),
        (5, "data", "type int"),
        ("pairs.csv", "data", "type str"),
        (["a text"], "the list, row 1", "type str"),
        ([("a", "b"), ("c", "d", "e")], "the list, row 2", "3 values, the first row has 2"),
        ([("a", "b"), {"query": "c"}], "the list, row 2", "type dict"),
        ([{"query": "c"}, ("a", "b")], "the list, row 2", "type tuple"),
        ([("a",)], "the list, row 1", "1 value"),
        ([("a", "b", "c", "d")], "the list, row 1", "4 values"),
        ([("a", "b", 0.5), ("c", "d", "e")], "the list, row 2", "'e' is of type str, not a number"),
        ([("a", "b", None), ("c", "d", "e"), ("f", "g", 1)], "the list, row 3", "1 is of type int, not a text"),
        ([{"query": "a", 3: "b"}], "the list, row 1", "the key 3"),
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "the DataFrame", "two columns called 'text'"),
        (pd.DataFrame([["a", "b"]], columns=["0", 0]), "the DataFrame", "two columns called '0'"),
        (
            pd.DataFrame([["a", "b"]], columns=pd.MultiIndex.from_tuples([("x", "a"), ("x", "b")])),
            "the DataFrame",
            "several levels",
        ),
        ([{"query": "a", "answer": "b", "extra": Thing()}], 'the list, row 1, column "extra"', "type Thing"),
    ],
)
def test_what_cannot_be_taken_is_refused(tmp_path: Path, frame: object, where: str, what: str) -> None:
    error = refused(frame, tmp_path)
    assert error.where == where and what in error.what


def test_the_types_that_are_taken_are_said(tmp_path: Path) -> None:
    hint = refused(5, tmp_path).hint
    assert hint is not None
    for kind in ("DataFrame", "list of dicts", "list of tuples", "datasets.Dataset", "datasets.DatasetDict"):
        assert kind in hint
    assert "pandas.DataFrame(data)" in str(refused({"query": ["a"]}, tmp_path).hint)
    assert "list(data)" in str(refused(iter(PAIRS), tmp_path).hint)


def test_named_tuples_are_tuples(tmp_path: Path) -> None:
    assert store([Row(q, a) for q, a in PAIRS], tmp_path) == store(PAIRS, tmp_path)


@pytest.mark.parametrize(
    "thirds", [("similar", "different"), ("0", "1"), ("accept", "reject"), ("duplicate", "unrelated", "related"), ("A", "B", "C")]
)
def test_words_and_numbers_as_third_values_are_labels_and_no_negatives(tmp_path: Path, thirds: tuple[str, ...]) -> None:
    rows = [(f"red {i}", f"blue {i}", thirds[i % len(thirds)]) for i in range(24)]
    path = store(rows, tmp_path)
    if len(thirds) > 2:
        with pytest.raises(DataError, match="the values are classes"):
            open_source(DatasetSpec(source=str(path)))
        return
    source = open_source(DatasetSpec(source=str(path)))
    assert source.recognised.kind is RowKind.SCORED
    assert [one.label for one in source.examples(UNSPLIT)][:2] == [thirds[0] in ("similar", "accept"), thirds[0] == "0"]


def test_texts_as_third_values_stay_negatives(tmp_path: Path) -> None:
    rows = [(f"red {i}", f"blue {i}", f"the green number {i % 3}") for i in range(24)]
    assert open_source(DatasetSpec(source=str(store(rows, tmp_path)))).recognised.kind is RowKind.TUPLE
