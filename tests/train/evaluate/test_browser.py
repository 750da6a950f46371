"""The pages in a real browser: what is drawn, searched, sorted and compared, who can use them, and what cannot break out.

Needs Chromium (Debian: `apt-get install chromium`). Without one the tests are skipped; where EMBED_TUNE_REQUIRE_BROWSER=1 they
fail.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pages import HOSTILE, curve, page_arguments, result, write_run
from train.evaluate.index import write_index
from train.evaluate.page import render

REQUIRED = os.environ.get("EMBED_TUNE_REQUIRE_BROWSER") == "1"
if not REQUIRED:
    pytest.importorskip("axe_playwright_python", reason="Playwright is not installed: pip install -e '.[dev]'")
axe = importlib.import_module("axe_playwright_python.sync_playwright")
playwright = importlib.import_module("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = {"phone": 390, "desk": 1200}
Page = Any  # playwright.sync_api.Page, which is only there where the library is


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """Opens pages and keeps what a page should never do: say something on the console, ask for anything, raise a dialog."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.contexts: list[Any] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.failures: list[tuple[str, str]] = []

    def __call__(self, path: Path, width: int = 1200, **options: Any) -> Page:
        context = self.browser.new_context(viewport={"width": width, "height": 800}, **options)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("requestfailed", lambda request: self.failures.append((request.url, request.failure)))
        context.on("page", lambda other: self.complaints.append("opened a window") if other is not page else None)
        page.goto(path.as_uri())
        return page


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    found = Visit(browser)
    yield found
    for context in found.contexts:
        context.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`report.html` of a run on two data sets, `long.html` of a long one, and `runs/index.html`."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "report.html").write_text(render(*page_arguments()), encoding="utf-8")
    names = [f"{i}: " + "a name of eighty characters " * 2 + "x" * 21 for i in range(12)]
    report, _, examples, extras = page_arguments()
    report |= {
        "run": "r" * 80,
        "datasets": [result(name, 0.01 * (i - 4)) for i, name in enumerate(names)],
        "base_model": "m" * 80,
    }
    for number, example in enumerate(examples):
        example["dataset"] = names[number]
    (folder / "long.html").write_text(render(report, curve(names, 200), examples, extras), encoding="utf-8")
    runs = folder / "runs"
    # changes 0.009, 0.1, -0.02 and 0.05: as words +0.100 would come before +0.009
    page = "<!DOCTYPE html><title>the page of {}</title>"
    for name, delta, seconds, rate in (
        ("small", 0.009, 7200.0, 1e-5),
        ("50% off #1?", 0.1, 90.0, 5e-5),
        ("worse", -0.02, 600.0, 1e-5),
    ):
        write_run(runs, name, delta=delta, seconds=seconds, rate=rate, page=page.format(name))
    write_run(
        runs,
        "run 10",
        delta=0.05,
        model="e5",
        dataset="other",
        page=page.format("run 10"),
        seconds=100.0,
        finished_at="2027-01-01T00:00:00Z",
    )
    write_run(runs, "run 9", finished=False)
    (write_run(runs, "broken") / "report.json").write_text("{")
    (runs / "drafts").mkdir()
    write_index(runs)
    return folder


PAGES = ("report.html", "long.html", "runs/index.html")


@pytest.mark.parametrize(("name", "scheme"), zip(PAGES, ("light", "dark", "light"), strict=True))
def test_pages_ask_for_nothing_and_complain_about_nothing(visit: Visit, pages: Path, name: str, scheme: str) -> None:
    page = visit(pages / name, color_scheme=scheme)
    page.wait_for_timeout(50)
    assert visit.requests == [(pages / name).as_uri()] and visit.complaints == []


