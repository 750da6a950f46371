"""Workbooks as sources: which sheet is read, what its cells are as texts, and what is refused."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest

from data.errors import DataError
from data.sources.texts import TextRow, open_texts
from tests.support.source_files import message, opened, rows, texts, write

openpyxl = pytest.importorskip("openpyxl")

HEADER = ("query", "document")
TWO = [["boil an egg", "seven minutes"], ["fry an egg", "three minutes"]]
Rows = Sequence[Sequence[object]]


def book(path: Path, **sheets: Rows) -> Path:
    """Write a workbook with these sheets."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, lines in sheets.items():
        sheet = made.create_sheet(name)
        for line in lines:
            sheet.append(list(line))
    made.save(path)
    return path


@pytest.mark.parametrize("name", ["p.xlsx", "p.XLSX", "p.xlsm"])
def test_the_rows_of_a_sheet(tmp_path: Path, name: str) -> None:
    source = opened(book(tmp_path / name, Sheet1=[HEADER, *TWO]))
    assert texts(source) == TWO and rows(source) == [f"{name}:2", f"{name}:3"]
    assert source.recognised.notes == ()


def test_a_title_an_index_and_blank_rows_cost_nothing(tmp_path: Path) -> None:
    lines = [("Frequent questions",), (), (None, *HEADER, None), (0, *TWO[0]), (None,), (1, *TWO[1], " "), (2, None), (None,)]
    source = opened(book(tmp_path / "p.xlsx", S=lines))
    assert texts(source) == TWO and rows(source) == ["p.xlsx:4", "p.xlsx:6"]


def test_numbers_and_dates_are_the_texts_of_a_csv_file(tmp_path: Path) -> None:
    cells = [5, 5.0, 0.25, True, date(2024, 5, 1), datetime(2024, 5, 1, 13, 30)]
    path = book(tmp_path / "p.xlsx", S=[HEADER, *(("q", cell) for cell in cells)])
    assert [row[1] for row in texts(opened(path))] == ["5", "5", "0.25", "TRUE", "2024-05-01", "2024-05-01 13:30:00"]


def test_scores(tmp_path: Path) -> None:
    lines = [("sentence1", "sentence2", "score"), ("a", "b", 0.5), ("c", "d", 1), ("e", "f", 0)]
    assert [example.label for example in opened(book(tmp_path / "p.xlsx", S=lines)).examples("all")] == [0.5, 1, 0]


def test_which_sheet_is_read_is_said(tmp_path: Path) -> None:
    one = opened(book(tmp_path / "p.xlsx", Cover=[("Made in May",)], Data=[HEADER, *TWO], Empty=[]))
    assert texts(one) == TWO and one.recognised.notes == ()
    known = opened(book(tmp_path / "p.xlsx", Legend=[("code", "meaning"), ("x", "y")], Data=[HEADER, *TWO]))
    assert texts(known) == TWO
    assert known.recognised.notes == ("p.xlsx: sheet 'Data' is read, not 'Legend'; data.sheet=NAME reads another",)


