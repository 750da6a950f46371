"""What holds for every page: nothing is loaded, everybody can use it, and no text breaks out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browsing import OPEN_ALL, PAGES, WIDTHS, Visit, open_comparison, serious_violations
from tests.support.pages import HOSTILE, page_arguments, rendered, write_run
from train.report.index import write_index


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
    assert serious_violations(page) == []


def test_those_who_want_no_motion_get_none(visit: Visit, pages: Path) -> None:
    page = visit(pages / "report.html", reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert page.evaluate("document.getAnimations().length") == 0


SHORT = [text for text in HOSTILE if len(text) < 1000]


# each text alone is put to a parser in test_page.py and test_index.py; here they stand together, so that none hides another
@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [" ".join(SHORT), " ".join(SHORT[::-1]), *set(HOSTILE).difference(SHORT)], ids=["all", "back", "long"]
)
def test_no_text_runs_or_breaks_out(visit: Visit, pages: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "page.html").write_text(rendered(*page_arguments(text)), encoding="utf-8")
    page = visit(tmp_path / "page.html", width=WIDTHS["phone"])
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    names = "'script', 'img', 'style', 'section', 'table', 'figure', 'details', 'h2'"
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
