"""Columns that name documents: by ids of a table, by files below the folder; and what only looks like these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.schema import RowKind
from tests.support.source_files import message, opened, parquet, texts, write

THINGS = ("kiln", "loom", "anvil", "lathe", "bellows", "forge", "chisel", "spindle")
NUMBERS = range(len(THINGS))


def text_of(number: int) -> str:
    return f"The {THINGS[number]} is lent for {number + 2} days."


def pairs(name: str, header: str = "query,document", count: int = len(THINGS)) -> str:
    lines = [f"how long may I keep the {THINGS[i]},{name.format(i=i, thing=THINGS[i])}" for i in range(count)]
    return "\n".join([header, *lines]) + "\n"


def documents(identity: str = "d{i}", keys: tuple[str, str] = ("id", "text")) -> str:
    return "\n".join(json.dumps({keys[0]: identity.format(i=i), keys[1]: text_of(i)}) for i in NUMBERS)


def as_csv(identity: str = "d{i}", header: str = "id,text") -> str:
    return header + "\n" + "".join(f"{identity.format(i=i)},{text_of(i)}\n" for i in NUMBERS)


@pytest.mark.parametrize(
    ("beside", "content", "name", "header"),
    [
        ("documents.csv", as_csv(), "d{i}", "query,document"),
        ("documents.tsv", as_csv().replace(",", "\t"), "d{i}", "query,document"),
        ("corpus.jsonl", documents("{i}", ("_id", "text")), "{i}", "query,doc_id"),
        ("docs.json", json.dumps([json.loads(line) for line in documents().split("\n")]), "d{i}", "question,answer"),
        ("passages.csv", as_csv("shop/p-{i}", "pid,contents"), "shop/p-{i}", "query,pid"),
        ("Documents.csv", as_csv("00{i}", "doc_id,body"), "00{i}", "query,document"),
        ("handbook.csv", as_csv("kb-{i}"), "kb-{i}", "query,document"),
        ("articles.csv", as_csv("art{i}", "slug,text"), "art{i}", "query,document"),
        ("docs.csv", as_csv("doc-{i}"), "doc-{i}", "question,positive_doc_id"),
        ("goods.csv", as_csv("good-{i}", "sku,description"), "good-{i}", "query,document"),
        ("goods.csv", as_csv("SKU-{i}", "sku,description"), "SKU-{i}", "query,sku"),
        ("manuals.csv", as_csv("shop/manual.{i}", "key,text"), "shop/manual.{i}", "query,document"),
    ],
)
def test_ids_of_a_table_beside_the_file_are_replaced_by_its_texts(tmp_path, beside, content, name, header):
    write(tmp_path / beside, content)
    source = opened(write(tmp_path / "pairs.csv", pairs(name, header)))
    assert [text for _, text in texts(source)] == [text_of(i) for i in NUMBERS]
    notes = "\n".join(source.recognised.notes)
    assert f"{header.split(',')[1]}: 8 ids of {beside}, read from there" in notes
    assert len(list(source.documents())) == len(THINGS)


CODES = [f"AX-{i * 7 + 3}" for i in NUMBERS]


def test_codes_that_may_be_texts_are_not_replaced_unasked(tmp_path):
    write(tmp_path / "reviews.csv", "product,text\n" + "".join(f"{code},{text_of(i)}\n" for i, code in enumerate(CODES)))
    path = write(tmp_path / "pairs.csv", "query,document\n" + "".join(f"the {THINGS[i]},{c}\n" for i, c in enumerate(CODES)))

    text = message(path)

    assert "'document' are ids of reviews.csv as well ('AX-3' → 'The kiln is lent for 2 days.')" in text
    assert f"data.literal=true; to read the texts of reviews.csv in their place: mv {tmp_path}/reviews.csv" in text
    assert [one for _, one in texts(opened(path, literal=True))] == CODES
    (tmp_path / "reviews.csv").rename(tmp_path / "documents.csv")
    assert [one for _, one in texts(opened(path))] == [text_of(i) for i in NUMBERS]


@pytest.mark.parametrize(
    "beside",
    [
        "product,text\n" + "".join(f"{code},{text_of(i)}\n" * 2 for i, code in enumerate(CODES)),
        "id,text\n" + "".join(f"{code},sold\n" for code in CODES),
        "id,text\n" + "".join(f"{code},no longer sold\n" for code in CODES),
        "id,text\n" + "".join(f"{code},{text_of(i)}\n" for i, code in enumerate(CODES[:6])),
        "code,colour,stock\n" + "".join(f"{code},dark red,{i}\n" for i, code in enumerate(CODES)),
    ],
    ids=["several rows", "one word", "one text", "some", "no text"],
)
@pytest.mark.parametrize("header", ["query,document", "document,query"])
def test_a_table_that_is_about_codes_does_not_replace_them(tmp_path, beside, header):
    write(tmp_path / "sales.csv", beside)
    path = write(tmp_path / "pairs.csv", f"{header}\n" + "".join(f"the {THINGS[i]} code,{c}\n" for i, c in enumerate(CODES)))
    assert opened(path).recognised.notes == ()


def test_codes_that_are_asked_for_stay_queries(tmp_path):
    write(tmp_path / "goods.csv", "sku,text\n" + "".join(f"{code},{text_of(i)}\n" for i, code in enumerate(CODES)))
    path = write(tmp_path / "a.csv", "query,document\n" + "".join(f"{c},Here is the {THINGS[i]}.\n" for i, c in enumerate(CODES)))
    assert [one for one, _ in texts(opened(path))] == CODES


@pytest.mark.parametrize(
    ("there", "here", "shown"),
    [
        ("{i}", "{i}.0", "'0.0' is '0' there"),
        ("000{i}", "{i}", "'0' is '0000' there"),
        ("{i}", "000{i}", "'0000' is '0' there"),
        ("KB-{i}", "kb-{i}", "'kb-0' is 'KB-0' there"),
        ("a{i}.md", "A{i}.MD", "'A0.MD' is 'a0.md' there"),
    ],
)
@pytest.mark.parametrize("header", ["query,document", "query,doc_id"])
def test_ids_that_a_program_wrote_otherwise_are_found_and_it_is_said(tmp_path, there, here, shown, header):
    write(tmp_path / "documents.csv", as_csv(there))
    source = opened(write(tmp_path / "pairs.csv", pairs(here, header)))
    assert [text for _, text in texts(source)] == [text_of(i) for i in NUMBERS]
    assert shown in "\n".join(source.recognised.notes)
    write(tmp_path / "documents.csv", as_csv(there) + as_csv(here).removeprefix("id,text\n"))
    assert [text for _, text in texts(opened(tmp_path / "pairs.csv"))] == [text_of(i) for i in NUMBERS]


def test_numbers_that_became_fractions_are_ids(tmp_path):
    parquet(tmp_path / "documents.parquet", id=[float(i) for i in NUMBERS], text=[text_of(i) for i in NUMBERS])
    parquet(tmp_path / "pairs.parquet", query=[f"the {thing}" for thing in THINGS], doc_id=[float(i) for i in NUMBERS])
    assert [text for _, text in texts(opened(tmp_path / "pairs.parquet"))] == [text_of(i) for i in NUMBERS]


@pytest.mark.parametrize(
    ("here", "there"), [("{thing}.MD", "{thing}.md"), ("kb/{thing}.pdf", "kb/{thing}.txt"), ("{thing}.docx", "{thing}.md")]
)
def test_files_of_another_case_or_form_are_found_and_it_is_said(tmp_path, here, there):
    for i, thing in enumerate(THINGS):
        write(tmp_path / there.format(thing=thing), text_of(i))
    source = opened(write(tmp_path / "pairs.csv", pairs(here, "query,doc")))
    assert [text for _, text in texts(source)] == [text_of(i) for i in NUMBERS]
    assert f"'{here.format(thing='anvil')}' is '{there.format(thing='anvil')}' there" in source.recognised.notes


@pytest.mark.parametrize("text", [text_of, lambda i: {"title": THINGS[i], "text": text_of(i)}], ids=["texts", "objects"])
def test_an_object_of_texts_by_their_ids(tmp_path, text):
    write(tmp_path / "corpus.json", json.dumps({f"d{i}": text(i) for i in NUMBERS}))
    source = opened(write(tmp_path / "pairs.csv", pairs("d{i}")))
    assert [one.removeprefix(f"{THINGS[i]} ") for i, (_, one) in enumerate(texts(source))] == [text_of(i) for i in NUMBERS]
    assert "document: 8 ids of corpus.json, read from there" in source.recognised.notes


@pytest.mark.parametrize(
    "names", [("pos_id", "neg_id"), ("positive_doc_ids", "negative_doc_ids"), ("doc_id", "hard_negative_id_1")]
)
def test_ids_of_negatives_and_lists_of_ids(tmp_path, names):
    write(tmp_path / "corpus.jsonl", documents("d{i}", ("docid", "text")))
    rows = [
        {"query_id": f"{i}", "query_text": f"the {THINGS[i]}", names[0]: [f"d{i}"], names[1]: f"d{(i + 1) % 8}"} for i in NUMBERS
    ]
    source = opened(write(tmp_path / "train.jsonl", "\n".join(map(json.dumps, rows))))
    assert source.recognised.kind is RowKind.TUPLE
    assert next(source.examples("all")).texts == ["the kiln", text_of(0), text_of(1)]
    write(
        tmp_path / "more.csv", "query,doc_ids\n" + "".join(f"the {THINGS[i]},\"['d{i}', 'd{(i + 1) % 8}']\"\n" for i in NUMBERS)
    )
    assert texts(opened(tmp_path / "more.csv"))[:2] == [["the kiln", text_of(0)], ["the kiln", text_of(1)]]


def test_columns_and_tables_of_other_languages(tmp_path):
    write(tmp_path / "antworten.csv", as_csv("A{i}", "id,antwort"))
    source = opened(write(tmp_path / "fragen.csv", pairs("A{i}", "frage,antwort_id")))
    assert [text for _, text in texts(source)] == [text_of(i) for i in NUMBERS]
    assert (
        "antwort_id: 8 ids of antworten.csv, read from there ('A0' → 'The kiln is lent for 2 days.')" in source.recognised.notes
    )


def test_parquet_jsonl_and_whole_numbers(tmp_path):
    parquet(tmp_path / "docs.parquet", id=list(NUMBERS), text=[text_of(i) for i in NUMBERS], title=["Tools"] * len(THINGS))
    objects = [{"query": f"about the {THINGS[i]}", "positive": [i, (i + 1) % 8], "negative": [5, 6]} for i in range(4)]
    source = opened(write(tmp_path / "rows.jsonl", "\n".join(map(json.dumps, objects))))
    first = next(source.examples("all"))
    assert first.texts == ["about the kiln", f"Tools {text_of(0)}", f"Tools {text_of(5)}", f"Tools {text_of(6)}"]
    assert source.recognised.kind is RowKind.TUPLE


def test_several_ids_in_a_cell_are_several_positives(tmp_path):
    write(tmp_path / "documents.csv", as_csv())
    path = write(tmp_path / "pairs.csv", "query,document\n" + "".join(f'about {i},"d{i}, d{(i + 1) % 8}"\n' for i in NUMBERS))
    assert texts(opened(path))[:2] == [["about 0", text_of(0)], ["about 0", text_of(1)]]
    lines = "\n".join(json.dumps({"query": f"about {i}", "documents": [f"d{i}"]}) for i in NUMBERS)
    assert texts(opened(write(tmp_path / "more.jsonl", lines)))[0] == ["about 0", text_of(0)]


def test_ids_of_queries_too(tmp_path):
    write(tmp_path / "queries.csv", "qid,query\n" + "".join(f"q{i},about the {THINGS[i]}\n" for i in NUMBERS))
    write(tmp_path / "documents.csv", as_csv())
    path = write(tmp_path / "links.csv", "query_id,document_id\n" + "".join(f"q{i},d{i}\n" for i in NUMBERS))
    assert texts(opened(path)) == [[f"about the {THINGS[i]}", text_of(i)] for i in NUMBERS]


def test_scored_pairs_of_ids(tmp_path):
    write(tmp_path / "documents.csv", as_csv())
    rows = "query,doc_id,score\n" + "".join(f"about the {THINGS[i]},d{i},{i / 10}\n" for i in NUMBERS)
    source = opened(write(tmp_path / "graded.csv", rows))
    assert source.recognised.kind is RowKind.SCORED
    assert source.documents() is None
    assert texts(source)[1] == ["about the loom", text_of(1)]


def test_a_folder_of_pairs_and_documents(tmp_path):
    write(tmp_path / "documents.csv", as_csv())
    write(tmp_path / "queries.csv", pairs("d{i}", "query,doc_id"))
    assert texts(opened(tmp_path))[0] == ["how long may I keep the kiln", text_of(0)]
    (tmp_path / "documents.csv").rename(tmp_path / "goods.csv")
    (tmp_path / "queries.csv").rename(tmp_path / "asked.csv")
    assert texts(opened(tmp_path))[0] == ["how long may I keep the kiln", text_of(0)]
    (tmp_path / "goods.csv").rename(tmp_path / "documents.csv")
    (tmp_path / "asked.csv").unlink()
    for name in ("train", "test"):
        write(tmp_path / f"{name}.csv", pairs("d{i}"))
    source = opened(tmp_path)
    assert source.splits() == ("train", "test")
    assert texts(source, "test")[0] == ["how long may I keep the kiln", text_of(0)]


@pytest.mark.parametrize("name", ["{thing}.md", "docs/{thing}.md", "./docs/{thing}.md", "docs\\{thing}.md", "/docs/{thing}.md"])
def test_names_of_files_are_replaced_by_their_texts(tmp_path, name):
    for i in NUMBERS:
        write(tmp_path / "docs" / f"{THINGS[i]}.md", f"\ufeff# {THINGS[i]}\n\n{text_of(i)}\n")
    source = opened(write(tmp_path / "pairs.csv", pairs(name, "query,doc")))
    assert texts(source)[0][1] == f"# kiln\n\n{text_of(0)}"
    assert "doc: 8 names of files below docs/, read from there" in source.recognised.notes
    before = source.fingerprint()
    assert opened(tmp_path / "pairs.csv").fingerprint() == before
    write(tmp_path / "docs" / "unnamed.md", "of no row")
    assert opened(tmp_path / "pairs.csv").fingerprint() == before
    write(tmp_path / "docs" / "kiln.md", "Other words.")
    assert opened(tmp_path / "pairs.csv").fingerprint() != before


def test_pages_are_read_as_texts(tmp_path):
    for i in NUMBERS:
        head = f"<head><title>{THINGS[i]}</title><style>p {{}}</style></head>"
        page = f"<html>{head}<body><script>x()</script><p>{text_of(i)}</body></html>"
        write(tmp_path / "pages" / "en" / f"{i}.html", page)
    source = opened(write(tmp_path / "pairs.csv", pairs("{i}.html")))
    assert texts(source)[0][1] == f"kiln\n{text_of(0)}"


@pytest.mark.parametrize("name", ["kb-{i}", "{thing}"])
def test_names_without_a_suffix(tmp_path, name):
    for i in NUMBERS:
        write(tmp_path / "kb" / f"{name.format(i=i, thing=THINGS[i])}.txt", text_of(i))
    assert texts(opened(write(tmp_path / "pairs.csv", pairs(name))))[2][1] == text_of(2)


def test_a_few_names_that_are_missing_are_bad_rows(tmp_path):
    write(tmp_path / "documents.csv", as_csv())
    path = write(tmp_path / "pairs.csv", pairs("d{i}") + "where is the crane,d77\n")
    text = message(path)
    assert "pairs.csv, line 10, column \"document\": 'd77' is none of the ids of documents.csv" in text
    source = opened(path, bad_rows="drop")
    assert len(texts(source)) == len(THINGS)
    assert source.dropped == {"all": 1}


@pytest.mark.parametrize(
    ("name", "beside", "parts"),
    [
        (
            "{thing}.md",
            {},
            ["'doc' holds names of files ('anvil.md', 'bellows.md', 'chisel.md')", "0 files", "literal=true"],
        ),
        ("../{thing}.md", {}, ["holds names of files", "move pairs.csv above them"]),
        (
            "x{i}",
            {"documents.csv": as_csv()},
            ["holds ids ('x0', 'x1', 'x2')", "looked for in documents.csv"],
        ),
        ("d{i}", {"corpus.csv": as_csv("d1{i}") + "d0,a\nd1,b\nd2,c\nd3,d\nd4,e\n"}, ["5 of 8 are in corpus.csv"]),
    ],
)
def test_names_that_are_not_found_are_refused(tmp_path, name, beside, parts):
    for file, content in beside.items():
        write(tmp_path / "a" / file, content)
    for thing in THINGS:
        write(tmp_path / f"{thing}.md", "outside of the folder")
    path = write(tmp_path / "a" / "pairs.csv", pairs(name, "query,doc"))
    text = message(path)
    for part in parts:
        assert part in text
    assert texts(opened(path, literal=True))[1][1] == name.format(i=1, thing="loom")


def test_a_column_called_after_ids_without_a_table_is_refused(tmp_path):
    text = message(write(tmp_path / "pairs.csv", pairs("d{i}", "query,doc_id")))
    assert "column 'doc_id' holds ids ('d0', 'd1', 'd2') rather than texts" in text
    assert "put a file documents.csv with the columns id and text" in text


def test_ids_of_documents_beside_their_sentences(tmp_path):
    body = "".join(f"the {thing},D{i},The {thing} is lent.,{i % 2}\n" for i, thing in enumerate(THINGS))
    text = message(write(tmp_path / "pairs.tsv", f"Question,DocumentID,Sentence,Label\n{body}".replace(",", "\t")))
    assert "column 'DocumentID' holds ids" in text
    assert "data.columns.anchor=Question data.columns.positive=Sentence data.columns.score=Label; otherwise put a file" in text


def test_two_files_of_one_name(tmp_path):
    for i in NUMBERS:
        write(tmp_path / "a" / f"{THINGS[i]}.md", text_of(i))
    write(tmp_path / "b" / "kiln.md", "another")
    text = message(write(tmp_path / "pairs.csv", pairs("{thing}.md")))
    assert "'kiln.md' names 2 files: a/kiln.md, b/kiln.md" in text


def test_links_lead_nowhere(tmp_path):
    for thing in THINGS:
        write(tmp_path / "outside" / f"{thing}.md", "not to be read")
    path = write(tmp_path / "inside" / "pairs.csv", pairs("docs/{thing}.md"))
    (tmp_path / "inside" / "docs").symlink_to(tmp_path / "outside")
    assert "holds names of files" in message(path)


def test_a_file_that_is_too_large(tmp_path):
    for i in NUMBERS:
        write(tmp_path / "docs" / f"{THINGS[i]}.txt", "x" * (3 * 2**20) if i == 3 else text_of(i))
    text = message(write(tmp_path / "pairs.csv", pairs("{thing}.txt")))
    assert "docs/lathe.txt: the file has 3.0 MB" in text


SOUND = {
    "commands": [f"ls -la {thing}*.txt" for thing in THINGS],
    "short commands": ["ls", "rm", "cp", "mv", "df", "du", "ps", "top"],
    "one file in a command": [f"cat {thing}.md" for thing in THINGS],
    "product codes": [f"AB-{i}34" for i in NUMBERS],
    "names": [thing.title() for thing in THINGS],
    "addresses": [f"https://shop.example/{thing}.html" for thing in THINGS],
    "identifiers": [f"shop.tools.{thing}_of" for thing in THINGS],
    "years": [str(1900 + i) for i in NUMBERS],
    "texts": [text_of(i) for i in NUMBERS],
    "some files among commands": ["notes.md", *(f"open {thing}" for thing in THINGS[1:])],
}


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"test.csv": "id,query,document\n1,a,b\n2,c,d\n"},
        {"goods.csv": "id,text\n1,kiln\n2,loom\n"},
        {"prices.csv": "code,price\n" + "".join(f"AB-{i}34,{i}\n" for i in NUMBERS)},
        {"stock.csv": "code,place,owner\n" + "".join(f"AB-{i}34,hall {i},Ann Bee\n" for i in NUMBERS)},
        {"years.csv": "year,text\n" + "".join(f"{1900 + i},a year\n" for i in NUMBERS)},
        {"texts.csv": "word,text\n" + "".join(f"{thing.title()},a thing\n" for thing in THINGS)},
        {"names.csv": "name,text\n" + "".join(f"{thing.title()},a thing\n" for thing in THINGS)},
    ],
)
def test_no_false_alarm(tmp_path, kind, beside):
    for file, content in beside.items():
        write(tmp_path / file, content)
    for thing in ("ls", "rm", "kiln"):
        write(tmp_path / "notes" / f"{thing}.txt", "a note of that name")
    rows = "query,document\n" + "".join(f"question {i},{text}\n" for i, text in enumerate(SOUND[kind]))
    source = opened(write(tmp_path / "pairs.csv", rows))
    assert [text for _, text in texts(source)] == SOUND[kind]
    assert source.documents() is None


@pytest.mark.parametrize("beside", ["documents.csv", "reviews.csv"])
@pytest.mark.parametrize("header", ["text,stars", "question,answer"])
def test_numbers_that_happen_to_be_ids_of_a_table_are_not_looked_up(tmp_path, header, beside):
    write(tmp_path / beside, as_csv("{i}"))
    path = write(tmp_path / "a.csv", header + "\n" + "".join(f"I use the {THINGS[i % 8]} {i} times,{i % 5}\n" for i in range(40)))
    if header == "question,answer":
        assert texts(opened(path))[1][1] == "1"
    else:
        assert "the column names do not say which texts belong together" in message(path)


def test_rows_in_memory_are_not_looked_up(tmp_path):
    from data.sources.memory import store

    write(tmp_path / "documents.csv", as_csv())
    path: Path = store([{"query": f"about the {THINGS[i]}", "document": f"d{i}"} for i in NUMBERS], tmp_path)
    assert texts(opened(path))[0] == ["about the kiln", "d0"]


def test_a_folder_of_texts_alone_is_no_training_data_and_what_helps_is_said(tmp_path):
    for i in NUMBERS:
        write(tmp_path / "docs" / f"{THINGS[i]}.md", text_of(i))
    text = message(tmp_path / "docs")
    assert "8 files of text, such as anvil.md" in text
    assert f"write {tmp_path / 'docs' / 'pairs.csv'} with the columns query and doc" in text
    write(tmp_path / "questions.csv", pairs("{thing}.md"))
    assert f"give the table that names them: {tmp_path / 'questions.csv'}" in message(tmp_path / "docs")
    write(tmp_path / "docs" / "pairs.csv", pairs("{thing}.md"))
    assert texts(opened(tmp_path / "docs"))[1][1] == text_of(1)
