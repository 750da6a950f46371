"""Texts to embed: every kind of file gives its texts and ids; what cannot be used names its line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from data.errors import DataError
from data.sources.texts import TextRow, open_texts

ROWS = [TextRow("a", "first text"), TextRow("b", "zweiter Text, ü"), TextRow("c", "third")]


def write_table(folder: Path, suffix: str) -> Path:
    """The same three rows in a file of each kind."""
    path = folder / f"texts{suffix}"
    rows = [{"id": row.id, "text": row.text} for row in ROWS]
    if suffix in (".csv", ".tsv"):
        sign = "," if suffix == ".csv" else "\t"
        path.write_text("\n".join([f"id{sign}text", *(f'{row.id}{sign}"{row.text}"' for row in ROWS)]), encoding="utf-8")
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".parquet"])
def test_tables_give_texts_and_ids_and_say_from_where(tmp_path: Path, suffix: str) -> None:
    texts = open_texts(str(write_table(tmp_path, suffix)))
    assert list(texts) == ROWS
    assert list(texts) == ROWS, "it can be read again"
    assert not texts.once and any("text from text, id from id" in note for note in texts.notes)


def test_a_text_file_has_a_text_a_line_and_its_number_as_id(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffone, two\r\n  three \nfour".encode())
    assert list(open_texts(str(tmp_path / "a.txt"))) == [TextRow("1", "one, two"), TextRow("2", "three"), TextRow("3", "four")]


def test_standard_input_can_be_read_once() -> None:
    texts = open_texts("-", stdin=io.BytesIO(b"one\ntwo\n"))
    assert texts.once and [row.text for row in texts] == ["one", "two"]


def test_a_beir_corpus_joins_title_and_text(tmp_path: Path) -> None:
    lines = [{"_id": "d1", "title": "T", "text": "body"}, {"_id": "d2", "title": "", "text": "alone"}, {"_id": 3, "text": "x"}]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    texts = open_texts(str(tmp_path / "corpus.jsonl"))
    assert list(texts) == [TextRow("d1", "T body"), TextRow("d2", "alone"), TextRow("3", "x")]


def test_columns_that_are_named_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("key,text,body\nk1,a,b\nk2,c,d\n")
    assert list(open_texts(str(tmp_path / "a.csv"), ["body", "text"], "key")) == [TextRow("k1", "b a"), TextRow("k2", "d c")]


@pytest.mark.parametrize(
    ("empty", "expected"),
    [("skip", [TextRow("1", "a"), TextRow("3", "b")]), ("keep", [TextRow("1", "a"), TextRow("2", ""), TextRow("3", "b")])],
)
def test_empty_texts_keep_the_numbers_of_the_others(tmp_path: Path, empty: str, expected: list[TextRow]) -> None:
    (tmp_path / "a.txt").write_text("a\n  \nb\n")
    texts = open_texts(str(tmp_path / "a.txt"), empty=empty)  # type: ignore[arg-type]
    assert list(texts) == expected
    assert texts.skipped == (1 if empty == "skip" else 0)


MISTAKES = {
    "an empty line": ("a.txt", "a\n\nb\n", {}, "line 2.*the text is empty.*--empty skip"),
    "two columns that could be it": ("a.csv", "query,document\na,b\n", {}, "several columns.*query, document"),
    "no column that could be it": ("a.csv", "x,y\na,b\n", {}, "no column has a usual name.*--column"),
    "a mistyped column": ("a.csv", "body,other\na,b\n", {"columns": ["bodi"]}, "no column 'bodi'.*did you mean 'body'"),
    "columns of a text file": ("a.txt", "a\n", {"columns": ["text"]}, "lines of text have no columns"),
    "a missing id": ("a.jsonl", '{"id": "1", "text": "a"}\n{"text": "b"}\n', {}, "line 2.*the id is missing"),
    "a column of numbers": (
        "a.jsonl",
        '{"text": 5, "body": "a"}\n{"text": 6, "body": "b"}\n',
        {"columns": ["text"]},
        r'line 1, column "text": the column holds numbers, not texts.*--column NAME \(there are body\)',
    ),
    "a number among texts": ("a.jsonl", '{"text": "a"}\n{"text": 5.5}\n', {}, 'line 2.*holds the number 5.5, not.*text \\("5.5"'),
    "a truth value": ("a.jsonl", '{"text": "a"}\n{"text": true}\n', {}, "line 2.*holds the truth value True, not a text"),
    "a list": ("a.jsonl", '{"text": "a"}\n{"text": ["b"]}\n', {}, "line 2.*holds a list, not a text.*--column NAME"),
    "an object": ("a.json", '[{"text": "a"}, {"text": {"b": 1}}]', {}, "row 2.*holds an object, not a text"),
    "an empty cell of pandas": ("a.jsonl", '{"text": "a"}\n{"text": NaN}\n', {}, r"line 2.*empty \(NaN\).*--empty skip"),
    "null": ("a.jsonl", '{"text": "a"}\n{"text": null}\n', {}, r"line 2.*the cell is empty \(null\).*--empty skip"),
    "a text of nothing that is seen": ("a.jsonl", '{"text": "\\u200b"}\n', {}, "line 1.*invisible characters only.*--empty skip"),
    "an id that is NaN": ("a.jsonl", '{"id": NaN, "text": "a"}\n', {}, "line 1.*the id is missing.*--id-column NAME"),
    "an id that is a fraction": ("a.jsonl", '{"id": 1.5, "text": "a"}\n', {}, "line 1.*the number 1.5, not an id"),
    "bytes that are no UTF-8": ("a.txt", "a\n\udcff\n", {}, "line 2.*not UTF-8"),
    "half of a surrogate pair": ("a.jsonl", '{"text": "a \\ud800"}\n', {}, "line 1.*surrogate"),
    "a format that is not read": ("a.ods", "x", {}, "unknown kind of file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_the_place_and_the_way_out(tmp_path: Path, name: str) -> None:
    file, content, options, expected = MISTAKES[name]
    (tmp_path / file).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=f"(?s){expected}"):
        list(open_texts(str(tmp_path / file), **options))  # type: ignore[arg-type]


def parquet(path: Path, **columns: object) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)
    return str(path)


def test_rows_without_a_text_are_left_out_whatever_stands_for_it(tmp_path: Path) -> None:
    values = ["a", None, float("nan"), "", "  ", "\u200b", "b"]
    lines = "".join(json.dumps({"text": value}) + "\n" for value in values)
    (tmp_path / "a.jsonl").write_text(lines)
    texts = open_texts(str(tmp_path / "a.jsonl"), empty="skip")
    assert list(texts) == [TextRow("1", "a"), TextRow("7", "b")] and texts.skipped == 5
    kept = open_texts(str(tmp_path / "a.jsonl"), empty="keep")
    assert [row.text.strip("\u200b") for row in kept] == ["a", "", "", "", "", "", "b"]


def test_cells_of_parquet(tmp_path: Path) -> None:
    gaps = parquet(tmp_path / "gaps.parquet", id=[1.0, 2.0, None], text=["a", None, "c"], number=[1, 2, 3])
    with pytest.raises(DataError, match=r'gaps.parquet, row 2, column "text": the cell is empty \(null\)'):
        list(open_texts(gaps))
    whole = parquet(tmp_path / "whole.parquet", id=[1.0, 2.0], text=["a", "b"])
    assert list(open_texts(whole)) == [TextRow("1", "a"), TextRow("2", "b")]
    with pytest.raises(DataError, match=r"(?s)the column holds numbers, not texts.*\(there are text\)"):
        list(open_texts(gaps, ["number"]))
    empty = parquet(tmp_path / "nan.parquet", text=[float("nan"), float("nan")])
    with pytest.raises(DataError, match=r'row 1, column "text": the cell is empty \(NaN\)'):
        list(open_texts(empty))
    both = parquet(tmp_path / "both.parquet", title=[None, "t"], text=["a", None], _id=[1, 2])
    assert list(open_texts(both)) == [TextRow("1", "a"), TextRow("2", "t")]


def test_texts_that_stand_for_missing_ones_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,nan\n2,a word\n3,nan\n4,N/A\n")
    texts = open_texts(str(tmp_path / "a.csv"))
    for _ in range(2):
        assert len(list(texts)) == 4
    assert texts.placeholders == {"nan": 2, "N/A": 1}
    (tmp_path / "a.txt").write_text("none\nnone\n")
    lines = open_texts(str(tmp_path / "a.txt"))
    assert len(list(lines)) == 2 and not lines.placeholders


def test_a_folder_and_a_missing_file_are_no_texts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this is a folder without files of text"):
        open_texts(str(tmp_path))
    with pytest.raises(DataError, match="no such file"):
        open_texts(str(tmp_path / "none.txt"))
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": "x"}')
    (tmp_path / "README.md").write_text("what this is")
    with pytest.raises(DataError, match="this is a folder with tables") as error:
        open_texts(str(tmp_path))
    assert f"name one of them: {tmp_path / 'corpus.jsonl'}" in str(error.value)


def test_a_folder_of_files_gives_a_text_a_file(tmp_path: Path) -> None:
    for path, content in {
        "b.md": "# Pumps\n\nTurn it off.\n",
        "a/deep.txt": "Oil it.",
        "a/page.html": "<html><head><title>Saws</title><script>x</script></head><body><p>Keep it &amp; dry</p></body></html>",
        "a/picture.png": "no text",
        ".hidden/c.md": "no",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text(content)
    rows = open_texts(str(tmp_path))
    expected = [("a/deep.txt", "Oil it."), ("a/page.html", "Saws\nKeep it & dry"), ("b.md", "# Pumps\n\nTurn it off.")]
    assert [(row.id, row.text) for row in rows] == expected
    assert rows.notes[0] == f"{tmp_path.name}: 3 files of text, each a text with its path as id"
    assert [row.id for row in open_texts(str(tmp_path), ("text",), "id")] == [name for name, _ in expected]
    (tmp_path / "b.md").write_text(" ")
    with pytest.raises(DataError, match="the text is empty") as error:
        list(open_texts(str(tmp_path)))
    assert error.value.where is not None
    assert error.value.where.startswith(str(tmp_path / "b.md"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", ",comment\n0,first\n1,second\n,\n"),
        ("t.csv", "Unnamed: 0,comment\n0,first\n1,second\n"),
        ("t.csv", "sep=;\nid;text\n1;first\n2;second\n"),
        ("t.json", '{"texts": [{"id": 1, "text": "first"}, {"id": 2, "text": "second"}]}'),
        ("t.jsonl", '{"_id": "1", "text": "first", "metadata": {"url": "u"}}\n{"_id": "2", "text": "second", "metadata": {}}\n'),
    ],
)
def test_what_tools_add_to_a_table_costs_nothing(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert [row.text for row in open_texts(str(path))] == ["first", "second"]


def test_nested_texts_are_named_by_their_path(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"ticket": {"subject": "first", "id": 7}}\n{"ticket": {"subject": "second", "id": 8}}\n', encoding="utf-8")
    assert list(open_texts(str(path), ["ticket.subject"], "ticket.id")) == [TextRow("7", "first"), TextRow("8", "second")]
    with pytest.raises(DataError, match=r"ticket\.subject"):
        open_texts(str(path))


def test_blank_rows_keep_the_place_of_a_text_but_for_those_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,lang\nfirst,en\n,\nthird,en\n,\n,\n", encoding="utf-8")
    assert [row.text for row in open_texts(str(path), ["text"], None, "keep")] == ["first", "", "third"]
    path.write_text("id,text\n1,first\n,\n3,third\n,\n,\n", encoding="utf-8")
    assert list(open_texts(str(path))) == [TextRow("1", "first"), TextRow("3", "third")]


def test_a_text_that_is_spelt_as_a_list_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text\n\"['a', 'b']\"\n", encoding="utf-8")
    assert [row.text for row in open_texts(str(path))] == ["['a', 'b']"]
