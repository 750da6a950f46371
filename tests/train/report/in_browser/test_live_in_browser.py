"""The page of a run that goes on, in a browser: it reloads itself from a file, and waits while somebody reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import WIDTHS, Page, Visit, serious_violations
from tests.support.live import live, record, write_training
from tests.support.pages import write_run
from train.report.index import write_index
from train.report.live import LivePage, render_live
from train.runs.folder import RunFolder

pytestmark = pytest.mark.slow


def write_page(run: Path, minutes_old: float = 0.0, **changes: Any) -> Path:
    """Write the page as a run would, but let it reload every second."""
    write_training(run)
    at = (datetime.now(UTC) - timedelta(minutes=minutes_old)).isoformat(timespec="seconds")
    LivePage(run, live(run).facts)(record(updated_at=at, **changes), True)
    path = RunFolder(run).page
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"every":10', '"every":1').replace('content="10"', 'content="1"'), encoding="utf-8")
    return path


def shown(page: Page, text: str, within: float = 4000) -> bool:
    """Tell whether a text comes up in time."""
    try:
        page.get_by_text(text).first.wait_for(timeout=within)
    except Exception:  # Playwright's own, which is only there where the library is
        return False
    return True


def test_it_reloads_itself_keeps_the_place_and_lands_in_the_report(visit: Visit, tmp_path: Path) -> None:
    path = write_page(tmp_path / "first")
    page = visit(path)
    assert shown(page, "42%") and shown(page, "Training: ", 100) is False
    page.evaluate("scrollTo(0, 400)")
    write_page(tmp_path / "first", done=0.61)
    assert shown(page, "61%")
    assert abs(page.evaluate("scrollY") - 400) < 5
    path.write_text("<!DOCTYPE html><title>the report</title><p>Better than the base", encoding="utf-8")
    assert shown(page, "Better than the base")
    assert set(visit.requests) == {path.as_uri()} and visit.complaints == []


def test_it_waits_while_a_detail_is_open_or_a_text_is_selected(visit: Visit, tmp_path: Path) -> None:
    page = visit(write_page(tmp_path / "first"))
    page.get_by_text("All settings").click()
    write_page(tmp_path / "first", done=0.61)
    assert shown(page, "It waits with reloading") and not shown(page, "61%", 2500)
    page.get_by_text("All settings").click()
    assert shown(page, "61%")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    write_page(tmp_path / "first", done=0.72)
    assert not shown(page, "72%", 2500)
    page.evaluate("getSelection().removeAllRanges()")
    assert shown(page, "72%")


def test_an_old_page_asks_whether_the_run_goes_on_and_a_stopped_one_says_so(visit: Visit, tmp_path: Path) -> None:
    page = visit(write_page(tmp_path / "first", minutes_old=12.5))
    assert shown(page, "No news for") and "12 minutes" in page.locator("#silent").inner_text()
    assert "--resume" in page.locator("#silent").inner_text()
    assert visit(write_page(tmp_path / "second")).locator("#silent").is_hidden()
    page = visit(write_page(tmp_path / "third", minutes_old=500, stopped=True, reason="stopped after step 120 of 300"))
    assert shown(page, "Stopped at 42%: stopped after step 120 of 300") and page.locator("#silent").count() == 0
    write_page(tmp_path / "third", done=0.9)
    assert not shown(page, "90%", 2500)


def test_without_javascript_it_is_read_as_tables_and_reloads_all_the_same(visit: Visit, tmp_path: Path) -> None:
    path = write_page(tmp_path / "first")
    page = visit(path, java_script_enabled=False)
    assert shown(page, "42%") and page.locator("svg.plot").first.is_visible()
    assert page.locator("#dev tbody tr").count() == 3 and page.locator("#phases tbody tr").count() == 4
    write_page(tmp_path / "first", done=0.61)
    assert shown(page, "61%")
    assert set(visit.requests) == {path.as_uri()}


def test_the_index_waits_while_a_search_is_typed(visit: Visit, tmp_path: Path) -> None:
    def write(done: float) -> Path:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        record(updated_at=at, done=done).write(RunFolder(tmp_path / "second").progress)
        path = write_index(tmp_path)[0]
        path.write_text(path.read_text(encoding="utf-8").replace('"every":10', '"every":1'), encoding="utf-8")
        return path

    write_run(tmp_path, "second", finished=False)
    page = visit(write(0.42))
    assert shown(page, "42% done")
    page.get_by_label("Search in names").fill("sec")
    write(0.61)
    assert shown(page, "It waits with reloading") and not shown(page, "61% done", 2500)
    page.get_by_label("Search in names").fill("")
    page.get_by_label("Search in names").blur()
    assert shown(page, "61% done")
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_everybody_can_use_it(visit: Visit, tmp_path: Path, width: int, scheme: str) -> None:
    write_training(tmp_path)
    path = tmp_path / "live.html"
    path.write_text(render_live(LivePage(tmp_path, live(tmp_path).facts)._gathered(record())), encoding="utf-8")
    page = visit(path, width=width, color_scheme=scheme)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert serious_violations(page) == []
