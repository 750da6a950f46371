"""Judged queries in other files than BEIR's: names, formats, keys and forms of judgements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.schema import UNSPLIT, Document, RowId
from data.spec import ColumnSpec
from tests.support.source_files import message, opened, parquet, texts, write

CORPUS = {"d1": "They purr.", "d2": "Dogs bark.", "d3": "Cows moo."}
QUERIES = {"q1": "who purrs", "q2": "who barks", "q3": "who moos"}
JUDGED = [("q1", "d1"), ("q2", "d2"), ("q3", "d3")]
PAIRS = [["who purrs", "They purr."], ["who barks", "Dogs bark."], ["who moos", "Cows moo."]]
HEADER = "query-id\tcorpus-id\tscore\n"


def objects(of: dict[str, str], identity: str = "_id", text: str = "text") -> str:
    return "".join(json.dumps({identity: key, text: value}) + "\n" for key, value in of.items())


def folder(path: Path, **files: str) -> Path:
    """A folder of corpus.jsonl and queries.jsonl, and files by their name (`__` for a slash, `_` for a dot)."""
    write(path / "corpus.jsonl", objects(CORPUS))
    write(path / "queries.jsonl", objects(QUERIES))
    for name, content in files.items():
        write(path / name.replace("__", "/").replace("_", "."), content)
    return path


def lines(pattern: str) -> str:
    return "".join(pattern.format(q=q, d=d) + "\n" for q, d in JUDGED)


FORMS = {
    "BEIR": HEADER + lines("{q}\t{d}\t1"),
    "TREC by tabs": lines("{q}\t0\t{d}\t1"),
    "TREC by blanks": lines("{q} 0 {d} 1"),
    "TREC's Q0": lines("{q} Q0 {d} 2"),
    "three columns": lines("{q}\t{d}\t1"),
    "two columns": lines("{q}\t{d}"),
    "two with a header": "query_id\tdoc_id\n" + lines("{q}\t{d}"),
    "a note behind the score": HEADER + lines("{q}\t{d}\t1\ta note"),
    "a fourth column with a name": "query-id\tcorpus-id\tscore\tannotator\n" + lines("{q}\t{d}\t1\tA. B."),
    "document first": "doc_id\tquery_id\trelevance\n" + lines("{d}\t{q}\t1"),
    "TREC with a header": "query_id\titer\tdoc_id\trel\n" + lines("{q}\t0\t{d}\t1"),
    "two files put together": HEADER + lines("{q}\t{d}\t1") + HEADER,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["qrels__test_tsv", "qrels_test_txt"])
def test_forms_of_judgements(tmp_path, form, name):
    source = opened(folder(tmp_path, **{name: FORMS[form]}))
    assert source.splits() == ("test",)
    assert texts(source, "test") == PAIRS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels.csv", "query_id,doc_id,score\n" + lines("{q},{d},1")),
        ("qrels.csv", lines("{q},{d},1")),
        ("judgements.jsonl", lines('{{"qid": "{q}", "docid": "{d}", "relevance": 1}}')),
        ("relevance.json", json.dumps([{"query": q, "document": d} for q, d in JUDGED])),
        ("qrels/qrels.tsv", FORMS["BEIR"]),
        ("qrels.txt", FORMS["TREC by blanks"]),
        ("qrels.json", json.dumps({q: {d: 1, "d9": 0} for q, d in JUDGED})),
        ("qrels.jsonl", lines('{{"query_id": "{q}", "positive_ids": ["{d}"]}}')),
        ("Qrels/all.tsv", FORMS["BEIR"]),
    ],
)
def test_judgements_without_splits(tmp_path, name, content):
    path = folder(tmp_path)
    write(path / name, content)
    source = opened(path)
    assert source.splits() == (UNSPLIT,)
    assert texts(source) == PAIRS
    assert RowId.parse(next(source.examples(UNSPLIT)).guid).document_id == "d1"
    assert f"{name}: judgements without splits" in source.recognised.notes


@pytest.mark.parametrize(
    "names", [("qrels.train.tsv", "qrels.test.tsv"), ("train.tsv", "test.tsv"), ("qrels-train.txt", "test_qrels.txt")]
)
def test_a_flat_folder_with_splits(tmp_path, names):
    path = folder(tmp_path)
    for name in names:
        write(path / name, FORMS["BEIR"])
    assert opened(path).splits() == ("train", "test")


@pytest.mark.parametrize(
    ("corpus", "queries", "content"),
    [
        ("documents.csv", "queries.csv", ["doc_id,body\n", "qid,question\n", ","]),
        ("passages.tsv", "questions.tsv", ["pid\tcontents\n", "id\ttext\n", "\t"]),
        ("collection.tsv", "queries.train.tsv", ["", "", "\t"]),
        ("shop_corpus.csv", "shop_queries.csv", ["id,text\n", "id,text\n", ","]),
    ],
)
def test_other_names_and_keys(tmp_path, corpus, queries, content):
    documents_header, queries_header, sign = content
    write(tmp_path / corpus, documents_header + "".join(f"{key}{sign}{text}\n" for key, text in CORPUS.items()))
    write(tmp_path / queries, queries_header + "".join(f"{key}{sign}{text}\n" for key, text in QUERIES.items()))
    write(tmp_path / "qrels.train.tsv", FORMS["TREC by tabs"])
    source = opened(tmp_path)
    assert texts(source, "train") == PAIRS
    assert next(iter(source.documents())) == Document("d1", "They purr.")
    assert any(corpus in note for note in source.recognised.notes)


def test_parquet_and_numbers_as_ids(tmp_path):
    parquet(tmp_path / "corpus.parquet", id=[1, 2, 3], title=["Cats", "", None], text=list(CORPUS.values()))
    parquet(tmp_path / "queries.parquet", id=[7, 8, 9], text=list(QUERIES.values()))
    parquet(tmp_path / "qrels.parquet", query_id=[7, 8], corpus_id=[1, 3], score=[1, 0])
    assert texts(opened(tmp_path)) == [["who purrs", "Cats They purr."]]


@pytest.mark.parametrize(
    ("queries", "part"),
    [
        (objects(QUERIES, "_id", "utter"), None),
        (objects(QUERIES, "number"), "no _id; keys found: 'number', 'text'"),
        ('{"_id": "q1", "lang": "en", "author": "x"}\n', "no key 'query' or 'text'; keys found: '_id', 'lang', 'author'"),
        (objects(QUERIES) + '{"_id": "q4", "query": "who sings"}\n', "queries.jsonl, line 4: no text"),
        (objects(QUERIES) + '{"text": "who sings"}\n', "queries.jsonl, line 4: no _id"),
        ("", "queries.jsonl: there are no queries"),
    ],
)
def test_keys_that_are_missing_are_named(tmp_path, queries, part):
    path = folder(tmp_path, qrels__train_tsv=FORMS["BEIR"])
    write(path / "queries.jsonl", queries)
    if part is None:
        assert texts(opened(path), "train") == PAIRS
        return
    said = message(path)
    assert part in said
    assert '{"' in said.partition("What to do:")[2]


def test_documents_and_queries_without_judgements(tmp_path):
    said = message(folder(tmp_path))
    assert "corpus.jsonl and queries.jsonl, but no judgements" in said
    assert f"write {tmp_path / 'qrels.tsv'}" in said
    assert r"q1\td1\t1" in said


def test_several_files_of_judgements_without_splits(tmp_path):
    said = message(folder(tmp_path, qrels_tsv=FORMS["BEIR"], relevance_tsv=FORMS["BEIR"]))
    assert f"mv {tmp_path / 'qrels.tsv'} {tmp_path / 'qrels.train.tsv'}" in said
    (tmp_path / "relevance.tsv").rename(tmp_path / "qrels.test.tsv")
    assert "qrels.tsv beside qrels.test.tsv: for which split is it?" in message(tmp_path)


def test_a_file_of_judgements_alone_and_a_column_of_splits(tmp_path):
    path = folder(tmp_path / "a", qrels__train_tsv=FORMS["BEIR"])
    said = message(path / "qrels" / "train.tsv")
    assert "these are judgements, which name the texts of corpus.jsonl and queries.jsonl" in said
    assert f"give the folder: {path}" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels_csv", "query_id,doc_id,split\nq1,d1,train\nq2,d2,test\nq3,d3,train\n"),
        ("qrels_tsv", "query-id\tcorpus-id\tscore\tsplit\nq1\td1\t1\ttrain\nq2\td2\t2\tTest\nq3\td3\t1\ttraining\n"),
        ("qrels__all_tsv", "split\tquery-id\tcorpus-id\tscore\ntrain\tq1\td1\t1\ntest\tq2\td2\t1\ntrain\tq3\td3\t1\n"),
        (
            "qrels_jsonl",
            "".join(
                json.dumps({"query_id": q, "doc_id": d, "split": "test" if q == "q2" else "train"}) + "\n" for q, d in JUDGED
            ),
        ),
    ],
)
def test_judgements_that_name_their_splits_in_a_column(tmp_path, name, content):
    source = opened(folder(tmp_path, **{name: content}))
    assert source.splits() == ("train", "test")
    assert texts(source, "train") == [PAIRS[0], PAIRS[2]] and texts(source, "test") == [PAIRS[1]]
    assert "splits as a column says (train, test)" in "".join(source.recognised.notes)
    assert "without splits" not in "".join(source.recognised.notes)


def test_objects_of_texts_by_their_ids(tmp_path):
    for name, held in {"corpus": CORPUS, "queries": QUERIES, "qrels": {q: [d] for q, d in JUDGED}}.items():
        write(tmp_path / f"{name}.json", json.dumps(held))
    assert texts(opened(tmp_path)) == PAIRS


def test_a_column_of_splits_that_cannot_be_followed(tmp_path):
    path = folder(tmp_path / "a", qrels_csv="query_id,doc_id,split\n" + lines("{q},{d},3"))
    assert "qrels.csv, line 2: '3' is not a split" in message(path)
    path = folder(tmp_path / "b", qrels__test_tsv="query-id\tcorpus-id\tscore\tsplit\n" + lines("{q}\t{d}\t1\ttrain"))
    assert "called after test, and a column says train" in message(path)


@pytest.mark.parametrize(
    "judged", ["qrels/test.parquet", "default/test-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]
)
def test_folders_of_their_own_as_the_hub_has_them(tmp_path, judged):
    for name in ("corpus", "queries", judged.split("/")[0]):
        (tmp_path / name).mkdir()
    of = {"corpus": CORPUS, "queries": QUERIES}
    for name, held in of.items():
        parquet(tmp_path / name / f"{name}-00000-of-00001.parquet", _id=list(held), text=list(held.values()))
    columns = {"query-id": [q for q, _ in JUDGED], "corpus-id": [d for _, d in JUDGED], "score": [1, 1, 1]}
    parquet(tmp_path / judged, **columns)
    source = opened(tmp_path)
    assert source.splits() == ("test",) and texts(source, "test") == PAIRS


def test_several_documents_of_one_row_are_rows_of_their_own(tmp_path):
    path = folder(tmp_path, qrels_jsonl='{"query_id": "q1", "positive_ids": ["d1", "d2"]}\n')
    assert [RowId.parse(example.guid).row for example in opened(path).examples(UNSPLIT)] == ["qrels.jsonl:1", "qrels.jsonl:1#2"]


@pytest.mark.parametrize("header", ["id,text,doc", "qid,question,document_id", "query,answer_id", "query,document", "text,x"])
def test_queries_that_name_their_documents_are_joined(tmp_path, header):
    write(tmp_path / "documents.csv", "id,text\n" + "".join(f"{key},{text}\n" for key, text in CORPUS.items()))
    rows = [(*([q] if header.count(",") == 2 else []), QUERIES[q], d) for q, d in JUDGED]
    write(tmp_path / "queries.csv", header + "\n" + "".join(",".join(row) + "\n" for row in rows))
    source = opened(tmp_path)
    assert texts(source) == PAIRS
    assert len(list(source.documents())) == 3


def test_pairs_of_texts_beside_a_corpus_stay_pairs(tmp_path):
    path = folder(tmp_path)
    for name in ("train", "test"):
        write(path / f"{name}.csv", "query,document\n" + "".join(f"{q},{d}\n" for q, d in PAIRS))
    source = opened(path)
    assert source.splits() == ("train", "test")
    assert source.documents() is None


ONE = {"queries": QUERIES, "corpus": CORPUS, "relevant_docs": {"q1": ["d1"], "q2": ["d2"], "q3": ["d3"]}, "mode": "text"}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"relevant_docs": {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 2}, "q3": {"d3": 1}}},
        {"relevant_docs": dict(JUDGED)},
        {"relevant_docs": [{"query-id": q, "corpus-id": d, "score": 1} for q, d in JUDGED]},
        {"relevant_docs": [[q, d] for q, d in JUDGED]},
        {"corpus": {key: {"title": "", "text": text} for key, text in CORPUS.items()}},
        {"corpus": [{"id": key, "text": text} for key, text in CORPUS.items()]},
        {"queries": [{"qid": key, "query": text} for key, text in QUERIES.items()]},
    ],
)
def test_one_json_file_with_everything(tmp_path, changed):
    source = opened(write(tmp_path / "qa.json", json.dumps({**ONE, **changed}, indent=1)))
    assert texts(source) == PAIRS
    assert [document.id for document in source.documents()] == ["d1", "d2", "d3"]
    second = RowId.parse(list(source.examples(UNSPLIT))[1].guid)
    assert (second.query_id, second.document_id) == ("q2", "d2")
    assert second.row.startswith("qa.json:")


def test_such_files_for_train_and_validation(tmp_path):
    for name, part in (("train_dataset", ("q1", "q2")), ("val_dataset", ("q3",))):
        queries, relevant = ({key: ONE[of][key] for key in part} for of in ("queries", "relevant_docs"))
        write(tmp_path / f"{name}.json", json.dumps({**ONE, "queries": queries, "relevant_docs": relevant}))
    source = opened(tmp_path)
    assert source.splits() == ("train", "dev")
    assert texts(source, "dev") == PAIRS[2:]
    assert len(list(source.documents())) == 3
    write(tmp_path / "val_dataset.json", json.dumps({**ONE, "corpus": {**CORPUS, "d1": "They bark."}}))
    assert "the document id 'd1' stands for different texts" in message(tmp_path)


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"relevant_docs": None}, "this does not say which documents belong to which query"),
        ({"relevant_docs": {"q1": ["d9"]}}, "the document 'd9' is not in corpus of qa.json"),
        ({"corpus": {}}, "'corpus' is empty"),
        ({"corpus": "x"}, "'corpus' is neither an object of texts nor a list"),
        ({"corpus": {"d1": 7}}, "text is of type int, not a text"),
    ],
)
def test_one_json_file_that_is_wrong(tmp_path, changed, part):
    assert part in message(write(tmp_path / "qa.json", json.dumps({**ONE, **changed})))
    lacking = {key: value for key, value in ONE.items() if key != "relevant_docs"}
    assert "no key 'relevant_docs'" in message(write(tmp_path / "qa.json", json.dumps(lacking)))
    assert "columns has no meaning" in message(write(tmp_path / "a.json", json.dumps(ONE)), columns=ColumnSpec(anchor="x"))
