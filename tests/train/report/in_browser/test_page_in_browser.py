"""What is drawn, searched and filtered on the page of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browsing import Page, Visit, chart
from tests.support.pages import page_arguments, rendered


def test_the_verdict_is_read_first(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    words = page.evaluate("document.body.innerText").split("\n")
    assert words[0] == "first-run" and "Better on 1 of 2 data sets: nDCG@10 0.532 → 0.621 on docs" in " ".join(words[:4])
    said = page.locator("body").aria_snapshot()
    title = 'heading "Better on 1 of 2 data sets: nDCG@10 0.532 → 0.621 on docs (1,225 queries of test)" [level=1]'
    assert said.index(title) < said.index("The change is +0.089, 95% interval +0.075 to +0.103.") < said.index("table")


def test_the_learning_curve_draws_the_figures_of_the_table(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    lines = chart(page, "chart.data.datasets.filter((d) => d.main).map((d) => [d.label, d.data.map((p) => p.y)])")
    assert [name for name, _ in lines] == ["mean of 2 data sets", "docs", "pairs two"]
    # several data sets are shown as changes, so that all begin at the base's line
    assert [ys for _, ys in lines] == [
        pytest.approx([0, 0.015, 0.03, 0.045]),
        pytest.approx([0, 0.01, 0.02, 0.03]),
        pytest.approx([0, 0.02, 0.04, 0.06]),
    ]
    page.get_by_label("score", exact=True).check()
    assert chart(page, "chart.data.datasets.filter((d) => d.main)[1].data.map((p) => p.y)") == pytest.approx(
        [0.4, 0.41, 0.42, 0.43]
    )
    assert chart(page, "chart.data.datasets.filter((d) => !d.main)[1].data.map((p) => p.y)") == pytest.approx([0.4] * 4)
    page.get_by_label("docs", exact=True).uncheck()
    assert chart(page, "chart.data.datasets.filter((d) => !d.hidden).map((d) => d.label)") == [
        "mean of 2 data sets",
        "",
        "pairs two",
        "",
    ]
    inked = "[...chart.ctx.getImageData(0, 0, chart.width, chart.height).data].filter((v, i) => i % 4 === 3 && v > 0).length"
    assert chart(page, inked) > 1000
    rows = page.locator("table.curve tbody tr").all_inner_texts()
    assert rows[3].split("\t")[:3] == ["60", "0.495", "+0.045"]


def test_charts_and_page_follow_a_change_of_theme(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = f"[chart.data.datasets[0].borderColor, chart.options.scales.x.ticks.color, {ground}]"
    light, dark = ["#1f2328", "#57606a", "rgb(255, 255, 255)"], ["#e6edf3", "#9aa5b1", "rgb(15, 19, 24)"]
    assert chart(page, seen) == light
    for scheme, colours in (("dark", dark), ("light", light)):
        page.emulate_media(color_scheme=scheme)
        for _ in range(100):  # the browser tells the page with its next frame
            if chart(page, seen) == colours:
                break
            page.wait_for_timeout(20)
        assert chart(page, seen) == colours


def test_on_paper_the_page_is_light_and_open(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", color_scheme="dark")
    closed = page.locator("details:not([open])").count()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert closed > 0 and page.locator("details:not([open])").count() == 0
    assert chart(page, "chart.data.datasets[0].borderColor") == "#1f2328"
    assert not page.locator("#search").is_visible() and page.get_by_text("Scale a deployment").first.is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator("details:not([open])").count() == closed
    assert chart(page, "chart.data.datasets[0].borderColor") == "#e6edf3"


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
