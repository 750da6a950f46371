"""Rows of a text and its class: which are taken for such, what they become, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data.load import prepare
from data.schema import UNSPLIT, RowId, RowKind
from data.sources.classes.source import ClassSource
from data.spec import ColumnSpec, DatasetSpec, SplitSpec
from tests.support.source_files import message, opened, parquet, texts, write
from train.evaluate.tasks import build_task
from train.fit.batches.training_set import TrainingRows

CLASSES = ("invoice", "parcel", "password", "refund", "heating", "parking", "menu", "passport")
ASKED = (
    "where is my {}",
    "why was the {} late",
    "please change our {}",
    "I have lost a {}",
    "who handles the {}",
    "is the {} free",
)


def rows(each: int = 30, classes: tuple[str, ...] = CLASSES) -> list[tuple[str, str]]:
    """Texts and their classes, not in the order of these."""
    return [(f"{ASKED[i % 6].format(one)} since {2 * i + 1900}", one) for i in range(each) for one in classes]


def table(header: str = "text,class", of: list[tuple[str, str]] | None = None) -> str:
    return "\n".join([header, *(",".join(row) for row in (rows() if of is None else of))]) + "\n"


def class_in(text: str) -> str:
    return next(one for one in CLASSES if one in text)


@pytest.mark.parametrize(
    "header",
    [
        "text,class",
        "text,label",
        "utterance,intent",
        "sentence,category",
        "query,topic",
        "Message,Department",
        "phrase_de,intent",
    ],
)
def test_texts_of_a_class_belong_together(tmp_path, header):
    source = opened(write(tmp_path / "tickets.csv", table(header)))
    assert source.splits() == (UNSPLIT,)
    assert source.recognised.kind is RowKind.PAIR
    text, category = header.split(",")
    assert source.recognised.roles == {"anchor": [text], "positive": [text], "class": [category]}
    said = "\n".join(source.recognised.notes)
    assert f"8 classes in '{category}' ('invoice', 'parcel', 'password', …), 240 texts" in said
    assert "80 texts, at most 10 a class, chosen by hash, are the documents to find; the 160 others are queries" in said
    documents = {document.id: document.text for document in source.documents()}
    examples = list(source.examples(UNSPLIT))
    assert len(documents) == 80
    assert len(examples) == 160 * 10
    asked = {example.texts[0] for example in examples}
    assert not asked & set(documents.values())
    assert asked | set(documents.values()) == {text for text, _ in rows()}
    assert all(class_in(query) == class_in(document) for query, document in (example.texts for example in examples))
    assert all(documents[RowId.parse(example.guid).document_id] == example.texts[1] for example in examples)
    assert len({RowId.parse(example.guid).row for example in examples}) == len(examples)


def test_numbers_parquet_and_json_lines(tmp_path):
    numbered = [(text, CLASSES.index(one)) for text, one in rows()]
    path = parquet(tmp_path / "a.parquet", text=[text for text, _ in numbered], label=[float(one) for _, one in numbered])
    lines = "\n".join(json.dumps({"id": i, "text": text, "label": one, "lang": "en"}) for i, (text, one) in enumerate(numbered))
    other = opened(write(tmp_path / "b.jsonl", lines))
    assert texts(opened(path)) == texts(other)
    assert "('0', '1', '2', …)" in "".join(other.recognised.notes)
    assert other.recognised.ignored == ("id", "lang")


def test_the_columns_may_be_named(tmp_path):
    content = "\n".join(["heading,notes,kind", *(f"{text},{text} again,{one}" for text, one in rows())])
    path = write(tmp_path / "a.csv", content)
    source = opened(path, columns=ColumnSpec(anchor="notes", category="kind"))
    assert isinstance(source, ClassSource)
    assert texts(source)[0][0].endswith("again")
    said = message(path, columns=ColumnSpec(category="kind"))
    assert "2 columns could be the text whose class is 'kind': 'heading', 'notes'" in said
    assert "data.columns.anchor=notes data.columns.category=kind" in said
    assert "columns.category names a column 'kinds'" in message(path, columns=ColumnSpec(category="kinds"))
    both = ColumnSpec(anchor="heading", positive="notes", category="kind")
    assert "the config names a class of single texts" in message(path, columns=both)


def test_of_a_number_and_a_word_for_the_same_class_the_word_is_read(tmp_path):
    content = "\n".join(["text,label,label_text", *(f"{text},{CLASSES.index(one)},{one}" for text, one in rows())])
    assert opened(write(tmp_path / "a.csv", content)).recognised.roles["class"] == ["label_text"]
    content = "\n".join(["text,intent,topic", *(f"{text},{one},{len(text) % 3}" for text, one in rows())])
    said = message(write(tmp_path / "b.csv", content))
    assert "2 columns could be the class of the text: 'intent', 'topic'" in said
    assert "data.columns.category=intent" in said


def test_given_splits_are_kept_and_no_text_is_on_two_sides(tmp_path):
    whole = rows()
    write(tmp_path / "train.csv", table(of=whole[:180]))
    write(tmp_path / "test.csv", table(of=[*whole[:5], *whole[180:]]))
    source = opened(tmp_path)
    assert source.splits() == ("train", "test")
    tested = {query for query, _ in texts(source, "test")}
    assert tested == {text for text, _ in [*whole[:5], *whole[180:]]}
    trained = {text for pair in texts(source, "train") for text in pair}
    assert not trained & tested
    assert {document.text for document in source.documents()} <= trained


def test_a_column_may_name_the_split(tmp_path):
    parts = ["train", "train", "test", "train", "dev"]
    content = "\n".join(["text,class,split", *(f"{text},{one},{parts[i // 8 % 5]}" for i, (text, one) in enumerate(rows()))])
    source = opened(write(tmp_path / "a.csv", content))
    assert source.splits() == ("train", "dev", "test")
    assert not {q for q, _ in texts(source, "test")} & {text for pair in texts(source, "train") for text in pair}
    bad = write(tmp_path / "b.csv", content.replace(",dev", ",later"))
    assert "column \"split\": 'later' is not a split" in message(bad)


def test_texts_that_come_twice_and_classes_of_one_text(tmp_path):
    content = [*rows(6), *rows(6)[:8], ("where is my menu since 1900", "food"), ("alone in its class", "single")]
    source = opened(write(tmp_path / "a.csv", table(of=content)))
    said = "\n".join(source.recognised.notes)
    assert "texts with several classes: 1" in said
    assert "texts left out, since no other text of their class could be a document: 1" in said
    asked = [query for query, _ in texts(source)]
    assert "alone in its class" not in asked
    assert len(set(asked)) == 48 - 16


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (table(of=[(text, "one") for text, _ in rows()]), "all 240 texts have one class, 'one'"),
        (table("text,label", [(text, f"c{i}") for i, (text, _) in enumerate(rows())]), "240 of 240 classes have one text alone"),
        (
            table("text,label", [(text, f"0.{i + 1}") for i, (text, _) in enumerate(rows())]),
            "'0.1' is a number between",
        ),
        (table(of=[*rows(), ("a text", " ")]), 'a.csv, line 242, column "class": the class is missing'),
        ('{"text": "a", "labels": ["x", "y"]}\n' * 3, "2 classes in one row: which texts belong together?"),
        (table(of=[*rows(), (" ", "menu")]), 'a.csv, line 242, column "text": the text is empty'),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(tmp_path, content, part):
    assert part in message(write(tmp_path / f"a.{'jsonl' if content.startswith('{') else 'csv'}", content))


def test_bad_rows_are_dropped_and_counted(tmp_path):
    path = write(tmp_path / "a.csv", table(of=[*rows(), ("a text", " ")]))
    source = opened(path, bad_rows="drop")
    assert len(texts(source)) == 1600
    assert source.dropped == {UNSPLIT: 1}


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(["query,document,category", *(f"{text},{text} indeed,{one}" for text, one in rows())]),
        "\n".join(["question,answer,label", *(f"{text},{text} indeed,{i % 2}" for i, (text, _) in enumerate(rows()))]),
    ],
)
def test_pairs_beside_a_class_stay_pairs(tmp_path, content):
    assert not isinstance(opened(write(tmp_path / "a.csv", content)), ClassSource)


LABELS = {
    "claim,evidence,label": ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO"),
    "claim,context,label": ("SUPPORTED", "REFUTED"),
    "claim,text,label": ("true", "half true", "false"),
    "query,product_title,esci_label": ("E", "S", "C", "I"),
    "zin1,zin2,gelijk": ("ja", "nee"),
    "expr1,expr2,note": ("0", "1", "2", "3"),
    "utt,annot_utt,intent": ("alarm", "music"),
    "instruction,reply,category": ("open", "closed"),
}


@pytest.mark.parametrize("header", LABELS)
def test_two_texts_and_a_label_are_no_texts_with_a_class(tmp_path, header):
    first, second, label = header.split(",")
    kinds = LABELS[header]
    body = [f"{text} once more,{text} and so on,{kinds[i % len(kinds)]}" for i, (text, _) in enumerate(rows(10))]
    said = message(write(tmp_path / "a.csv", "\n".join([header, *body])))
    pair = f"data.columns.anchor={first} data.columns.positive={second}"
    assert f"2 columns are texts ('{first}', '{second}'), and '{label}' may be a label ({', '.join(sorted(kinds))})" in said
    assert f"to train on all rows as pairs: {pair}" in said
    scored = kinds[0] in ("ja", "0")
    assert (f"says whether the two belong together: {pair} data.columns.score={label};" in said) is scored
    assert ("data.columns.category" in said) is (label in ("intent", "category"))
    given = DatasetSpec(source=str(tmp_path / "a.csv"), columns=ColumnSpec(anchor=first, positive=second)).columns
    assert opened(tmp_path / "a.csv", columns=given).recognised.kind is RowKind.PAIR


def test_several_scores_beside_known_texts_are_named(tmp_path):
    body = [f"{text} once more,{text} and so on,{i % 2},0.{i % 9}" for i, (text, _) in enumerate(rows(10))]
    said = message(write(tmp_path / "a.csv", "\n".join(["sentence1,sentence2,label,score", *body])))
    assert "2 columns could be the score: 'label', 'score'" in said and "data.columns.score=" in said
    assert "category" not in said


@pytest.mark.parametrize(
    ("header", "beside"),
    [
        ("text,label,author", "Ann Lee Moore"),
        ("text,label,remark", "see above"),
        ("text,intent,answer_text", "{} and so on, as I said"),
    ],
)
def test_something_beside_a_text_and_its_class_is_passed_over(tmp_path, header, beside):
    body = [f"{text},{one},{'' if i % 5 else beside.format(text)}" for i, (text, one) in enumerate(rows())]
    if header.startswith("text,intent"):
        body = [f"{text},{one},{beside.format(text)}".replace(", as", " as") for text, one in rows()]
    assert isinstance(opened(write(tmp_path / "a.csv", "\n".join([header, *body]))), ClassSource)


@pytest.mark.parametrize("header", ["text,target", "input,label", "text,kind", "text,score"])
def test_what_may_be_another_thing_is_not_taken_for_classes(tmp_path, header):
    content = "\n".join([header, *(f"{text},the answer to {text} is long" for text, _ in rows())])
    if header in ("text,kind", "text,score"):
        content = "\n".join([header, *(f"{text},{i % 5}" for i, (text, _) in enumerate(rows()))])
    said = message(write(tmp_path / "a.csv", content))
    assert "the column names do not say which texts belong together" in said
    assert ("data.columns.anchor=text data.columns.category=kind" in said) is (header == "text,kind")


def test_very_many_rows_stay_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr("data.sources.classes.source.MOST_ROWS", 2000)
    monkeypatch.setattr("data.sources.classes.source.ENOUGH_DOCUMENTS", 20)
    source = opened(write(tmp_path / "a.csv", table(of=rows(150))))
    assert len(list(source.documents())) == 8 * 5
    assert len(texts(source)) <= 2000
    assert "of these queries 400 are used, chosen by hash" in "\n".join(source.recognised.notes)


def test_no_text_of_a_class_is_a_negative_of_another_in_training(tmp_path):
    path: Path = write(tmp_path / "a.csv", table())
    prepared = prepare(DatasetSpec(source=str(path), max_rows=500), SplitSpec(), tmp_path / "cache")
    assert set(prepared.splits) == {"train", "dev", "test"}
    train = prepared.splits["train"]
    relevance = TrainingRows(train, prepared.kind, prepared.left_out, prepared.near).recurring
    classes = {number: class_in(text) for number, text in zip(relevance.queries, train["anchor"][:], strict=True)}
    classes |= {number: class_in(text) for number, text in zip(relevance.documents[:, 0], train["positive"][:], strict=True)}
    queries, documents = np.unique(relevance.queries), np.unique(relevance.documents[:, 0])
    known = set(relevance.all_pairs.tolist())
    together = {(q, d) for q in queries for d in documents if q * relevance.size + d in known}
    assert together == {(q, d) for q in queries for d in documents if classes[q] == classes[d]}
    task = build_task(prepared, "test")
    assert len(task.documents) == 80
    for query, text in zip(task.query_ids, task.queries, strict=True):
        relevant = {task.documents[task.document_ids.index(one)] for one in task.qrels[query]}
        assert relevant == {document for document in task.documents if class_in(document) == class_in(text)}
    assert not set(task.queries) & {*train["anchor"][:], *train["positive"][:]}


def test_the_fingerprint_follows_content_and_columns(tmp_path):
    path = write(tmp_path / "a.csv", table())
    before = opened(path).fingerprint()
    assert opened(path).fingerprint() == before
    assert opened(path, columns=ColumnSpec(category="class")).fingerprint() != before
    write(path, table(of=rows(29)))
    assert opened(path).fingerprint() != before


def test_rows_in_memory_and_splits_of_a_dataset(tmp_path):
    import datasets

    from data.sources.memory import store

    part = {"text": [text for text, _ in rows()], "label": [CLASSES.index(one) for _, one in rows()]}
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(CLASSES))})
    frame = datasets.Dataset.from_dict(part, features=features)
    cut = datasets.DatasetDict(train=frame.select(range(160)), test=frame.select(range(160, 240)))
    assert len(texts(opened(store(frame, tmp_path)))) == 1600
    assert opened(store(cut, tmp_path)).splits() == ("train", "test")
    cut.save_to_disk(str(tmp_path / "saved"))
    assert opened(tmp_path / "saved").splits() == ("train", "test")