def test_the_policy_is_in_force(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.broken = 1";
        const image = document.createElement("img");
        image.src = "http://127.0.0.1:9/x.png";
        document.body.append(script, image);
        document.body.insertAdjacentHTML("beforeend", "<i onclick='window.broken = 1'>x</i>");
        document.querySelector("i").click();
    }""")
    page.wait_for_timeout(50)
    assert page.evaluate("window.broken") is None and len(visit.complaints) == 3
    assert all("Content Security Policy" in complaint for complaint in visit.complaints)
    assert visit.failures == [("http://127.0.0.1:9/x.png", "csp")]


def test_the_verdict_is_read_first(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html")
    words = page.evaluate("document.body.innerText").split("\n")
    assert words[0].startswith("first-run") and "better" in " ".join(words[:3])
    said = page.locator("body").aria_snapshot().split("\n")
    assert 'heading "first-run better" [level=1]' in said[1]
    assert "The tuned model is better than the base on 1 of 2 data sets" in said[2]


def chart(page: Page, expression: str, canvas: str = "canvas") -> Any:
    """The value of an expression of `chart`, the drawing on the page."""
    return page.evaluate(
        f"(() => {{ const chart = Chart.getChart(document.querySelector('{canvas}')); return {expression}; }})()"
    )


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
    (tmp_path / "p.html").write_text(render(report, log, many, extras), encoding="utf-8")
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


OPEN_ALL = "for (const element of document.querySelectorAll('details')) element.open = true"


def open_comparison(page: Page, first: str = "small", second: str = "50% off #1?") -> None:
    page.get_by_label(f"Compare {first}").check()
    page.get_by_label(f"Compare {second}").check()
    page.get_by_role("button", name="Compare").click()


@pytest.mark.parametrize("width", [320, *WIDTHS.values()])
@pytest.mark.parametrize("name", PAGES)
def test_pages_never_scroll_sideways(visit: Visit, pages: Path, name: str, width: int) -> None:
    page = visit(pages / name, width=width)
    fits = "document.scrollingElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(fits)
    if name.startswith("runs"):
        open_comparison(page)
        assert page.evaluate("(() => { const d = document.querySelector('dialog'); return d.scrollWidth <= d.clientWidth; })()")
        assert page.evaluate(fits)


FOCUSABLE = """[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter((element) =>
    !element.disabled && element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })
    && !(element.type === "radio" && !element.checked))"""


@pytest.mark.parametrize("name", ["report.html", "runs/index.html"])
def test_the_keyboard_reaches_everything_in_order_and_focus_is_seen(visit: Visit, pages: Path, name: str) -> None:
    page = visit(pages / name)
    page.evaluate("window.wanted = " + FOCUSABLE)
    wanted = page.evaluate("wanted.length")
    assert wanted > 15
    for place in range(wanted):
        page.keyboard.press("Tab")
        found = page.evaluate("wanted.indexOf(document.activeElement)")
        both = f"[wanted[{place}], document.activeElement].map((element) => element.outerHTML.slice(0, 90))"
        assert found == place, page.evaluate(both)
        style = page.evaluate(
            "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
        )
        assert style[0] == "solid" and float(style[1].removesuffix("px")) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
@pytest.mark.parametrize("name", ["report.html", "runs/index.html", "comparison"])
def test_axe_finds_nothing_serious(visit: Visit, pages: Path, name: str, width: int, scheme: str) -> None:
    page = visit(pages / name.replace("comparison", "runs/index.html"), width=width, color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    if name == "comparison":
        open_comparison(page)
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 10, "the check ran"
    bad = [
        (v["id"], [node["target"] for node in v["nodes"]][:3])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert bad == []


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
    assert order(page)[0] == "run 10" and page.locator("th[aria-sort=descending]").inner_text() == "Finished"
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
    assert page.get_by_text("No run fits.").is_visible()


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
    assert chart(page, "chart.data.datasets.map((d) => d.data.length)", "dialog canvas") == [4, 4]
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


def test_those_who_want_no_motion_get_none(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert chart(page, "chart.options.animation") is False


def _folder_name(text: str) -> str:
    return text.replace("/", "∕").replace("\0", "").encode("utf-8", "replace").decode()[:80]


SHORT = [text for text in HOSTILE if len(text) < 1000]


# each text alone is put to a parser in test_page.py and test_index.py; here they stand together, so that none hides another
@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [" ".join(SHORT), " ".join(SHORT[::-1]), *set(HOSTILE).difference(SHORT)], ids=["all", "back", "long"]
)
def test_no_text_runs_or_breaks_out(visit: Visit, pages: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "page.html").write_text(render(*page_arguments(text)), encoding="utf-8")
    page = visit(tmp_path / "page.html", width=WIDTHS["phone"])
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    names = "'script', 'img', 'style', 'section', 'table', 'canvas', 'details', 'h2'"
    tags = f"[{names}].map((name) => document.querySelectorAll(name).length)"
    assert page.evaluate(tags) == visit(pages / "report.html").evaluate(tags)
    assert page.locator(".pair p").first.text_content() == text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    page.get_by_label("Search in queries and documents").fill("window.broken")

    runs = tmp_path / "runs"
    name = text.replace("/", "∕").replace("\0", "").encode("utf-8", "replace").decode()[:80]
    for folder, rate in ((name, 1e-5), (f"b{name[:60]}", 2e-5)):
        report = {"labels": {"base": text, "tuned": text}, "base_model": text}
        write_run(runs, folder, dataset=text, rate=rate, model=text.replace("\ud800", "?"), report=report)
    index = visit(write_index(runs)[0], width=WIDTHS["phone"])
    for box in index.locator("#runs input").all():
        box.check()
    index.get_by_role("button", name="Compare").click()
    for one in (page, index):
        one.evaluate("for (const e of document.querySelectorAll('*')) e.dispatchEvent(new MouseEvent('mouseover'))")
        handlers = (
            "[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => a.name.startsWith('on')).length"
        )
        assert one.evaluate("window.broken") is None and one.evaluate(handlers) == 0
        assert one.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert visit.complaints == [] and len(visit.requests) == 3 and visit.failures == []
