"""The whole data room: from a spec to tables that are ready."""

from __future__ import annotations

import csv
import doctest
import importlib
import json
import time
from pathlib import Path

import pytest

from data.errors import DataError
from data.load import prepare
from data.schema import RowKind, text_id
from data.spec import DatasetSpec, SplitSpec

ROOT = Path(__file__).resolve().parents[2]


def csv_file(path: Path, header: list[str], rows: list[tuple[object, ...]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def pairs_file(path: Path, number: int) -> Path:
    return csv_file(path, ["query", "document"], [(f"question {i}", f"answer {i}") for i in range(number)])


def beir(path: Path) -> Path:
    (path / "qrels").mkdir(parents=True)
    (path / "corpus.jsonl").write_text("\n".join(json.dumps({"_id": f"d{i}", "text": f"text {i}"}) for i in range(50)))
    (path / "queries.jsonl").write_text("\n".join(json.dumps({"_id": f"q{i}", "text": f"query {i}"}) for i in range(40)))
    rows = "".join(f"q{i}\td{i}\t1\n" for i in range(40))
    (path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    return path


def test_pairs_get_splits_and_a_corpus(tmp_path):
    said: list[str] = []
    path = pairs_file(tmp_path / "my pairs.csv", 100)
    prepared = prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache", said.append)
    assert (prepared.name, prepared.kind, prepared.location) == ("my_pairs", RowKind.PAIR, str(path))
    assert {name: len(table) for name, table in prepared.splits.items()} == {"train": 70, "dev": 10, "test": 20}
    assert len(prepared.corpus) == 100
    assert set(prepared.corpus["id"]) == {text_id(f"answer {i}") for i in range(100)}
    test = prepared.splits["test"]
    assert {row["document_id"] for row in test} <= set(prepared.corpus["id"])
    assert prepared.counts["documents"] == 100
    assert "my_pairs: query -> anchor" in said
    assert said[-4] == "my_pairs: rows: train 70, dev 10, test 20; documents: 100"


def test_the_corpus_holds_each_text_once_and_negatives_too(tmp_path):
    rows = [(f"q{i}", f"p{i % 40}", f"N{i % 10}") for i in range(60)]
    path = csv_file(tmp_path / "t.csv", ["query", "positive", "negative"], rows)
    prepared = prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache")
    assert prepared.kind is RowKind.TUPLE
    assert sorted(prepared.corpus["text"]) == sorted({row[1] for row in rows} | {row[2] for row in rows})
    assert prepared.splits["train"].column_names[-1] == "negative_1"


def test_scored_pairs_have_no_corpus(tmp_path):
    path = csv_file(tmp_path / "s.csv", ["text1", "text2", "label"], [(f"a{i}", f"b{i}", i % 6) for i in range(50)])
    prepared = prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache")
    assert prepared.corpus is None
    assert prepared.recognised.score_range == (0, 5)
    assert {score for table in prepared.splits.values() for score in table["score"]} <= {0, 0.2, 0.4, 0.6, 0.8, 1}


def test_beir_keeps_its_whole_corpus_and_its_ids(tmp_path):
    prepared = prepare(DatasetSpec(source=str(beir(tmp_path / "b"))), SplitSpec(), tmp_path / "cache")
    assert len(prepared.corpus) == 50
    assert {name: len(table) for name, table in prepared.splits.items()} == {"train": 28, "dev": 4, "test": 8}
    row = prepared.splits["test"][0]
    assert row["query_id"].startswith("q")
    assert row["row"].startswith("qrels/train.tsv:")


def test_a_second_time_reads_the_cache_and_gives_the_same(tmp_path, monkeypatch):
    path = csv_file(tmp_path / "p.csv", ["query", "document"], [(f"q{i}", f"p{i}" if i else "") for i in range(30)])
    spec = DatasetSpec(source=str(path), bad_rows="drop", max_rows=10)
    first = prepare(spec, SplitSpec(), tmp_path / "cache")
    monkeypatch.setattr("data.sources.rows.TableSource.examples", lambda self, split: pytest.fail("read again"))
    again = prepare(spec, SplitSpec(), tmp_path / "cache")
    assert (again.notes, again.counts, again.fingerprint) == (first.notes, first.counts, first.fingerprint)
    assert {n: t.to_dict() for n, t in again.splits.items()} == {n: t.to_dict() for n, t in first.splits.items()}
    assert first.counts["dropped_all"] == 1
    assert any("left out: 1" in note and 'p.csv, line 2, column "document"' in note for note in first.notes)
    assert len(first.splits["train"]) == 10
    assert len(first.corpus) == 29


def test_changed_data_or_options_are_not_taken_from_the_cache(tmp_path):
    spec = DatasetSpec(source=str(pairs_file(tmp_path / "p.csv", 30)))
    prints = {prepare(spec, SplitSpec(), tmp_path / "cache").fingerprint}
    prints.add(prepare(spec, SplitSpec(seed=1), tmp_path / "cache").fingerprint)
    prints.add(prepare(spec.model_copy(update={"max_rows": 5}), SplitSpec(), tmp_path / "cache").fingerprint)
    pairs_file(tmp_path / "p.csv", 40)
    grown = prepare(spec, SplitSpec(), tmp_path / "cache")
    assert sum(len(table) for table in grown.splits.values()) == 40
    assert len(prints | {grown.fingerprint}) == 4


def test_a_data_set_that_is_only_judged_is_all_test(tmp_path):
    spec = DatasetSpec(source=str(pairs_file(tmp_path / "p.csv", 30)), train=False)
    prepared = prepare(spec, SplitSpec(), tmp_path / "cache")
    assert {name: len(table) for name, table in prepared.splits.items()} == {"test": 30}
    assert any("all of its rows serve as test" in note for note in prepared.notes)


def test_the_dev_of_a_data_set_that_is_only_judged_is_its_test(tmp_path):
    (tmp_path / "d").mkdir()
    pairs_file(tmp_path / "d" / "dev.csv", 30)
    prepared = prepare(DatasetSpec(source=str(tmp_path / "d"), train=False), SplitSpec(), tmp_path / "cache")
    assert {name: len(table) for name, table in prepared.splits.items()} == {"test": 30}
    assert any("has no test split, so dev serves as test" in note for note in prepared.notes)


def test_a_bad_row_leaves_no_table_behind(tmp_path):
    path = csv_file(tmp_path / "p.csv", ["query", "document"], [("a", "b"), ("c", " ")])
    with pytest.raises(DataError, match="line 3"):
        prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_the_shipped_sample_is_split_by_its_groups(tmp_path):
    prepared = prepare(DatasetSpec(source=str(ROOT / "data" / "samples" / "devops.csv")), SplitSpec(), tmp_path)
    assert prepared.kind is RowKind.SCORED
    groups = {name: set(table["group"]) for name, table in prepared.splits.items()}
    assert not groups["train"] & groups["test"]
    assert not groups["train"] & groups["dev"]
    assert prepared.counts["shared_sentences_train_test"] == 0
    assert sum(len(table) for table in prepared.splits.values()) >= 400


def test_a_hundred_thousand_pairs_load_fast(tmp_path):
    path = pairs_file(tmp_path / "p.csv", 100_000)
    import sentence_transformers  # noqa: F401 (imported once a process; not what is measured)

    begin = time.perf_counter()
    prepared = prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache")
    assert time.perf_counter() - begin < 20
    assert prepared.counts["rows_train"] == 97_500, "but for 500 of dev and 2,000 of test"


@pytest.mark.parametrize(
    "module",
    ["findings", "sources.columns.column_roles", "sources.columns.score_range", "sources", "sources.files", "sources.python_api"],
)
def test_examples_in_docstrings(module):
    result = doctest.testmod(importlib.import_module(f"data.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


# The public data sets beside the checkout


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("stsb_en", {"rows_train": 5749, "rows_dev": 1500, "rows_test": 1379}),
        ("sick", {"rows_train": 4500, "rows_dev": 500, "rows_test": 4927}),
        ("finqa10k", {"rows_train": 5795, "rows_dev": 503, "rows_test": 700, "documents": 7000, "dropped_train": 2}),
        ("scifact", {"rows_train": 831, "rows_dev": 88, "rows_test": 339, "queries_test": 300, "documents": 5183}),
        ("nfcorpus", {"rows_train": 110575, "rows_dev": 11385, "queries_test": 323, "documents": 3633}),
        ("nl2bash", {"rows_train": 10463, "rows_dev": 1023, "rows_test": 1096, "documents": 10594}),
        ("mqp", {"rows_train": 912, "rows_dev": 67, "rows_test": 545, "documents": 3043}),
    ],
)
def test_public_data_sets(shared_datasets, tmp_path, name, counts):
    prepared = prepare(DatasetSpec(source=str(shared_datasets / name)), SplitSpec(), tmp_path)
    assert {key: prepared.counts[key] for key in counts} == counts
