"""Sorting, filtering and comparing on the index of all runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browsing import WIDTHS, Page, Visit, drawn, open_comparison
from tests.support.pages import write_run
from train.report.index import write_index


def order(page: Page) -> list[str]:
    return page.locator("#runs tbody tr:visible > th a, #runs tbody tr:visible > th > bdi").all_inner_texts()


LAST = ["broken", "drafts", "run 9"]


@pytest.mark.parametrize(
    ("column", "first", "then"),
    [
        # as words +0.100 would come before +0.009
        ("Change", ["50% off #1?", "run 10", "small", "worse", *LAST], ["worse", "small", "run 10", "50% off #1?", *LAST]),
        ("Training", ["small", "worse", "run 10", "50% off #1?", *LAST], ["50% off #1?", "run 10", "worse", "small", *LAST]),
        (
            "Run",
            ["50% off #1?", "broken", "drafts", "run 9", "run 10", "small", "worse"],
            ["worse", "small", "run 10", "run 9", "drafts", "broken", "50% off #1?"],
        ),
    ],
)
def test_columns_sort_numbers_as_numbers_and_missing_values_last(
    visit: Visit, pages: Path, column: str, first: list[str], then: list[str]
) -> None:
    page = visit(pages / "runs/index.html")
    assert order(page)[0] == "run 10" and page.locator("th[aria-sort=descending]").inner_text() == "Gain on dev"
    button, header = (page.get_by_role(role, name=column, exact=True) for role in ("button", "columnheader"))
    button.press("Enter")
    assert order(page) == first and page.locator("th[aria-sort]:not([aria-sort=none])").count() == 1
    before = header.get_attribute("aria-sort")
    assert before == ("ascending" if column == "Run" else "descending")
    button.press("Space")
    assert order(page) == then and header.get_attribute("aria-sort") not in (before, "none")


def test_filters_of_the_index_count_and_stay_in_the_address(visit: Visit, pages: Path) -> None:
    page = visit(pages / "runs/index.html")
    status = page.locator("#hits")
    assert status.inner_text() == "7 in all"
    page.get_by_label("Verdict", exact=True).select_option("better")
    assert status.inner_text() == "2 of 7 found" and sorted(order(page)) == ["50% off #1?", "run 10"]
    page.get_by_label("Base model", exact=True).select_option("e5")
    assert order(page) == ["run 10"]
    page.get_by_role("button", name="Change", exact=True).click()
    page.reload()
    assert order(page) == ["run 10"] and page.locator("#hits").inner_text() == "1 of 7 found"
    assert page.get_by_role("columnheader", name="Change", exact=True).get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Clear filters").click()
    assert status.inner_text() == "7 in all"
    page.get_by_label("Search in names, models, data sets and states").press_sequentially("NOT finished")
    assert order(page) == ["run 9"]
    assert "embed-tune train --resume" in page.locator("#runs tbody tr:visible").inner_text()
    page.get_by_label("Verdict", exact=True).select_option("none")
    assert order(page) == ["run 9"]
    page.get_by_label("Search in names, models, data sets and states").fill("zzz")
    assert page.get_by_text("No run matches.").is_visible()


def test_on_a_phone_runs_are_sorted_by_a_list(visit: Visit, pages: Path) -> None:
    page = visit(pages / "runs/index.html", width=WIDTHS["phone"])
    page.get_by_label("Sort by").select_option("Change ↓")
    assert order(page)[:4] == ["50% off #1?", "run 10", "small", "worse"]


def test_links_open_the_pages_of_runs_with_odd_names(visit: Visit, pages: Path) -> None:
    page = visit(pages / "runs/index.html")
    page.get_by_role("link", name="50% off #1?").click()
    assert page.title() == "the page of 50% off #1?"


def test_two_runs_are_compared(visit: Visit, pages: Path) -> None:
    page = visit(pages / "runs/index.html")
    assert not page.get_by_role("button", name="Compare").is_visible()
    page.get_by_label("Compare worse").check()
    assert page.locator("#chosen").inner_text() == "worse is chosen; choose a second run to compare"
    assert page.get_by_role("button", name="Compare").is_disabled()
    page.get_by_label("Compare small").check()
    page.get_by_label("Compare 50% off #1?").check()
    assert page.locator("#chosen").inner_text() == "small and 50% off #1? are chosen", "the one chosen first gives way"
    assert not page.get_by_label("Compare worse").is_checked()
    page.get_by_role("button", name="Compare").press("Enter")
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    rows = [row.split("\t") for row in dialog.get_by_role("row").all_inner_texts()]
    assert ["docs", "nDCG@10", "0.532 → 0.541", "0.532 → 0.632", "+0.091", "yes"] in rows
    assert ["training.learning_rate", "1e-05", "5e-05"] in rows and not any(row[0] == "training.epochs" for row in rows)
    assert ["training", "2 h 0 min", "1 min 30 s"] in rows
    assert "have no interval here" in text and f"embed-tune diff {pages / 'runs/small'} '{pages / 'runs/50% off #1?'}'" in text
    points = drawn(page, "s1", "dialog")
    assert len(points) == 4 and points[3] == "B: 50% off #1?, step 60: 0.430" and len(drawn(page, "s0", "dialog")) == 4
    assert dialog.get_by_role("img").count() == 1, "one drawing is for this width"
    page.keyboard.press("Escape")
    assert not dialog.is_visible() and page.evaluate("document.activeElement.id") == "compare"
    assert visit.complaints == []


def test_runs_that_cannot_be_compared_say_so(visit: Visit, pages: Path) -> None:
    page = visit(pages / "runs/index.html")
    open_comparison(page, "small", "run 10")
    text = page.get_by_role("dialog").inner_text()
    assert "They share no data set" in text and "Only in A: docs." in text and "Only in B: other." in text
    page.keyboard.press("Escape")
    assert page.get_by_label("Compare drafts").count() == 0, "there is nothing to compare"


def test_many_runs_show_the_first_hundred_of_all(visit: Visit, tmp_path: Path) -> None:
    for i in range(130):
        write_run(tmp_path, f"run {i}", delta=0.001 * ((i * 37) % 130))
    page = visit(write_index(tmp_path)[0])
    assert len(order(page)) == 100
    page.get_by_role("button", name="Change", exact=True).click()
    best = order(page)
    # the sorting is over all, not over those that are shown
    assert best == [f"run {i}" for i in sorted(range(130), key=lambda i: -((i * 37) % 130))][:100]
    page.get_by_role("button", name="Show all 130").click()
    assert len(order(page)) == 130
