"""What spreadsheets and scripts write into CSV files beside the rows is read, and said where it is a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.sources import open_source
from data.spec import ColumnSpec, DatasetSpec
from tests.support.source_files import message, opened, rows, texts, write

TWO = [["boil it", "7 minutes"], ["fry it", "3 minutes"]]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "p.csv",
            "sep=;\r\nquery;document\r\nboil it;7 minutes\r\nfry it;3 minutes\r\n",
            "by semicolons, as the first",
        ),
        ("p.csv", "\ufeffSEP=|\nquery|document\nboil it|7 minutes\nfry it|3 minutes\n", "by bars, as the first"),
        ("p.csv", '"sep=,"\nquery,document\nboil it,7 minutes\nfry it,3 minutes\n', "by commas, as the first"),
        ("p.tsv", "sep=\t\nquery\tdocument\nboil it\t7 minutes\nfry it\t3 minutes\n", "by tabs, as the first"),
        (
            "p.csv",
            "query\tdocument\r\nboil it\t7 minutes\r\nfry it\t3 minutes".encode("utf-16"),
            "read as UTF-16",
        ),
        (
            "p.csv",
            ",query,document\n0,boil it,7 minutes\n1,fry it,3 minutes\n2,,\n",
            "column 1 has no name and counts",
        ),
        (
            "p.csv",
            "query,document\n1,boil it,7 minutes\n2,fry it,3 minutes\n",
            "the rows begin with their number",
        ),
        ("p.csv", "query,document,,\nboil it,7 minutes,,\nfry it,3 minutes,,\n,,,\n,,,\n", ""),
        ("p.csv", "query,document\nboil it,7 minutes,\n,\nfry it,3 minutes,,\n\n", ""),
        ("p.csv", "Unnamed: 0,query,document\n5,boil it,7 minutes\n9,fry it,3 minutes\n", "not used: Unnamed: 0 (5, 9)"),
    ],
)
def test_what_programs_add_costs_nothing(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    source = opened(write(tmp_path / name, content))
    assert texts(source) == TWO
    assert any(said in line for line in source.recognised.lines())


def test_rows_are_named_by_their_line_below_a_line_for_spreadsheets(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", 'sep=,\nquery,document\na,"b\nc"\nd,e\n')
    assert rows(opened(path)) == ["p.csv:3", "p.csv:5"]
    assert "p.csv, line 4: 3 cells" in message(write(path, "sep=,\nquery,document\na,b\nc,d,e\n"))


def test_a_column_with_texts_and_no_name_is_still_told(tmp_path: Path) -> None:
    assert "give column 1 a name" in message(write(tmp_path / "p.csv", ",document\nboil it,7 minutes\n"))


def test_a_file_in_utf_16_is_read_in_either_order_of_bytes(tmp_path: Path) -> None:
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        content = "query,document\nĊnà \u0a0d,\u0d0a ok\n".encode(encoding)  # with the bytes of line ends inside of letters
        assert texts(opened(write(tmp_path / "p.csv", mark + content))) == [["Ċnà \u0a0d", "\u0d0a ok"]]


def test_bytes_of_a_windows_file_are_told_before_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", ";Satz 1;Satz 2\n0;Gr\xfc\xdfe;a\n".encode("cp1252"))
    assert "p.csv, line 2" in message(path) and "iconv -f WINDOWS-1252" in message(path)


def test_a_number_in_front_that_is_not_the_row_s_is_a_cell_too_many(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document\n7,boil it,7 minutes\n3,fry it,3 minutes\n")
    assert "3 cells, but the header has 2 columns" in message(path)
    path = write(tmp_path / "p.csv", "id,query\n1,boil it, or not\n2,fry it, or not\n")
    assert "3 cells, but the header has 2 columns" in message(path, columns=ColumnSpec(anchor="id", positive="query"))


def test_blank_cells_in_a_row_that_has_others_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "id,query,document\n7,boil it,7 minutes\n8,,\n")
    with pytest.raises(Exception, match="line 3") as error:
        texts(open_source(DatasetSpec(source=str(path))))
    assert "the text is empty" in str(error.value)
