"""Runs that go on, in the index: how far they are, and that the page comes up to date by itself."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.live import live, record
from tests.support.pages import Reader, write_run
from train.report.index import NAME, is_index, write_index
from train.report.live import LivePage
from train.report.live_index import LiveIndex
from train.runs.folder import RunFolder
from train.runs.listing import read_run
from train.runs.progress_record import ProgressRecord
from train.workflows.report import report_folder


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def write_progress(folder: Path, how_far: ProgressRecord, page: bool = True) -> Path:
    run = write_run(folder, "second", finished=False)
    how_far.write(RunFolder(run).progress)
    if page:
        RunFolder(run).page.write_text("live")
    return run


def test_a_running_run_says_how_far_it_is_and_links_to_its_page(tmp_path: Path) -> None:
    folder = write_progress(tmp_path, record(updated_at=ago(100)))
    run = read_run(folder)
    assert run.state == "running" and run.trouble == "42% done, about 4 min left: training." and not run.command
    assert run.link == "./second/report.html"
    assert report_folder(folder).page == RunFolder(folder).page, "the page shows how far it is"


def test_a_run_that_has_said_nothing_for_long_is_not_finished(tmp_path: Path) -> None:
    run = read_run(write_progress(tmp_path, record(updated_at=ago(400))))
    assert run.state == "unfinished" and "--resume" in run.command and run.link == "./second/report.html"
    for number, broken in enumerate(("yesterday", "", "2026-11-30T22:25:11")):
        assert read_run(write_progress(tmp_path / str(number), record(updated_at=broken))).state == "unfinished"


def test_a_stopped_run_says_why(tmp_path: Path) -> None:
    run = read_run(write_progress(tmp_path, record(updated_at=ago(1), stopped=True, reason="the disk is full")))
    assert run.state == "unfinished" and run.trouble.startswith("The disk is full. There is no checkpoint yet")


def test_a_finished_run_is_finished_whatever_a_kill_left(tmp_path: Path) -> None:
    run = write_run(tmp_path, "first")
    record(updated_at=ago(1)).write(RunFolder(run).progress)
    assert read_run(run).state == "finished"


def test_the_index_reloads_while_a_run_goes_on_and_not_afterwards(tmp_path: Path) -> None:
    write_run(tmp_path, "first")
    run = write_progress(tmp_path, record(updated_at=ago(1)))
    text = write_index(tmp_path)[0].read_text(encoding="utf-8")
    said = Reader(text).all_text()
    assert "2 runs: 1 finished, 1 running" in said and "42% done, about 4 min left: training." in said
    assert "location.reload()" in text and 'http-equiv="refresh" content="10"' in text
    RunFolder(run).progress.unlink()
    text = write_index(tmp_path)[0].read_text(encoding="utf-8")
    assert "location.reload()" not in text and 'http-equiv="refresh"' not in text


def test_a_run_keeps_the_index_beside_it_up_to_date_where_there_is_one(tmp_path: Path) -> None:
    run = write_progress(tmp_path, record(updated_at=ago(1)))
    page = LivePage(run, live(run).facts)
    page(record(), True)
    assert not (tmp_path / NAME).exists(), "none was asked for"
    (tmp_path / NAME).write_text("<!DOCTYPE html><title>somebody's own page</title>")
    LiveIndex(tmp_path)(last=True)
    assert "somebody's" in (tmp_path / NAME).read_text() and not is_index(tmp_path / NAME)
    write_index(tmp_path)
    record(updated_at=ago(1), done=0.77).write(RunFolder(run).progress)
    LivePage(run, live(run).facts)(record(), True)
    assert is_index(tmp_path / NAME) and "77% done" in (tmp_path / NAME).read_text(encoding="utf-8")
    shutil.rmtree(run)
    write_run(tmp_path, "second")
    page(record(), True)
    assert "77% done" not in (tmp_path / NAME).read_text(encoding="utf-8"), "the end is always written"


def test_the_index_of_many_runs_is_written_less_often(tmp_path: Path) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.5
            return self.now

    write_progress(tmp_path, record(updated_at=ago(1)))
    write_index(tmp_path)
    clock = Clock()
    index, path, written = LiveIndex(tmp_path, clock), tmp_path / NAME, 0
    before = path.stat().st_mtime_ns
    while clock.now < 300:
        index()
        written += path.stat().st_mtime_ns != before
        before = path.stat().st_mtime_ns
    assert written == 3, "of half a second each, at most one in two hundred"
