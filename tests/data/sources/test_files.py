"""Files as sources: every format and every layout."""

from __future__ import annotations

import gzip
import json

import pytest

from data.schema import UNSPLIT, RowId, RowKind, text_id
from data.spec import ColumnSpec
from tests.support.source_files import PAIRS, message, opened, parquet, rows, texts, write

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
        ("p.csv.gz", gzip.compress(PAIRS.encode(), mtime=0), ["p.csv.gz:2", "p.csv.gz:3"]),
        ("p.TSV.GZ", gzip.compress(PAIRS.replace(",", "\t").encode(), mtime=0), ["p.TSV.GZ:2", "p.TSV.GZ:3"]),
        ("p.jsonl.gz", gzip.compress("\n".join(map(json.dumps, OBJECTS)).encode(), mtime=0), ["p.jsonl.gz:1", "p.jsonl.gz:2"]),
        ("p.json.gz", gzip.compress(json.dumps(OBJECTS).encode(), mtime=0), ["p.json.gz:1", "p.json.gz:2"]),
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
        write(tmp_path / "faq" / f"{split}.csv.gz", gzip.compress(PAIRS.encode(), mtime=0))
    source = opened(tmp_path / "faq")
    assert source.splits() == ("train", "dev")
    assert texts(source, "train") == LISTED
    assert opened(tmp_path / "faq" / "train.csv.gz").name == "train"
    write(tmp_path / "faq" / "train.csv", PAIRS)
    assert "train.csv and train.csv.gz are the same file, unpacked and packed" in message(tmp_path / "faq")
    (tmp_path / "faq" / "train.csv").unlink()
    for name, content in (("a.csv", PAIRS.encode()), ("a.csv.gz", gzip.compress(PAIRS.encode(), mtime=0))):
        write(tmp_path / "twice" / name, content)
    assert "a.csv and a.csv.gz are the same file, unpacked and packed" in message(tmp_path / "twice")
    write(tmp_path / "faq" / "dev.csv", PAIRS)
    assert "several files for dev: dev.csv, validation.csv.gz" in message(tmp_path / "faq")


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
    assert texts(source) == [
        ["q1", "p1", "n1", "n2", "n3"],
        ["q1", "p2", "n1", "n2", "n3"],
        ["q2", "p3", "n4", "n5", "n4"],
    ]
    assert rows(source) == ["p.jsonl:1", "p.jsonl:1#2", "p.jsonl:2"]
    assert source.recognised.notes == (
        "rows have 2 to 3 negatives; each gets 3, which at least half of them have: 1 row with fewer repeats its own, which"
        " count once; no text is lost",
    )


def test_a_row_without_negatives_in_a_data_set_that_has_them(tmp_path):
    lines = [{"query": "q1", "pos": ["p1"], "neg": []}, {"query": "q2", "pos": ["p3"], "neg": ["n4"]}]
    path = write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines)))
    assert 'p.jsonl, line 1, column "neg": the list of texts is empty' in message(path)
    assert texts(opened(path, bad_rows="drop")) == [["q2", "p3", "n4"]]


def test_a_blank_among_several_negatives_is_a_shorter_list(tmp_path):
    content = "anchor,positive,negative_1,negative_2\na,b,n1,n2\nc,d,,n3\n"
    source = opened(write(tmp_path / "p.csv", content))
    assert texts(source) == [["a", "b", "n1", "n2"], ["c", "d", "n3", "n3"]]
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
    assert any("train_times.csv: not read as splits" in note for note in source.recognised.notes)


def test_a_key_that_appears_late_in_a_file_is_a_column(tmp_path):
    lines = [{"query": f"q{i}", "document": f"d{i}", **({"group": "late"} if i > 150 else {})} for i in range(160)]
    source = opened(write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines))))
    assert source.recognised.roles["group"] == ["group"]
