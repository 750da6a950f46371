"""The page of a comparison in a real browser: it fits, it sorts, it points out, everybody can use it, and no text breaks out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browsing import OPEN_ALL, WIDTHS, Visit, serious_violations
from tests.support.made_up_comparison import report_of, seven
from tests.support.pages import HOSTILE
from train.config.compare import CompareSettings
from train.workflows.compare.page import render
from train.workflows.compare.recommendation import advise


def write(path: Path, text: str | None = None, **limits: object) -> Path:
    _, comparison = seven(text)
    config = CompareSettings.model_validate({"data": "x", "limits": limits})
    advice = advise(comparison, config.limits, config.measure.documents)
    path.write_text(
        render(comparison, advice, config, report_of(comparison), {text or "faq": [text or "a note"]}), encoding="utf-8"
    )
    return path


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("chosen") / "compare.html", max_latency_ms=50, max_price=0.05)


FITS = "document.scrollingElement.scrollWidth <= innerWidth"
ROWS = "[...document.querySelectorAll('#ranking tbody tr')].map((row) => row.dataset.letter).join('')"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_complains_about_nothing(visit: Visit, chosen: Path, scheme: str) -> None:
    page = visit(chosen, color_scheme=scheme)
    page.wait_for_timeout(50)
    assert visit.requests == [chosen.as_uri()] and visit.complaints == []


@pytest.mark.parametrize("width", [320, *WIDTHS.values()])
def test_it_never_scrolls_sideways(visit: Visit, chosen: Path, width: int) -> None:
    page = visit(chosen, width=width)
    assert page.evaluate(FITS)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(FITS)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_answer_is_on_the_first_screen(visit: Visit, chosen: Path, width: int) -> None:
    page = visit(chosen, width=width)
    title, lead, tile = (page.locator(name).first.bounding_box() for name in ("h1", ".lead", ".tiles"))
    assert title["y"] < lead["y"] < 400 and tile["y"] < 800
    assert page.locator("h1").inner_text().split() == ["Take", "checkpoints/tuned"]


def test_the_table_is_sorted_by_a_click_and_what_is_not_known_stays_at_the_end(visit: Visit, chosen: Path) -> None:
    page = visit(chosen)
    assert page.evaluate(ROWS) == "ABCDEFG"
    latency = page.get_by_role("button", name="p95")
    latency.click()
    assert page.evaluate(ROWS) == "FAGCDEB"
    assert page.locator("#ranking th[aria-sort]").get_attribute("aria-sort") == "ascending"
    latency.click()
    assert page.evaluate(ROWS) == "BEDCGAF"
    page.get_by_role("button", name="Memory").click()
    assert page.evaluate(ROWS)[:4] == "FAGB" and set(page.evaluate(ROWS)[4:]) == set("CDE")
    page.get_by_role("button", name="Quality").click()
    assert page.evaluate(ROWS) == "ABCDEFG"


def test_a_pointer_shows_a_model_everywhere(visit: Visit, chosen: Path) -> None:
    page = visit(chosen)
    page.locator(".keys li[data-letter=B]").hover()
    assert page.locator(".plot .model.pointed").count() == 4 and page.locator("#ranking tr.pointed").count() == 1
    page.locator("h1").hover()
    assert page.locator(".pointed").count() == 0


def test_names_and_marks_in_the_drawings_do_not_cover_each_other(visit: Visit, chosen: Path) -> None:
    page = visit(chosen)
    assert page.locator(".plot .name").count() >= 3
    for drawing in page.locator(".plot svg").all():
        frame = drawing.bounding_box()
        names = [name.bounding_box() for name in drawing.locator(".name").all()]
        discs = [disc.bounding_box() for disc in drawing.locator(".disc").all()]
        assert len(discs) >= 3
        for box in [*names, *discs]:
            assert frame["x"] - 1 <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
        for number, box in enumerate(names):
            for other in [*names[:number], *discs]:
                assert (
                    box["x"] + box["width"] <= other["x"]
                    or other["x"] + other["width"] <= box["x"]
                    or box["y"] + box["height"] <= other["y"] + 4
                    or other["y"] + other["height"] <= box["y"] + 4
                ), (box, other)


def test_everything_is_there_without_a_script(visit: Visit, chosen: Path) -> None:
    page = visit(chosen, java_script_enabled=False)
    assert page.locator("#ranking tbody tr").count() == 7 and page.locator(".plot .disc").count() > 12
    assert page.get_by_text("Every pair of models on faq").is_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_axe_finds_nothing_serious(visit: Visit, chosen: Path, width: int, scheme: str) -> None:
    page = visit(chosen, width=width, color_scheme=scheme)
    assert serious_violations(page) == []


SHORT = [text for text in HOSTILE if len(text) < 1000]


@pytest.mark.slow
@pytest.mark.parametrize("text", [" ".join(SHORT), *set(HOSTILE).difference(SHORT)], ids=["all", "long"])
def test_no_text_runs_or_breaks_out(visit: Visit, tmp_path: Path, text: str) -> None:
    page = visit(write(tmp_path / "page.html", text), width=WIDTHS["phone"])
    page.evaluate(OPEN_ALL)
    assert page.evaluate(FITS) and page.evaluate("window.broken") is None and visit.complaints == []
    assert page.evaluate("document.querySelectorAll('img, script:not([type]), style').length") == 2
