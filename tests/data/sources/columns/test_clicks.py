"""Logs of clicks: pairs, of which the clicks are not used, which is said."""

from __future__ import annotations

import pytest

from tests.support.source_files import opened, texts, write


@pytest.mark.parametrize(
    ("header", "clicked"), [("query,clicked_title,clicks", "clicked_title"), ("Query,Document,Click Count", "Document")]
)
def test_clicks_are_not_used_and_rows_with_few_are_counted(tmp_path, header, clicked):
    rows = [f"how to find {i},page number {i},{1 if i < 7 else 3}" for i in range(10)]
    source = opened(write(tmp_path / "log.csv", "\n".join([header, *rows])))
    assert source.recognised.roles["positive"] == [clicked]
    assert len(texts(source)) == 10
    said = source.recognised.notes[-1]
    assert "is not used: every row counts the same" in said
    assert "7 of 10 rows have fewer than 2 clicks" in said
    assert "pandas.read_csv('log.csv')" in said


@pytest.mark.parametrize("column", ["votes", "rank", "page", "views"])
def test_other_counts_are_not_mentioned(tmp_path, column):
    source = opened(write(tmp_path / "log.csv", f"query,document,{column}\n" + "".join(f"q {i},d {i},1\n" for i in range(5))))
    assert not source.recognised.notes
