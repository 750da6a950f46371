"""Bad rows: dropped and counted when asked, and what is never dropped."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import DataError
from data.schema import UNSPLIT
from data.sources import open_source
from data.spec import DatasetSpec


def write(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


def dropping(path: Path):
    return open_source(DatasetSpec(source=str(path), bad_rows="drop"))


def texts(source, split: str = UNSPLIT) -> list[list[str]]:
    return [example.texts for example in source.examples(split)]


def test_bad_rows_are_dropped_and_counted_when_asked(tmp_path):
    content = "sentence1,sentence2,score\na,b,0.5\n,d,0.1\ne,f,?\ng,h,1\n"
    source = dropping(write(tmp_path / "p.csv", content))
    assert texts(source) == texts(source) == [["a", "b"], ["g", "h"]]
    assert source.dropped == {UNSPLIT: 2}
    assert source.dropped_examples[UNSPLIT] == [
        'p.csv, line 3, column "sentence1": the text is empty',
        'p.csv, line 4, column "score": the score is not a number',  # not what stands there: audit.json repeats this
    ]


def test_dropped_rows_are_counted_by_split(tmp_path):
    write(tmp_path / "train.csv", "query,document\na,b\n,d\n")
    write(tmp_path / "test.csv", "query,document\na,b\nc,\n,f\n")
    source = dropping(tmp_path)
    assert [len(texts(source, split)) for split in source.splits()] == [1, 1]
    assert source.dropped == {"train": 1, "test": 2}
    assert [place.split(":")[0] for place in source.dropped_examples["test"]] == [
        'test.csv, line 3, column "document"',
        'test.csv, line 4, column "query"',
    ]


def test_where_the_next_row_begins_nobody_knows_nothing_is_dropped(tmp_path):
    path = write(tmp_path / "p.csv", 'query,document\na,b\n"c,d\ne,f\n')
    with pytest.raises(DataError, match=r"p\.csv, line 3: broken row: a quote opens in this row and is never closed"):
        texts(dropping(path))


def test_nothing_left_after_dropping(tmp_path):
    source = dropping(write(tmp_path / "p.csv", "query,document\n,b\n"))
    with pytest.raises(DataError, match=r"every row of all was left out.*line 2"):
        texts(source)


def refused(path: Path) -> str:
    with pytest.raises(DataError) as error:
        texts(open_source(DatasetSpec(source=str(path))))
    return str(error.value)


def test_the_first_bad_row_says_how_many_there_are(tmp_path):
    lines = [{"anchor": f"a{i}", "positive": f"p{i}"} | ({"negative": f"n{i}"} if i % 3 else {}) for i in range(9)]
    lines[4]["positive"] = 7
    path = write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines)))
    text = refused(path)
    assert 'p.jsonl, line 1, column "negative": the text is missing; 3 of 9 rows lack the negative, and 1 more cannot' in text
    assert "leave such rows out (5 of 9 stay): data.bad_rows=drop" in text
    assert "without negatives: data.columns.anchor=anchor data.columns.positive=positive" in text
    assert len(texts(dropping(path))) == 5


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["x", None, math.nan, "y"], 'row 2, column "positive": the text is missing; 2 of 4 rows have no text there'),
        (["x", "", "y", "z"], 'row 2, column "positive": the text is empty; 1 of 4 rows has no text there'),
    ],
)
def test_cells_that_are_missing_in_parquet(tmp_path, cells, said):
    path = tmp_path / "p.parquet"
    texts_of = {"anchor": [f"a{i}" for i in range(4)], "positive": cells}
    pa_table = pa.table({name: pa.array(column, pa.string(), from_pandas=True) for name, column in texts_of.items()})
    pq.write_table(pa_table, path)
    assert said in refused(path)
    assert len(texts(dropping(path))) == sum(cell not in (None, "") and isinstance(cell, str) for cell in cells)


def test_numbers_for_texts_are_not_to_be_dropped(tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"anchor": [2001, 2002], "positive": ["a", "b"]}), path)
    text = refused(path)
    assert "the value 2001 is of type int, not a text; 2 of 2 rows have no text there that can be used" in text
    assert "data.columns.anchor=NAME" in text and "bad_rows" not in text


def test_a_missing_score_says_how_many_there_are(tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"sentence1": list("abcd"), "sentence2": list("efgh"), "label": [0.0, 1.0, math.nan, None]}), path)
    assert 'row 3, column "label": the score is missing; 2 of 4 rows lack the score' in refused(path)
    assert len(texts(dropping(path))) == 2


def negatives_of(path: Path, lists: list[object], **options: object):
    rows = ({"query": f"q{i}", "pos": [f"p{i}"], "neg": one} for i, one in enumerate(lists))
    source = open_source(DatasetSpec(source=str(write(path, "\n".join(map(json.dumps, rows)))), **options))
    return source, [found[2:] for found in texts(source)]


EIGHT = [f"n{i}" for i in range(8)]


@pytest.mark.parametrize("bad", [[None], [], None, "", [""], [math.nan], [" ", None]])
def test_a_row_that_is_dropped_costs_the_others_no_negatives(tmp_path, bad):
    with pytest.raises(DataError, match=r'line 3, column "neg".*1 of 5 rows lacks the negative'):
        negatives_of(tmp_path / "p.jsonl", [EIGHT, EIGHT, bad, EIGHT, EIGHT])
    source, found = negatives_of(tmp_path / "p.jsonl", [EIGHT, EIGHT, bad, EIGHT, EIGHT], bad_rows="drop")
    assert found == [EIGHT] * 4 and source.dropped == {UNSPLIT: 1}
    assert not any("negatives" in note for note in source.recognised.notes)


def test_one_short_list_costs_nothing_and_one_long_list_only_its_own_end(tmp_path):
    source, found = negatives_of(tmp_path / "p.jsonl", [EIGHT] * 4 + [["a", "b"]])
    assert found == [EIGHT] * 4 + [["a", "b"] * 4]
    assert "no text is lost" in source.recognised.notes[0]
    source, found = negatives_of(tmp_path / "p.jsonl", [["a", "b"]] * 4 + [EIGHT])
    assert found == [["a", "b"]] * 4 + [["n0", "n1"]]
    assert "6 of 16 negatives are not used, the last of 1 row with more" in source.recognised.notes[0]


def test_blank_items_among_negatives_are_passed_over_and_counted(tmp_path):
    source, found = negatives_of(tmp_path / "p.jsonl", [["a", None, "b"], ["c", "d"], ["", "e", "f"], "g"])
    assert found == [["a", "b"], ["c", "d"], ["e", "f"], ["g", "g"]]
    assert "2 blank items in the lists of negatives are passed over" in source.recognised.notes