def test_several_sheets_with_the_same_columns_are_not_guessed(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", May=[HEADER, *TWO], June=[HEADER, TWO[0]])
    error = message(path)
    assert "several sheets have rows, and the same columns: 'May', 'June' (2, 1 rows)" in error
    assert "data.sheet=May; to read all, put the rows on one sheet" in error
    assert texts(opened(path, sheet="June")) == TWO[:1]


def test_a_hidden_sheet_is_not_meant(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", Old=[HEADER, TWO[0]], New=[HEADER, *TWO])
    made = openpyxl.load_workbook(path)
    made["Old"].sheet_state = "hidden"
    made.save(path)
    source = opened(path)
    assert texts(source) == TWO
    assert source.recognised.notes == ("p.xlsx: sheet 'New' is read, not 'Old' (which is hidden); data.sheet=NAME reads another",)


@pytest.mark.parametrize(("train", "dev", "test"), [("train", "dev", "test"), ("Training", "Validation", "Test")])
def test_sheets_that_are_named_after_splits(tmp_path: Path, train: str, dev: str, test: str) -> None:
    path = book(tmp_path / "p.xlsx", **{test: [HEADER, TWO[1]], train: [HEADER, *TWO], dev: [HEADER, TWO[0]]})
    source = opened(path)
    assert {split: texts(source, split) for split in source.splits()} == {"train": TWO, "dev": TWO[:1], "test": TWO[1:]}
    assert f"the splits are the sheets '{test}' and '{train}' and '{dev}'" in source.recognised.notes
    assert rows(source, "dev") == [f"p.xlsx/{dev}:2"]
    assert texts(opened(path, sheet=dev)) == TWO[:1]


def test_a_sheet_is_named(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", May=[HEADER, TWO[0]], Answers=[("question", "answer"), TWO[1]])
    text = message(path)
    assert "several sheets have rows, and their columns differ: 'May', 'Answers'" in text and "data.sheet=May" in text
    may, answers = opened(path, sheet="May"), opened(path, sheet="Answers")
    assert (texts(may), texts(answers)) == ([TWO[0]], [TWO[1]])
    assert may.fingerprint() != answers.fingerprint()
    assert "there is no sheet 'Answer'" in message(path, sheet="Answer") and "did you mean 'Answers'?" in message(
        path, sheet="Answer"
    )
    assert "sheet has no meaning" in message(write(tmp_path / "p.csv", "query,document\na,b\n"), sheet="May")


def test_formulas_without_a_result_and_with_an_error_are_bad_rows(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", S=[HEADER, TWO[0], ("a", "=A2"), ("b", "#N/A"), TWO[1]])
    assert "sheet 'S', row 3, column \"document\": the cell holds a formula whose result was not saved" in message(path)
    source = opened(path, bad_rows="drop")
    assert texts(source) == TWO and source.dropped == {"all": 2}
    assert 'row 4, column "document": the cell shows the error #N/A' in source.dropped_examples["all"][1]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"query,document\na,b\n", "its name ends in .xlsx, but it is no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel or Word file, or one with a password"),
        (b"PK\x03\x04" + bytes(60), "not a readable workbook"),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, content: bytes, part: str) -> None:
    assert part in message(write(tmp_path / "p.xlsx", content))


def test_sheets_without_rows(tmp_path: Path) -> None:
    assert "no sheet has rows below a header" in message(book(tmp_path / "p.xlsx", A=[], B=[HEADER]))


def changed(path: Path, part: str, content: bytes) -> Path:
    """Replace a part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, old in parts.items():
            archive.writestr(name, content if name == part else old)
    return path


def test_what_unpacks_to_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = changed(book(tmp_path / "p.xlsx", S=[HEADER, *TWO]), "docProps/app.xml", bytes(3 * 2**20))
    assert texts(opened(path)) == TWO
    monkeypatch.setattr("data.sources.unpacked.FREE_BYTES", 2**20)
    assert "times its size, which texts never do" in message(path)
    monkeypatch.setattr("data.sources.unpacked.MOST_BYTES", 2**20)
    assert "the workbook unpacks to 0.0 GiB" in message(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_entities_are_refused(tmp_path: Path, encoding: str) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;&a;</x>'.encode(encoding)
    path = changed(book(tmp_path / "p.xlsx", S=[HEADER, *TWO]), "xl/styles.xml", bomb)
    assert "its part 'xl/styles.xml' declares XML entities" in message(path)


def test_without_openpyxl_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "p.xlsx", S=[HEADER, *TWO])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "openpyxl, which is not installed" in message(path) and "pip install openpyxl" in message(path)


def test_texts_to_embed(tmp_path: Path) -> None:
    found = open_texts(str(book(tmp_path / "p.xlsx", S=[("id", "text"), ("a", "one"), ("b", "two"), (None, None)])))
    assert list(found) == [TextRow("a", "one"), TextRow("b", "two")]


def test_texts_to_embed_of_several_sheets(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", A=[("id", "text"), ("a", "one")], B=[("code", "meaning"), ("x", "y")])
    with pytest.raises(DataError, match="several sheets have rows") as error:
        open_texts(str(path))
    assert "save the one that is meant in a file of its own" in str(error.value)
