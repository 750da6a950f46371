"""Files as sources: every format, every layout, every bad input with its message."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.schema import UNSPLIT, DataError, RowId, RowKind, text_id
from data.sources import open_source
from data.spec import ColumnSpec, DatasetSpec

PAIRS = "query,document\nhow to list files,ls\nhow to remove a file,rm\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def opened(path: Path | str, **options: object):
    return open_source(DatasetSpec(source=str(path), **options))


def texts(source, split: str = UNSPLIT) -> list[list[str]]:
    return [example.texts for example in source.examples(split)]


def rows(source, split: str = UNSPLIT) -> list[str]:
    return [RowId.parse(example.guid).row for example in source.examples(split)]


def message(path: Path | str, **options: object) -> str:
    """The error that reading everything ends in."""
    with pytest.raises(DataError) as error:
        source = opened(path, **options)
        for split in source.splits():
            list(source.examples(split))
    assert "What to do:" in str(error.value)
    return str(error.value)


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


# Formats

LISTED = [["how to list files", "ls"], ["how to remove a file", "rm"]]
OBJECTS = [{"query": query, "document": document} for query, document in LISTED]


@pytest.mark.parametrize(
    ("name", "content", "first_rows"),
    [
        ("p.csv", PAIRS, ["p.csv:2", "p.csv:3"]),
        ("p.CSV", PAIRS, ["p.CSV:2", "p.CSV:3"]),
        ("p.csv", "\ufeff" + PAIRS.replace("\n", "\r\n"), ["p.csv:2", "p.csv:3"]),
        ("p.csv", PAIRS.replace(",", ";"), ["p.csv:2", "p.csv:3"]),
        ("p.tsv", PAIRS.replace(",", "\t"), ["p.tsv:2", "p.tsv:3"]),
        ("p.jsonl", "\n".join(map(json.dumps, OBJECTS)), ["p.jsonl:1", "p.jsonl:2"]),
        ("p.jsonl", "\ufeff" + "\r\n\r\n".join(map(json.dumps, OBJECTS)) + "\r\n", ["p.jsonl:1", "p.jsonl:3"]),
        ("p.json", json.dumps(OBJECTS, indent=1), ["p.json:1", "p.json:2"]),
        ("p.json", json.dumps({"version": 1, "data": OBJECTS}), ["p.json:1", "p.json:2"]),
        ("p.json", "\n".join(map(json.dumps, OBJECTS)), ["p.json:1", "p.json:2"]),
        ("p.csv.gz", gzip.compress(PAIRS.encode()), ["p.csv.gz:2", "p.csv.gz:3"]),
        ("p.TSV.GZ", gzip.compress(PAIRS.replace(",", "\t").encode()), ["p.TSV.GZ:2", "p.TSV.GZ:3"]),
        ("p.jsonl.gz", gzip.compress("\n".join(map(json.dumps, OBJECTS)).encode()), ["p.jsonl.gz:1", "p.jsonl.gz:2"]),
        ("p.json.gz", gzip.compress(json.dumps(OBJECTS).encode()), ["p.json.gz:1", "p.json.gz:2"]),
    ],
)
def test_the_same_rows_in_every_format(tmp_path, name, content, first_rows):
    source = opened(write(tmp_path / name, content))
    assert source.splits() == (UNSPLIT,)
    assert source.recognised.kind is RowKind.PAIR
    assert texts(source) == LISTED
    assert rows(source) == first_rows


def test_compressed_files_are_called_and_split_as_if_they_were_not(tmp_path):
    for split in ("train", "validation"):
        write(tmp_path / "faq" / f"{split}.csv.gz", gzip.compress(PAIRS.encode()))
    source = opened(tmp_path / "faq")
    assert source.splits() == ("train", "dev")
    assert texts(source, "train") == LISTED
    assert opened(tmp_path / "faq" / "train.csv.gz").name == "train"
    write(tmp_path / "faq" / "train.csv", PAIRS)
    assert "train.csv and train.csv.gz are the same file, unpacked and packed" in message(tmp_path / "faq")
    (tmp_path / "faq" / "train.csv").unlink()
    for name, content in (("a.csv", PAIRS.encode()), ("a.csv.gz", gzip.compress(PAIRS.encode()))):
        write(tmp_path / "twice" / name, content)
    assert "a.csv and a.csv.gz are the same file, unpacked and packed" in message(tmp_path / "twice")
    write(tmp_path / "faq" / "dev.csv", PAIRS)
    assert "several files for dev: dev.csv, validation.csv.gz" in message(tmp_path / "faq")


def test_damaged_compressed_files_are_told(tmp_path):
    whole = gzip.compress(b"query,document\n" + b"".join(b"what is %d,it is %d\n" % (i, i * i) for i in range(20_000)))
    cut = message(write(tmp_path / "cut.csv.gz", whole[: len(whole) // 2]))
    assert "cut.csv.gz: the compressed file ends too early" in cut and "gzip -t" in cut
    assert "plain.csv.gz: not a file of gzip" in message(write(tmp_path / "plain.csv.gz", PAIRS))
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 255
    assert "changed.csv.gz" in message(write(tmp_path / "changed.csv.gz", bytes(changed)))
    assert "the line contains a NUL byte" in message(write(tmp_path / "nul.csv.gz", gzip.compress(b"query,document\na\0b,c\n")))
    assert "add .gz to its name" in message(write(tmp_path / "named.csv", whole))
    assert "unknown kind of file '.gz'" in message(write(tmp_path / "rows.parquet.gz", whole))


def test_parquet(tmp_path):
    source = opened(parquet(tmp_path / "p.parquet", query=[q for q, _ in LISTED], document=[d for _, d in LISTED], year=[1, 2]))
    assert texts(source) == LISTED
    assert rows(source) == ["p.parquet:1", "p.parquet:2"]
    assert source.recognised.ignored == ("year",)


def test_examples_carry_ids_and_are_read_anew_each_time(tmp_path):
    source = opened(write(tmp_path / "p.csv", PAIRS))
    example = next(source.examples(UNSPLIT))
    assert RowId.parse(example.guid) == RowId("p.csv:2", text_id("how to list files"), text_id("ls"), "")
    assert texts(source) == texts(source) == LISTED


def test_quoted_cells_may_span_lines_and_rows_are_named_by_their_first_line(tmp_path):
    content = 'query,document\n"two\r\nlines","a ""quoted"" word"\n\nlast,"x, y"\n'
    source = opened(write(tmp_path / "p.csv", content))
    assert texts(source) == [["two\r\nlines", 'a "quoted" word'], ["last", "x, y"]]
    assert rows(source) == ["p.csv:2", "p.csv:5"]


def test_quotes_that_mean_nothing_in_a_tsv(tmp_path):
    source = opened(write(tmp_path / "p.tsv", 'query\tdocument\n"Hello" he said\tgreeting\nopen " quote\t"\n'))
    assert texts(source) == [['"Hello" he said', "greeting"], ['open " quote', '"']]
    assert any("quotes are read as part of the texts" in note for note in source.recognised.notes)
    source = opened(write(tmp_path / "q.tsv", 'query\tdocument\n"a\tb"\tc\n'))
    assert texts(source) == [["a\tb", "c"]]


def test_a_long_cell(tmp_path):
    source = opened(write(tmp_path / "p.csv", f"query,document\nq,{'x' * 200_000}\n"))
    assert len(texts(source)[0][1]) == 200_000


def test_scores_are_scaled_and_said(tmp_path):
    source = opened(write(tmp_path / "p.csv", "sentence1,sentence2,score\na,b,5\nc,d,1.25\n"))
    assert [example.label for example in source.examples(UNSPLIT)] == [1.0, 0.25]
    assert "scores read as 0..5 and brought to 0..1" in source.recognised.lines()
    source = opened(tmp_path / "p.csv", score_range=(0, 10))
    assert [example.label for example in source.examples(UNSPLIT)] == [0.5, 0.125]


def test_lists_of_positives_and_negatives(tmp_path):
    lines = [
        {"query": "q1", "pos": ["p1", "p2"], "neg": ["n1", "n2", "n3"]},
        {"query": "q2", "pos": ["p3"], "neg": ["n4", "n5"]},
    ]
    source = opened(write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines))))
    assert source.recognised.kind is RowKind.TUPLE
    assert texts(source) == [["q1", "p1", "n1", "n2"], ["q1", "p2", "n1", "n2"], ["q2", "p3", "n4", "n5"]]
    assert rows(source) == ["p.jsonl:1", "p.jsonl:1#2", "p.jsonl:2"]
    assert "rows have 2 to 3 negatives: the first 2 of each row are used" in source.recognised.notes


def test_a_row_without_negatives_in_a_data_set_that_has_them(tmp_path):
    lines = [{"query": "q1", "pos": ["p1"], "neg": []}, {"query": "q2", "pos": ["p3"], "neg": ["n4"]}]
    path = write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines)))
    assert 'p.jsonl, line 1, column "neg": the list of texts is empty' in message(path)
    assert texts(opened(path, bad_rows="drop")) == [["q2", "p3", "n4"]]


def test_a_blank_among_several_negatives_is_a_shorter_list(tmp_path):
    content = "anchor,positive,negative_1,negative_2\na,b,n1,n2\nc,d,,n3\n"
    source = opened(write(tmp_path / "p.csv", content))
    assert texts(source) == [["a", "b", "n1"], ["c", "d", "n3"]]
    assert "rows have 1 to 2 negatives: the first 1 of each row are used" in source.recognised.notes
    path = write(tmp_path / "q.csv", content + "e,f,, \n")
    assert 'q.csv, line 4, column "negative_1": the text is empty' in message(path)


def test_what_pandas_writes_for_a_missing_group_is_none(tmp_path):
    """Or all rows without a group would be one, on one side of the split."""
    path = tmp_path / "p.jsonl"
    groups = ["NaN", '" "', "null", '"red"', "7.5"]
    path.write_text("\n".join(f'{{"query": "a{i}", "document": "b{i}", "group": {g}}}' for i, g in enumerate(groups)) + "\n")
    found = [RowId.parse(example.guid).group for example in opened(path).examples(UNSPLIT)]
    assert found == ["", "", "", "red", "7.5"]


def test_a_group_column_goes_into_the_row_id(tmp_path):
    source = opened(write(tmp_path / "p.csv", "query,document,group\na,b,red\nc,d,\n"))
    assert [RowId.parse(example.guid).group for example in source.examples(UNSPLIT)] == ["red", ""]


def test_a_split_column_gives_splits(tmp_path):
    content = "query,document,split\na,1,train\nb,2,Validation\nc,3,test\nd,4,train\ne,5,val\n"
    source = opened(write(tmp_path / "p.csv", content))
    assert source.splits() == ("train", "dev", "test")
    assert texts(source, "train") == [["a", "1"], ["d", "4"]]
    assert texts(source, "dev") == [["b", "2"], ["e", "5"]]
    assert texts(source, "test") == [["c", "3"]]
    assert opened(write(tmp_path / "r.csv", "query,document,split\na,1,test\nb,2,train\n")).splits() == ("train", "test")
    text = message(write(tmp_path / "q.csv", "query,document,split\na,1,train\nb,2,later\n"))
    assert "q.csv, line 3, column \"split\": 'later' is not a split" in text


# Layouts


@pytest.mark.parametrize("dev", ["dev.csv", "validation.csv", "valid.csv", "val.csv"])
def test_a_folder_with_splits(tmp_path, dev):
    for name in ("train.csv", dev, "test.csv"):
        write(tmp_path / "set" / name, f"query,document\nfrom {name},x\n")
    write(tmp_path / "set" / "README.md", "about")
    write(tmp_path / "set" / "more.csv", "other,columns\n1,2\n")
    source = opened(tmp_path / "set")
    assert source.name == "set"
    assert source.splits() == ("train", "dev", "test")
    assert texts(source, "dev") == [[f"from {dev}", "x"]]
    assert rows(source, "test") == ["test.csv:2"]
    assert any("more.csv" in note for note in source.recognised.notes)


def test_shards_of_splits(tmp_path):
    for i in range(2):
        parquet(tmp_path / f"train-0000{i}-of-00002.parquet", query=[f"q{i}"], document=["d"])
    parquet(tmp_path / "test-00000-of-00001.parquet", query=["t"], document=["d"])
    source = opened(tmp_path)
    assert source.splits() == ("train", "test")
    assert texts(source, "train") == [["q0", "d"], ["q1", "d"]]


def test_a_folder_without_splits_is_one_data_set(tmp_path):
    write(tmp_path / "b.jsonl", json.dumps({"query": "b", "document": "2"}))
    write(tmp_path / "a.jsonl", json.dumps({"query": "a", "document": "1"}))
    source = opened(tmp_path)
    assert source.splits() == (UNSPLIT,)
    assert texts(source) == [["a", "1"], ["b", "2"]]
    assert "2 files are read as one data set" in source.recognised.notes


def test_globs(tmp_path):
    for name in ("x/one.csv", "y/two.csv", "y/three.txt"):
        write(tmp_path / name, f"query,document\n{name},d\n")
    source = opened(tmp_path / "*" / "*.csv")
    assert rows(source) == ["x/one.csv:2", "y/two.csv:2"]
    write(tmp_path / "z" / "train.csv", PAIRS)
    write(tmp_path / "z" / "test.csv", PAIRS)
    assert opened(tmp_path / "z" / "t*.csv").splits() == ("train", "test")
    assert "no file matches the pattern" in message(tmp_path / "*.parquet")


@pytest.mark.parametrize(
    ("source", "name"), [("my pairs (1).csv", "my_pairs_1"), ("ä/b.jsonl", "b"), ("folder.v2", "folder_v2"), (".x.csv", "x")]
)
def test_names_are_made_safe(tmp_path, source, name):
    path = tmp_path / source
    if path.suffix in (".csv", ".jsonl"):
        write(path, PAIRS if path.suffix == ".csv" else json.dumps({"query": "q", "document": "d"}))
    else:
        write(path / "train.csv", PAIRS)
    assert opened(path).name == name
    assert opened(path, name="a b/c").name == "a_b_c"


def test_the_fingerprint_follows_content_and_options(tmp_path):
    path = write(tmp_path / "p.csv", PAIRS)
    prints = {opened(path).fingerprint(), opened(path, bad_rows="drop").fingerprint()}
    prints.add(opened(path, columns=ColumnSpec(anchor="document", positive="query")).fingerprint())
    assert opened(path).fingerprint() in prints
    write(path, PAIRS + "a,b\n")
    prints.add(opened(path).fingerprint())
    assert len(prints) == 4


# Bad input


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.json", "p.jsonl"])
@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff"])
def test_empty_files(tmp_path, name, content):
    text = message(write(tmp_path / name, content))
    assert text.startswith(f"{tmp_path / name}: the file ")
    assert "empty" in text or "no rows" in text


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("p.csv", "query,document\n", ["p.csv: no rows (the header stands alone)"]),
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
        ("p.csv", "premise,hypothesis,label\na,b,entailment\n", ["no row has a score that is a number"]),
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
        ("p.json", '{"query": ["a"], "document": ["b"]}', ["p.json: neither an array of objects", ".jsonl"]),
        ("p.json", '[{"query": "a", "document": "b"}, 3]', ["p.json, row 2: a JSON int"]),
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
    assert 'p.csv, line 3, column "score": score 4.5 is outside of the range 0..4' in text


def test_a_score_range_without_scores(tmp_path):
    assert "no column holds scores" in message(write(tmp_path / "p.csv", PAIRS), score_range=(0, 4))


@pytest.mark.parametrize(
    ("name", "raw", "parts"),
    [
        ("p.csv", b"query,document\nok,fine\ncaf\xe9,x\n", ["p.csv, line 3", "byte 0xe9 at position 26", "iconv", "UTF-8"]),
        ("p.jsonl", b'{"query": "a", "document": "b"}\n{"query": "\xff"}\n', ["p.jsonl, line 2", "byte 0xff at position 43"]),
        ("p.csv", PAIRS.encode("utf-16"), ["p.csv: the file is UTF-16", "iconv -f UTF-16"]),
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


def test_quotes_in_a_tsv_that_happen_to_pair_up_swallow_no_rows(tmp_path):
    lines = [f"q{i}\td{i}" for i in range(20)]
    lines[4], lines[12] = 'q4\t"To be', 'q12\tor not to be"'
    source = opened(write(tmp_path / "p.tsv", "\n".join(["query\tdocument", *lines])))
    assert len(texts(source)) == 20 and texts(source)[4] == ["q4", '"To be']
    assert source.recognised.notes == ("p.tsv: quotes are read as part of the texts",)


def test_files_whose_names_differ_in_the_split_alone(tmp_path):
    for name in ("sts-train", "sts-dev", "sts-test"):
        write(tmp_path / "sts" / f"{name}.csv", f"query,document\n{name},b\nc,d\n")
    source = opened(tmp_path / "sts")
    assert source.splits() == ("train", "dev", "test") and texts(source, "test")[0] == ["sts-test", "b"]
    write(tmp_path / "mix" / "train_times.csv", "query,document\na,b\n")
    write(tmp_path / "mix" / "prices.csv", "query,document\nc,d\n")
    source = opened(tmp_path / "mix")
    assert source.splits() == (UNSPLIT,)
    assert any("train_times.csv: not taken for a split" in note for note in source.recognised.notes)


def test_a_key_that_appears_late_in_a_file_is_a_column(tmp_path):
    lines = [{"query": f"q{i}", "document": f"d{i}", **({"group": "late"} if i > 150 else {})} for i in range(160)]
    source = opened(write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines))))
    assert source.recognised.roles["group"] == ["group"]
