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
        ("goods.csv", as_csv("SKU-{i}", "sku,description"), "SKU-{i}", "query,document"),
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
