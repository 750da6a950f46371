"""What is drawn, searched and filtered on the page of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browsing import WIDTHS, Page, Visit, drawn
from tests.support.pages import page_arguments, rendered


def test_the_verdict_is_read_first(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    words = page.evaluate("document.body.innerText").split("\n")
    assert words[0] == "first-run" and "Better on 1 of 2 data sets: nDCG@10 0.532 → 0.621 on docs" in " ".join(words[:4])
    said = page.locator("body").aria_snapshot()
    title = 'heading "Better on 1 of 2 data sets: nDCG@10 0.532 → 0.621 on docs (1,225 queries of test)" [level=1]'
    assert said.index(title) < said.index("The change is +0.089, 95% interval +0.075 to +0.103.") < said.index("table")


@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_learning_curve_draws_the_figures_of_the_table(visit: Visit, pages: Path, width: int) -> None:
    page = visit(pages / "report.html", width=width)
    picture = page.locator("#curve-picture")
    assert drawn(page, "mean")[3] == "mean of 2 data sets, step 60: 0.495 (+0.045 against the base)"
    assert [len(drawn(page, css)) for css in ("mean", "s0", "s1")] == [4, 4, 4]
    # several data sets are shown as changes, so that all begin at the base's line
    heights = "[...document.querySelectorAll('#curve-picture .plot .dot')].filter((one) => one.checkVisibility())"
    tops = page.evaluate(f"{heights}.map((one) => one.getBoundingClientRect()).map((box) => (box.top + box.bottom) / 2)")
    zero = page.locator("#curve-picture .plot:visible .zero").bounding_box()["y"]
    assert sum(abs(top - zero) < 2 for top in tops) == 3 and min(tops) < zero - 50
    words = picture.inner_text()
    assert "dev score, change against the base" in words and "training step" in words and "mean of 2 data sets" in words
    rows = page.locator("table.curve tbody tr").all_inner_texts()
    assert rows[3].split("\t")[:3] == ["60", "0.495", "+0.045"]


@pytest.mark.parametrize("width", [320, *WIDTHS.values()])
def test_type_in_pictures_is_legible_at_every_width(visit: Visit, pages: Path, width: int) -> None:
    page = visit(pages / "report.html", width=width)
    shown = "[...document.querySelectorAll('.plot')].filter((one) => one.checkVisibility())"
    sizes = page.evaluate(f"{shown}.map((one) => 12 * one.getBoundingClientRect().width / one.viewBox.baseVal.width)")
    assert sizes and min(sizes) > 9 and max(sizes) < 17


LINE = "getComputedStyle(document.querySelector('#curve-picture .plot .line')).stroke"


def test_pictures_and_page_follow_a_change_of_theme(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", color_scheme="light")
    seen = f"[{LINE.replace('.line', '.s0')}, getComputedStyle(document.body).backgroundColor]"
    light, dark = ["rgb(10, 87, 184)", "rgb(255, 255, 255)"], ["rgb(108, 176, 255)", "rgb(15, 19, 24)"]
    assert page.evaluate(seen) == light
    for scheme, colours in (("dark", dark), ("light", light)):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(seen) == colours


def test_on_paper_the_page_is_light_and_open(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", color_scheme="dark")
    closed = page.locator("details:not([open])").count()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert closed > 0 and page.locator("details:not([open])").count() == 0
    assert page.evaluate(LINE.replace(".line", ".s0")) == "rgb(10, 87, 184)"
    assert not page.locator("#search").is_visible() and page.get_by_text("Scale a deployment").first.is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator("details:not([open])").count() == closed
    assert page.evaluate(LINE.replace(".line", ".s0")) == "rgb(108, 176, 255)"


def shown(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".case:visible > summary .what").all_inner_texts()]


def test_search_finds_and_counts_as_one_types(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    box, status = page.get_by_label("Search in queries and documents"), page.get_by_role("status")
    assert status.inner_text() == "4 in all" and len(shown(page)) == 4
    box.press_sequentially("pod")
    assert status.inner_text() == "2 of 4 found"
    assert shown(page) == ["how to restart a pod", "roll back a release"]
    # what is found only inside is opened, and closed again afterwards
    assert page.locator(".case[open] > summary .what").all_inner_texts() == ["roll back a release"]
    assert page.evaluate("CSS.highlights.get('found').size") == 7  # one query, and two documents in three places each
    box.press_sequentially(" RESTART")
    assert shown(page) == ["how to restart a pod"] and page.locator(".case[open]").count() == 0
    box.fill("delete controller")  # without the accent, words apart
    assert shown(page) == ["how to restart a pod"]
    box.fill("nowhere to be found")
    assert status.inner_text() == "Nothing found, of 4" and shown(page) == []
    page.get_by_role("button", name="Clear filters").press("Enter")
    assert status.inner_text() == "4 in all" and box.input_value() == "" and page.locator(".case[open]").count() == 0
    assert page.evaluate("document.activeElement.id") == "search"


def test_filters_work_together(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    status = page.get_by_role("status")
    page.get_by_label("lost", exact=True).check()
    assert status.inner_text() == "2 of 4 found" and shown(page) == ["roll back a release", "k8s deploy"]
    page.get_by_label("Data set", exact=True).select_option("docs")
    assert status.inner_text() == "1 of 4 found" and shown(page) == ["roll back a release"]
    page.get_by_label("gained", exact=True).check()
    assert shown(page) == ["how to restart a pod", "list all nodes"]
    page.get_by_label("Search in queries and documents").fill("nodes")
    assert status.inner_text() == "1 of 4 found" and shown(page) == ["list all nodes"]


def test_long_lists_show_a_few_until_asked(visit: Visit, tmp_path: Path) -> None:
    report, log, examples, extras = page_arguments()
    many = [examples[0] | {"query": f"question {i}"} for i in range(25)]
    (tmp_path / "p.html").write_text(rendered(report, log, many, extras), encoding="utf-8")
    page = visit(tmp_path / "p.html")
    assert len(shown(page)) == 5 and page.get_by_role("status").inner_text() == "25 in all"
    page.get_by_label("Search in queries and documents").fill("question 1")
    assert len(shown(page)) == 12, "what is found is never held back"
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("button", name="Show all 25").press("Enter")
    assert len(shown(page)) == 25
    assert page.evaluate("document.activeElement.textContent").strip().endswith("question 5")


def test_without_javascript_every_figure_is_there(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", java_script_enabled=False)
    text = page.locator("body").inner_text()
    for part in ("+0.075 to +0.103", "best: judged on test", "MRR@10", "400 of 1,225 queries", "0.100 → 0.900"):
        assert part in text
    assert not page.locator("#search").is_visible() and len(shown(page)) == 4
    page.locator(".case > summary").first.click()
    assert page.get_by_text("Scale a deployment").first.is_visible()
    long = visit(pages / "long.html", java_script_enabled=False)
    assert long.locator("table.curve tbody tr:visible").count() == 201
    index = visit(pages / "runs/index.html", java_script_enabled=False)
    assert index.locator("#runs tbody tr:visible").count() == 7 and not index.locator("#filters").is_visible()


def test_long_tables_wait_behind_their_heading(visit: Visit, pages: Path) -> None:
    page = visit(pages / "long.html")
    rows = page.locator("table.curve tbody tr:visible")
    assert rows.count() == 0
    page.get_by_text("Figures of every checkpoint").click()
    assert rows.count() == 201 and rows.nth(200).inner_text().split("\t")[0] == "4,000"
