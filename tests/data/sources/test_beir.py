"""BEIR folders: what is read, and what is wrong with a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import Document, RowId, RowKind
from data.spec import ColumnSpec
from tests.support.source_files import message, opened

CORPUS = [
    {"_id": "d1", "title": "Cats", "text": "They purr."},
    {"_id": "d2", "title": "", "text": "Dogs bark. "},
    {"_id": "d3", "text": "Cows moo."},
]
QUERIES = [{"_id": "q1", "text": "who purrs"}, {"_id": "q2", "text": "who barks"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t0\nq2\td2\t1\n"


def folder(path: Path, corpus=CORPUS, queries=QUERIES, **qrels: str) -> Path:
    path.mkdir(exist_ok=True)
    (path / "qrels").mkdir(exist_ok=True)
    for name, objects in (("corpus", corpus), ("queries", queries)):
        (path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, objects)), "utf-8")
    for name, content in (qrels or {"train": QRELS}).items():
        (path / "qrels" / f"{name}.tsv").write_text(content, "utf-8")
    return path


def test_judgements_become_examples(tmp_path):
    source = opened(folder(tmp_path / "animals", train=QRELS, validation=QRELS))
    assert source.name == "animals"
    assert source.recognised.kind is RowKind.PAIR
    assert source.splits() == ("train", "dev")
    first, second = source.examples("train")
    assert (first.texts, first.label) == (["who purrs", "Cats They purr."], 2.0)
    assert RowId.parse(first.guid) == RowId("qrels/train.tsv:2", "q1", "d1")
    assert (second.texts, second.label) == (["who barks", "Dogs bark."], 1.0)
    assert RowId.parse(second.guid).row == "qrels/train.tsv:4"


def test_the_whole_corpus_is_given(tmp_path):
    source = opened(folder(tmp_path / "a"))
    expected = [Document("d1", "Cats They purr."), Document("d2", "Dogs bark."), Document("d3", "Cows moo.")]
    assert list(source.documents()) == list(source.documents()) == expected


def test_ids_may_be_numbers(tmp_path):
    path = folder(tmp_path / "a", [{"_id": 7, "text": "x"}], [{"_id": 1, "text": "y"}], train="q\tc\ts\n1\t7\t1\n")
    assert [example.texts for example in opened(path).examples("train")] == [["y", "x"]]


def test_what_is_not_used_is_said(tmp_path):
    path = folder(tmp_path / "a", train=QRELS, extra=QRELS)
    (path / "hard_negatives").mkdir()
    notes = opened(path).recognised.notes
    assert "hard_negatives/ is not used: it has no train.tsv" in notes
    assert any("qrels/extra.tsv is not used" in note for note in notes)


def test_an_empty_document_stays_in_the_corpus_and_is_counted(tmp_path):
    source = opened(folder(tmp_path / "a", [*CORPUS, {"_id": "d4", "title": " ", "text": ""}]))
    assert "empty documents in the corpus: 1" in source.recognised.notes
    assert list(source.documents())[-1] == Document("d4", "")
    assert len(list(source.examples("train"))) == 2


@pytest.mark.parametrize("file", ["corpus", "queries"])
def test_judged_empty_texts_are_left_out_of_train_only(tmp_path, file):
    corpus = [{"_id": "d1", "text": " " if file == "corpus" else "x"}, {"_id": "d2", "text": "Dogs bark."}]
    queries = [{"_id": "q1", "text": "" if file == "queries" else "x"}, QUERIES[1]]
    source = opened(folder(tmp_path / "a", corpus, queries, train=QRELS, test=QRELS))
    assert [example.texts for example in source.examples("train")] == [["who barks", "Dogs bark."]]
    assert source.dropped == {"train": 1}
    text = message(tmp_path / "a")
    assert "qrels/test.tsv, line 2" in text
    assert f"judged relevant but empty in {file}.jsonl" in text
    dropping = opened(tmp_path / "a", bad_rows="drop")
    assert len(list(dropping.examples("test"))) == 1
    assert dropping.dropped == {"test": 1}


@pytest.mark.parametrize(
    ("qrels", "part"),
    [
        ("a\tb\tc\nq1\td9\t1\n", "qrels/train.tsv, line 2: the document 'd9' is not in corpus.jsonl"),
        ("a\tb\tc\nq1\td1\t1\nq9\td1\t1\n", "qrels/train.tsv, line 3: the query 'q9' is not in queries.jsonl"),
        ("a\tb\tc\nq1\td1\thigh\n", "qrels/train.tsv, line 2, column \"score\": the score 'high' is not a number"),
        ("a\tb\tc\nq1 d1 1\n", "qrels/train.tsv, line 2: no tab in the line, where three columns are expected"),
        ("q1\td1\t1\nq2\td2\n", "qrels/train.tsv, line 1: the header is missing"),
        ("q1\t5\t7\t1\nq2\t6\t8\t1\n", "qrels/train.tsv, line 1: 4 columns, of which the meaning is not clear"),
        ("q1\tQ0\td1\t1\t9.5\tbm25\n", "qrels/train.tsv: this is a ranking of documents (a TREC run), not judgements"),
        ("a\tb\tc\nq8\td1\t1\nq9\td1\t1\n", "'q8' is not in queries.jsonl (nor are 1 more of 2 that are judged: 'q9')"),
        ("a\tb\tc\nq1\td1\t0\n", "qrels/train.tsv: no judgement has a score above 0"),
        ("", "qrels/train.tsv: no judgement"),
    ],
)
def test_bad_judgements(tmp_path, qrels, part):
    assert part in message(folder(tmp_path / "a", train=qrels))


def test_judgements_of_missing_texts_can_be_dropped(tmp_path):
    source = opened(folder(tmp_path / "a", train=QRELS + "q9\td1\t1\nq1\td9\t1\n"), bad_rows="drop")
    assert len(list(source.examples("train"))) == 2
    assert source.dropped == {"train": 2}


@pytest.mark.parametrize(
    ("corpus", "queries", "part"),
    [
        ([*CORPUS, CORPUS[1]], QUERIES, "corpus.jsonl, line 4: the document id 'd2' occurs twice"),
        (CORPUS, [*QUERIES, QUERIES[0]], "queries.jsonl, line 3: the query id 'q1' occurs twice"),
        ([{"text": "x"}], QUERIES, "corpus.jsonl, line 1: no _id"),
        ([{"_id": "d1", "text": ["x"]}], QUERIES, 'corpus.jsonl, line 1, column "text": text is of type list'),
        ([], QUERIES, "corpus.jsonl: the corpus is empty"),
    ],
)
def test_bad_texts(tmp_path, corpus, queries, part):
    assert part in message(folder(tmp_path / "a", corpus, queries))


def test_no_or_ambiguous_judgement_files(tmp_path):
    folder(tmp_path / "a", dev=QRELS, val=QRELS)
    assert "two files for dev: dev.tsv and val.tsv" in message(tmp_path / "a")
    (tmp_path / "a" / "qrels" / "dev.tsv").unlink()
    (tmp_path / "a" / "qrels" / "val.tsv").unlink()
    assert "no judgements" in message(tmp_path / "a")


def test_columns_have_no_meaning_here(tmp_path):
    assert "columns has no meaning for a BEIR folder" in message(folder(tmp_path / "a"), columns=ColumnSpec(anchor="x"))


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/train.tsv"])
def test_the_fingerprint_follows_every_file(tmp_path, file):
    path = folder(tmp_path / "a")
    before = opened(path).fingerprint()
    assert opened(path).fingerprint() == before
    with (path / file).open("a") as out:
        out.write("\n")
    assert opened(path).fingerprint() != before


NEGATIVES = "query-id\tcorpus-id\tscore\nq1\td2\t0\nq1\td1\t0\nq1\td2\t0\nq1\td3\t0\nq2\td3\t0\n"


def with_negatives(path: Path, **negatives: str) -> Path:
    (path / "hard_negatives").mkdir()
    for name, content in negatives.items():
        (path / "hard_negatives" / f"{name}.tsv").write_text(content, "utf-8")
    return path


def test_hard_negatives_join_the_rows_as_many_as_every_query_has(tmp_path):
    """q1 has two that do not belong to it, d2 and d3 (d1 does, and d2 is listed twice), q2 one: one is taken of each."""
    plain = folder(tmp_path / "plain")
    path = with_negatives(folder(tmp_path / "a"), train=NEGATIVES)
    source = opened(path)
    assert source.recognised.kind is RowKind.TUPLE
    assert source.recognised.roles["negative"] == ["hard_negatives/train.tsv"]
    texts = [example.texts for example in source.examples("train")]
    assert texts == [["who purrs", "Cats They purr.", "Dogs bark."], ["who barks", "Dogs bark.", "Cows moo."]]
    assert "queries have 1 to 2 hard negatives: the first 1 of each are used" in source.recognised.notes
    assert source.fingerprint() != opened(plain).fingerprint()
    before = source.fingerprint()
    (path / "hard_negatives" / "train.tsv").write_text(NEGATIVES.replace("q2\td3", "q2\td1"), "utf-8")
    assert opened(path).fingerprint() != before


def test_hard_negatives_of_some_queries_are_not_used_and_that_is_said(tmp_path):
    path = with_negatives(folder(tmp_path / "a"), train="query-id\tcorpus-id\tscore\nq1\td2\t0\n")
    source = opened(path)
    assert source.recognised.kind is RowKind.PAIR
    assert "hard_negatives/ is not used: 1 of 2 queries of train have none" in source.recognised.notes
    assert source.fingerprint() == opened(folder(tmp_path / "b")).fingerprint()


def test_a_hard_negative_that_is_not_in_the_corpus_is_an_error_with_its_line(tmp_path):
    path = with_negatives(folder(tmp_path / "a"), train=NEGATIVES.replace("q1\td2", "q1\td9"))
    with pytest.raises(DataError, match=r"qrels/train.tsv, line 2: the hard negative 'd9' is not in corpus.jsonl"):
        list(opened(path).examples("train"))
