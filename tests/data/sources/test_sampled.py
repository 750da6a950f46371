"""A sample is part of the whole: whole queries, the splits' shares, and of a corpus what belongs to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.load import prepare
from data.schema import RowId, Source
from data.sources import open_source
from data.spec import DatasetSpec, SplitSpec


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """300 rows: 100 queries with three documents each."""
    lines = [f"question {row // 3} about it,answer {row} that fits" for row in range(300)]
    (tmp_path / "pairs.csv").write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")
    return tmp_path / "pairs.csv"


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A BEIR folder: 100 queries, 40 of them for test; 100 documents that are judged, and 100 others."""
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{i}", "text": f"document number {i} of many"} for i in range(200)]
    queries = [{"_id": f"q{i}", "text": f"query number {i} of some"} for i in range(100)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    for split, numbers in (("train", range(60)), ("test", range(60, 100))):
        lines = [f"q{i}\td{i}\t1" for i in numbers]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n", encoding="utf-8")
    return folder


def texts(source: Source, split: str) -> list[tuple[str, ...]]:
    return [tuple(row.texts or ()) for row in source.examples(split)]


def test_queries_keep_all_of_their_rows(pairs: Path) -> None:
    whole = texts(open_source(DatasetSpec(source=str(pairs))), "all")
    part = texts(open_source(DatasetSpec(source=str(pairs), sample=60)), "all")
    assert part == [row for row in whole if row[0] in {query for query, _ in part}] and 60 <= len(part) < 63
    again = texts(open_source(DatasetSpec(source=str(pairs), sample=60)), "all")
    other = texts(open_source(DatasetSpec(source=str(pairs), sample=60, sample_seed=1)), "all")
    assert again == part != other


def test_one_that_is_larger_than_the_whole_is_the_whole(pairs: Path) -> None:
    assert len(texts(open_source(DatasetSpec(source=str(pairs), sample=1000)), "all")) == 300


def test_splits_keep_their_shares_and_the_corpus_its_documents(judged: Path) -> None:
    source = open_source(DatasetSpec(source=str(judged), sample=50))
    rows = {split: [RowId.parse(str(row.guid)) for row in source.examples(split)] for split in source.splits()}
    assert {split: len(ids) for split, ids in rows.items()} == {"train": 30, "test": 20}
    documents = {one.id for one in source.documents() or ()}
    belonging = {row.document_id for ids in rows.values() for row in ids}
    others = documents - belonging
    assert belonging <= documents and all(int(one[1:]) >= 100 for one in others) and 30 <= len(others) <= 70


def test_a_run_says_what_its_sample_is_of_also_where_it_is_read_again(pairs: Path, tmp_path: Path) -> None:
    for _ in range(2):
        said: list[str] = []
        found = prepare(DatasetSpec(source=str(pairs), sample=90), SplitSpec(), tmp_path / "cache", said.append)
        assert any("a sample of 90 of 300 rows" in line for line in said) and (
            found.counts["sample"],
            found.counts["sampled_from"],
        ) == (90, 300)
        assert sum(map(len, found.splits.values())) == 90
    whole = prepare(DatasetSpec(source=str(pairs)), SplitSpec(), tmp_path / "cache")
    assert whole.source_fingerprint != found.source_fingerprint and not any("a sample" in note for note in whole.notes)


@pytest.mark.slow
def test_the_sample_of_the_default_keeps_enough_queries_for_a_verdict(tmp_path: Path) -> None:
    found = prepare(DatasetSpec(source="python_api", sample=1500), SplitSpec(), tmp_path)
    assert found.counts["queries_test"] >= 300 and found.counts["queries_dev"] >= 100 and 1400 < found.counts["sample"] < 1600
