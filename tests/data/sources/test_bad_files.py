"""Files that cannot be read as data: every bad input with its message."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from data.schema import UNSPLIT
from data.spec import ColumnSpec
from tests.support.source_files import PAIRS, message, opened, parquet, texts, write


def test_damaged_compressed_files_are_told(tmp_path):
    whole = gzip.compress(b"query,document\n" + b"".join(b"what is %d,it is %d\n" % (i, i * i) for i in range(20_000)))
    cut = message(write(tmp_path / "cut.csv.gz", whole[: len(whole) // 2]))
    assert "cut.csv.gz: the compressed file ends too early" in cut and "gzip -t" in cut
    assert "plain.csv.gz: its name ends in .gz, but it is not compressed" in message(write(tmp_path / "plain.csv.gz", PAIRS))
    changed = bytearray(whole)
    changed[-8] ^= 255  # of the checksum
    assert "changed.csv.gz: the compressed file is damaged" in message(write(tmp_path / "changed.csv.gz", bytes(changed)))
    assert "the line contains a NUL byte" in message(write(tmp_path / "nul.csv.gz", gzip.compress(b"query,document\na\0b,c\n")))
    assert "add .gz to its name" in message(write(tmp_path / "named.csv", whole))
    assert "unknown kind of file '.gz'" in message(write(tmp_path / "rows.parquet.gz", whole))


def test_a_compressed_file_that_unpacks_to_far_more_than_texts_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "p.csv.gz", gzip.compress(b"query,document\na,b\n" + b" " * 3_000_000))
    monkeypatch.setattr("data.sources.unpacked.FREE_BYTES", 2**20)
    assert "p.csv.gz: the compressed file unpacks to more than 200 times its size" in message(path)
    monkeypatch.setattr("data.sources.readers.json_files.MOST_BYTES", 100)
    assert "holds more than 2 GiB" in message(write(tmp_path / "p.json", json.dumps([{"query": "a" * 200, "document": "b"}])))


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.json", "p.jsonl"])
@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff"])
def test_empty_files(tmp_path, name, content):
    text = message(write(tmp_path / name, content))
    assert text.startswith(f"{tmp_path / name}: the file ")
    assert "empty" in text or "no rows" in text


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("p.csv", "query,document\n", ["p.csv: no rows (there is only the header)"]),
        ("p.csv", "query,document\na,b\nc,d,e\n", ["p.csv, line 3: 3 cells, but the header has 2 columns", "double quotes"]),
        ("p.csv", "query,document\na\n", ["p.csv, line 2: 1 cell, but the header has 2 columns", "complete the row"]),
        (
            "p.csv",
            'query,document\na,b\nc,"d\ne,f\n',
            ["p.csv, line 3: broken row: a quote opens in this row and is never closed", "is doubled"],
        ),
        ("p.csv", "query,query,document\na,b,c\n", ["p.csv: the header names 'query' twice"]),
        ("p.csv", "query,document\na,b\n\0,c\n", ["p.csv, line 3: the line contains a NUL byte"]),
        ("p.csv", "query,document\na,b\nc, \n", ['p.csv, line 3, column "document": the text is empty', "data.bad_rows=drop"]),
        (
            "p.csv",
            "sentence1,sentence2,score\na,b,0.5\nc,d,x\n",
            ["p.csv, line 3, column \"score\": the score 'x' is not a number"],
        ),
        ("p.csv", "sentence1,sentence2,score\na,b,0.5\nc,d,\n", ['p.csv, line 3, column "score": the score is missing']),
        ("p.csv", "sentence1,sentence2,score\na,b,0.5\nc,d,nan\n", ["line 3", "'nan' is not a finite number"]),
        ("p.csv", "sentence1,sentence2,score\na,b,70\n", ['column "score": the scores lie in 70..70', "data.score_range="]),
        ("p.csv", "premise,hypothesis,label\na,b,entailment\n", ['column "label": the values are classes: entailment (1)']),
        ("p.csv", "premise,hypothesis,label\na,b,0\nc,d,1\n", ["look like classes", "data.columns.score=label"]),
        ("p.csv", "text1,text2,label\na,b,0\nc,d,1\ne,f,2\n", ["look like classes", "data.columns.score=label"]),
        ("p.jsonl", '{"query": "a", "document": "b"}\n{"query": "a", \n', ["p.jsonl, line 2, character", "broken JSON"]),
        ("p.jsonl", '{"query": "a", "document": "b"}\n["c"]\n', ["p.jsonl, line 2: a JSON list where an object"]),
        (
            "p.jsonl",
            '{"query": "a", "document": "b"}\n{"query": "c"}\n',
            ['p.jsonl, line 2, column "document": the text is missing'],
        ),
        ("p.jsonl", '{"query": "a", "document": 7}\n', ['p.jsonl, line 1, column "document": the value 7 is of type int']),
        (
            "p.jsonl",
            '{"query": "a", "document": "\\ud800x"}\n',
            ["p.jsonl, line 1", "half of a surrogate pair (U+D800) at character 1"],
        ),
        ("p.jsonl", '{"query": "q", "pos": ["a", ""], "neg": ["n"]}\n', ['line 1, column "pos", item 2: the text is empty']),
        ("p.json", '[{"query": "a",\n "document": }]', ["p.json, line 2, character 14: broken JSON"]),
        ("p.json", '{"query": "a", "document": "b"}', ["p.json: neither an array of objects", "'query', 'document'", ".jsonl"]),
        ("p.json", '{"query": ["a", "b"], "document": ["b"]}', ["p.json: the columns differ in length: 'query' 2, 'document' 1"]),
        ("p.json", '{"a": [{"query": "x"}], "b": [{"query": "y"}]}', ["p.json: several arrays of objects, under 'a', 'b'"]),
        ("p.json", '"text"', ["p.json: the file holds a JSON str, not rows"]),
        ("p.csv", "sep=^\nquery^document\na^b\n", ["p.csv: the first line says that '^' stands between columns"]),
        ("p.json", '[{"query": "a", "document": "b"}, 3]', ["p.json, row 2: a JSON int"]),
        ("p.json", '{\n"query": "a"}\nx\n{\n"query": "b"}\n', ["p.json, line 3", "Extra data", "jq -c"]),
        ("p.json", "[" * 100_000, ["p.json, line 1", "broken JSON"]),
        ("p.parquet", "no parquet", ["p.parquet: not a readable Parquet file"]),
        ("p.xls", "x", ["p.xls: unknown kind of file '.xls'", ".csv"]),
    ],
)
def test_bad_content(tmp_path, name, content, parts):
    text = message(write(tmp_path / name, content))
    for part in parts:
        assert part in text


def test_classes_are_scores_when_the_config_says_so(tmp_path):
    path = write(tmp_path / "p.csv", "text1,text2,label\na,b,0\nc,d,1\ne,f,2\n")
    source = opened(path, columns=ColumnSpec(score="label"), score_range=(0, 2))
    assert [example.label for example in source.examples(UNSPLIT)] == [0, 0.5, 1]


def test_a_score_out_of_the_configured_range(tmp_path):
    path = write(tmp_path / "p.csv", "sentence1,sentence2,score\na,b,1\nc,d,4.5\n")
    text = message(path, score_range=(0, 4))
    assert 'p.csv, line 3, column "score": score 4.5 is outside the range 0..4' in text


def test_a_score_range_without_scores(tmp_path):
    assert "no column holds scores" in message(write(tmp_path / "p.csv", PAIRS), score_range=(0, 4))


@pytest.mark.parametrize(
    ("name", "raw", "parts"),
    [
        ("p.csv", b"query,document\nok,fine\ncaf\xe9,x\n", ["p.csv, line 3", "byte 0xe9 at position 26", "iconv", "UTF-8"]),
        ("p.jsonl", b'{"query": "a", "document": "b"}\n{"query": "\xff"}\n', ["p.jsonl, line 2", "byte 0xff at position 43"]),
        ("p.csv", PAIRS.encode("utf-16") + b"\x00", ["p.csv, line 4: not UTF-16: truncated data"]),
    ],
)
def test_files_that_are_not_utf8(tmp_path, name, raw, parts):
    text = message(write(tmp_path / name, raw))
    for part in parts:
        assert part in text


def test_parquet_with_numbers_for_texts_and_missing_values(tmp_path):
    text = message(parquet(tmp_path / "p.parquet", query=["a", "b"], document=[1, 2]))
    assert 'p.parquet, row 1, column "document": the value 1 is of type int' in text
    text = message(parquet(tmp_path / "q.parquet", query=["a", "b"], document=["x", None]))
    assert 'q.parquet, row 2, column "document": the text is missing' in text


def test_truncated_parquet(tmp_path):
    path = parquet(tmp_path / "p.parquet", query=["a"] * 5000, document=[f"d{i}" for i in range(5000)])
    raw = bytearray(path.read_bytes())
    raw[10 : len(raw) // 2] = b"\xff" * (len(raw) // 2 - 10)
    path.write_bytes(raw)
    assert message(path).startswith(str(path))


def test_a_missing_column_in_one_file_of_a_folder(tmp_path):
    write(tmp_path / "train.csv", PAIRS)
    write(tmp_path / "test.csv", "query,text\na,b\n")
    text = message(tmp_path)
    assert "test.csv: no column 'document', which train.csv has" in text
    assert "'query', 'text'" in text


@pytest.mark.parametrize(
    ("files", "part"),
    [
        (["dev.csv", "validation.csv"], "several files for dev: dev.csv, validation.csv"),
        (["train.csv", "train.jsonl"], "several files for train: train.csv, train.jsonl"),
        (["a.csv", "b.jsonl"], "files of several kinds (.csv .jsonl)"),
        (["notes.txt"], "no data files in the folder (found: notes.txt)"),
        ([], "no data files in the folder (found: no files)"),
    ],
)
def test_folders_that_cannot_be_understood(tmp_path, files, part):
    (tmp_path / "set").mkdir()
    for name in files:
        write(tmp_path / "set" / name, PAIRS if name.endswith("csv") else json.dumps({"query": "q", "document": "d"}))
    assert part in message(tmp_path / "set")


def test_a_path_that_is_not_there(tmp_path):
    write(tmp_path / "my_pairs.csv", PAIRS)
    text = message(tmp_path / "my_pair.csv")
    assert "no such file or folder, and not a Hub id (owner/name) either" in text
    assert f"did you mean '{tmp_path / 'my_pairs.csv'}'?" in text
    assert "no such folder" in message(tmp_path / "nowhere" / "x.csv")
    assert "no such file or folder" in message("just_a_word")


@pytest.mark.parametrize("target", ["open", "iterdir", "exists"])
def test_what_may_not_be_read(tmp_path, monkeypatch, target):
    path = write(tmp_path / "set" / "train.csv", PAIRS)

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, target, refuse)
    text = message(path.parent if target == "iterdir" else path)
    assert "permission denied" in text
    assert "chmod" in text


def test_options_without_a_meaning_are_refused(tmp_path):
    path = write(tmp_path / "p.csv", PAIRS)
    assert "hub_revision has no meaning for files" in message(path, hub_revision="main")
    assert "columns has no meaning for python_api" in message("python_api", columns=ColumnSpec(anchor="x"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("p.csv", "query,document\na,b\nc\ne,f\n", "p.csv, line 3: 1 cell, but the header has 2 columns"),
        ("p.tsv", "query\tdocument\na\tb\nc\td\te\ne\tf\n", "p.tsv, line 3: 3 cells, but the header has 2 columns"),
        (
            "p.jsonl",
            '{"query": "a", "document": "b"}\n{"query": "c"\n{"query": "e", "document": "f"}\n',
            "p.jsonl, line 2, character 14: broken JSON: Expecting ',' delimiter",
        ),
        (
            "p.jsonl",
            '{"query": "a", "document": "b"}\n["c"]\n{"query": "e", "document": "f"}\n',
            "p.jsonl, line 2: a JSON list where an object was expected",
        ),
        (
            "p.json",
            '[{"query": "a", "document": "b"}, 7, {"query": "e", "document": "f"}]',
            "p.json, row 2: a JSON int where an object was expected",
        ),
    ],
)
def test_rows_that_cannot_be_read_are_bad_rows(tmp_path: Path, name: str, content: str, reason: str) -> None:
    path = write(tmp_path / name, content)
    assert "data.bad_rows=drop" in message(path)
    source = opened(path, bad_rows="drop")
    for _ in range(2):  # counted anew each time
        assert texts(source) == [["a", "b"], ["e", "f"]]
        assert source.dropped == {UNSPLIT: 1} and source.dropped_examples == {UNSPLIT: [reason]}


def test_a_row_without_a_split_is_dropped_once(tmp_path: Path) -> None:
    lines = ["query,document,split", "a,b,train", "c,d,", "e,f,test", "only"]
    source = opened(write(tmp_path / "p.csv", "\n".join(lines)), bad_rows="drop")
    assert {split: texts(source, split) for split in source.splits()} == {"train": [["a", "b"]], "test": [["e", "f"]]}
    assert source.dropped == {"train": 2, "test": 0}


def test_a_blank_after_the_comma_is_no_part_of_a_quoted_text(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", 'query, document\n"a, or so", "b ""c"""\nd, e\n')
    assert texts(opened(path)) == [["a, or so", 'b "c"'], ["d", "e"]]


def test_a_group_or_score_that_cannot_be_kept_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", '{"query": "a", "document": "b", "group": "\\ud800"}\n')
    assert 'column "group": the text has half of a surrogate pair' in message(path).replace("p.jsonl, line 1, ", "")
    lines = [f'{{"sentence1": "a{i}", "sentence2": "b", "score": 0.{i}}}' for i in range(5)]
    lines[2] = lines[2].replace("0.2", "1" + "0" * 400)
    assert "the score" in message(write(tmp_path / "s.jsonl", "\n".join(lines))) and "is not a number" in message(
        tmp_path / "s.jsonl"
    )
