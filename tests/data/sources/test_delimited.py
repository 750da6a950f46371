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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("query,document\na,b\nquery,document\nc,d\n", "the header stands there once more among the rows: passed over"),
        ("query;document\na;b\nquery;document\nc;d\nquery;document\n", "the header stands there 2 times more among the rows"),
        ("| query | document |\n|---|:---:|\n| a | b |\n| c | d |\n", "the rule below the header is passed over"),
        ("# exported in May\nquery,document\na,b\nc,d\n", "the names of the columns are on line 2; what stands above"),
        ("FAQ\n\nquery;document\na;b\nc;d\n", "the names of the columns are on line 3; what stands above"),
        ("Exported,by Ann\nquery,document\na,b\nc,d\n", "the names of the columns are on line 2; what stands above"),
    ],
)
def test_headers_where_none_are_expected(tmp_path: Path, content: str, said: str) -> None:
    path = write(tmp_path / "p.csv", content)
    source = opened(path)
    assert texts(source) == [["a", "b"], ["c", "d"]]
    assert any(said in note for note in source.recognised.notes)


def test_a_header_among_the_rows_changes_the_fingerprint_only_there(tmp_path: Path) -> None:
    from hashlib import sha256

    from data.sources.readers import open_reader

    for content, same in (("query,document\na,b\n", True), ("query,document\na,b\nquery,document\n", False)):
        path = write(tmp_path / "p.csv", content)
        assert (open_reader(path, "p.csv").digest() == sha256(content.encode()).digest()) == same


def test_a_name_that_occurs_twice_matters_only_where_it_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "question,answer,Comment,Comment\na,b,x,y\nc,d,z,w\n")
    source = opened(path)
    assert texts(source) == [["a", "b"], ["c", "d"]]
    assert source.recognised.ignored == ("Comment (column 3)", "Comment (column 4)")
    named = opened(path, columns={"anchor": "question", "positive": "Comment (column 4)"})
    assert texts(named) == [["a", "y"], ["c", "w"]]
    assert "did you mean 'Comment (column" in message(path, columns={"anchor": "question", "positive": "Comment"})
    assert "the header names 'answer' twice" in message(write(tmp_path / "q.csv", "question,answer,answer\na,b,c\n"))
