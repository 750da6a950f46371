"""`embed-tune report` as a function: the page, and the runs as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import write_run
from train.cli.app import main
from train.console import heard_by
from train.errors import RunError
from train.workflows.report import COLUMNS, RunIndex, report_folder


def report(path: str) -> RunIndex:
    with heard_by(None):
        return report_folder(Path(path))


def test_nothing_is_printed_and_the_command_prints_what_the_result_says(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "second"):
        write_run(in_tmp / "checkpoints", name)
    index, one = report("checkpoints"), report("first")
    assert capsys.readouterr() == ("", "")
    assert (index.page, one.page) == (Path("checkpoints/index.html"), Path("checkpoints/first/report.html"))
    assert (index.single, one.single, len(index.runs)) == (False, True, 2)
    for words, found in ((["report"], index), (["report", "first"], one)):
        main(words)
        assert capsys.readouterr().out == f"{found}\n"


def test_the_table_has_a_row_for_each_run(in_tmp: Path) -> None:
    write_run(in_tmp / "runs", "first", delta=0.05, rows=1200, seconds=42.5)
    write_run(in_tmp / "runs", "unfinished")
    (in_tmp / "runs" / "unfinished" / "report.json").unlink()
    (in_tmp / "runs" / "other").mkdir()
    found = report("runs")
    table = found.to_pandas().set_index("name")
    assert list(found.to_pandas().columns) == list(COLUMNS) and list(table.index) == ["first", "unfinished"]
    first = table.loc["first"]
    assert (first["state"], first["verdict"], first["delta"], first["rows"]) == ("finished", "improved", 0.05, 1200)
    assert first["low"] < first["delta"] < first["high"] and first["train_seconds"] == 42.5
    assert table.loc["unfinished"]["state"] == "unfinished" and "checkpoint" in table.loc["unfinished"]["trouble"]
    assert found.to_dict()["page"] == "runs/index.html" and len(found.to_dict()["runs"]) == 2


def test_a_name_is_no_html_in_a_notebook(in_tmp: Path) -> None:
    write_run(in_tmp / "runs", "<script>")
    found = report("runs")
    assert "<script>" in found.runs[0].name and "&lt;script&gt;" in found._repr_html_() and "<script>" not in found._repr_html_()


def test_a_run_without_a_page_is_an_error(in_tmp: Path) -> None:
    write_run(in_tmp, "first")
    (in_tmp / "first" / "report.html").unlink()
    with pytest.raises(RunError, match=r"first has no page: report\.html is missing"):
        report("first")
