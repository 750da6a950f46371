"""Bad rows: dropped and counted when asked, and what is never dropped."""

from __future__ import annotations

from pathlib import Path

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
