"""The page of a run that goes on: what it says in each state, that it costs little, and that it never stops a run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.live import live, record, write_training
from tests.support.pages import HOSTILE, Reader, write_run
from train.console import heard_by
from train.report import live as live_module
from train.report.live import Facts, LivePage, render_live
from train.runs.folder import RunFolder


def words(html: str) -> str:
    return Reader(html).all_text()


def test_a_page_before_anything_was_judged_says_what_the_run_is(tmp_path: Path) -> None:
    found = render_live(live(tmp_path / "first", record(phase="reading the data", done=0.0, left_seconds=None)))
    said = words(found)
    assert "first running" in said and "Reading the data" in said and "0%" in said and "left" not in said
    assert "e5-small" in said and "Training 300 steps" in said and "All settings" in said
    assert "Checkpoint" not in said and "Finished parts" not in said


def test_a_running_page_shows_progress_training_dev_and_finished_parts(tmp_path: Path) -> None:
    write_run(tmp_path / "first" / "seeds", "seed-14", delta=0.05)
    page = LivePage(tmp_path / "first", live(tmp_path / "first").facts)
    write_training(tmp_path / "first")
    page(record(note="step 120 of 300, loss 0.412"), True)
    said = words(RunFolder(tmp_path / "first").page.read_text(encoding="utf-8"))
    assert "Training: step 120 of 300, loss 0.412 42% about 4 min left" in said
    assert "2 of 5 checkpoints" in said and "step 120 0.620 +0.120" in said and "base 0.500" in said
    assert "Over 120 steps the training loss fell" in said
    assert "seed 14 nDCG@10 0.532 0.582 +0.050" in said
    assert "training 120 of 300" in said and "judging the base yes 12 s" in said and "judging on test not yet" in said
    assert "2026-11-30 22:25:11 UTC" in said


def test_a_running_page_reloads_itself_and_a_stopped_one_does_not(tmp_path: Path) -> None:
    running = render_live(live(tmp_path / "a run", record()))
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in running
    assert "location.reload()" in running and f"embed-tune train --resume '{tmp_path}/a run'" in words(running)
    stopped = render_live(
        live(tmp_path / "a run", record(stopped=True, reason="stopped after step 120 of 300", left_seconds=None))
    )
    said = words(stopped)
    assert 'http-equiv="refresh"' not in stopped and "location.reload" not in stopped and "<script" not in stopped
    assert "Stopped at 42%: stopped after step 120 of 300" in said and f"embed-tune train --resume '{tmp_path}/a run'" in said


def test_a_page_loads_nothing_and_names_its_scripts_in_the_policy(tmp_path: Path) -> None:
    found = Reader(render_live(live(tmp_path, record())))
    policy = found.value("meta", "content")
    assert policy.startswith("default-src 'none'") and "script-src 'sha256-" in policy
    assert not [value for _, name, value in found.attributes if name in ("src", "href") and not (value or "").startswith("data:")]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(tmp_path: Path, text: str) -> None:
    plain = Reader(render_live(live(tmp_path, record())))
    hostile = live(tmp_path, record(phase=text, note=text, reason=text), facts=Facts(((text, text),) * 7, text, 5))
    found = Reader(render_live(hostile))
    assert found.tags == plain.tags


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_is_written_rarely_and_at_once_when_something_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, times = Clock(), list[float]()
    monkeypatch.setattr(live_module, "render_live", lambda view: times.append(clock.now) or "page")
    page = LivePage(tmp_path, Facts(), clock)
    for tenth in range(200):
        clock.now = tenth / 10
        page(record(), tenth in (3, 25))
    assert times[0] == 0.0 and times[1] == 2.5, "of two events within a second the page waits for the next"
    assert all(after - before >= 5 for before, after in pairwise(times[1:])) and len(times) == 5


def test_a_page_that_is_slow_to_make_is_made_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, made = Clock(), list[float]()

    def slow(view: object) -> str:
        clock.now += 0.3
        made.append(clock.now)
        return "page"

    monkeypatch.setattr(live_module, "render_live", slow)
    page = LivePage(tmp_path, Facts(), clock)
    while clock.now < 600:
        page(record(), True)
        clock.now += 0.5
    assert 0.3 * len(made) <= 0.0105 * clock.now + 0.3
    before = len(made)
    page(record(stopped=True), True)
    assert len(made) == before + 1, "why a run was stopped is never left out"


def test_trouble_with_the_page_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    clock, said = Clock(), list[str]()
    RunFolder(tmp_path).page.mkdir()
    page = LivePage(tmp_path, Facts(), clock)
    with heard_by(None, details=said.append):
        for _ in range(3):
            page(record(), True)
            clock.now += 10
    assert len(said) == 1 and "report.html or the index beside it cannot be written while the run goes on" in said[0]


def test_the_report_of_a_finished_run_is_never_replaced(tmp_path: Path) -> None:
    files = RunFolder(tmp_path)
    files.page.write_text("the report")
    files.report.write_text("{}")
    LivePage(tmp_path, Facts())(record(stopped=True), True)
    assert files.page.read_text() == "the report"


def test_the_page_carries_the_time_of_its_last_figure_for_the_script(tmp_path: Path) -> None:
    found = render_live(live(tmp_path, record(updated_at="2026-11-30T22:25:11+00:00")))
    moment = re.search(r'<time id="updated" datetime="([^"]+)"', found)
    assert moment is not None and datetime.fromisoformat(moment[1]) == datetime(2026, 11, 30, 22, 25, 11, tzinfo=UTC)
    assert '"updated":"2026-11-30T22:25:11+00:00"' in found
