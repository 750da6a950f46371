"""All pictures of a run in a real browser: their words neither meet nor leave the drawing, and they need no script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browsing import OPEN_ALL, WIDTHS, Visit, serious_violations
from tests.support.picture_page import page_with_pictures

MEETING = """() => [...document.querySelectorAll("svg.plot")].filter((plot) => plot.checkVisibility()).flatMap((plot) => {
  const frame = plot.getBoundingClientRect();
  const words = [...plot.querySelectorAll("text")].map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
    .filter(([text]) => text);
  const overlap = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const leaves = (box) => Math.min(box.left - frame.left, frame.right - box.right) < -1
    || Math.min(box.top - frame.top, frame.bottom - box.bottom) < -1;
  const meet = (a, b) => overlap(a, b, "left", "right") > 1 && overlap(a, b, "top", "bottom") > 4;
  const met = ([text, a], i) => words.slice(i + 1).filter(([, b]) => meet(a, b)).map(([other]) => `${text} x ${other}`);
  return [...words.filter(([, box]) => leaves(box)).map(([text]) => `${text} leaves the drawing`), ...words.flatMap(met)];
})"""


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "report.html"
    path.write_text(page_with_pictures(), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [320, *WIDTHS.values()])
def test_words_in_pictures_do_not_meet(visit: Visit, page_path: Path, width: int) -> None:
    page = visit(page_path, width=width)
    page.evaluate(OPEN_ALL)
    assert page.locator("figure.picture").count() == 8
    assert page.evaluate(MEETING) == []
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_pictures_need_no_script_and_each_has_one_drawing_and_one_sentence(visit: Visit, page_path: Path) -> None:
    for width in WIDTHS.values():
        page = visit(page_path, width=width, java_script_enabled=False)
        for picture in page.locator("figure.picture").all():
            assert picture.locator("svg.plot:visible").count() == 1 and picture.get_by_role("img").count() == 1
            assert picture.locator("figcaption").inner_text().endswith(".")
    assert visit.complaints == [] and len(visit.requests) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1200, "dark")])
def test_axe_finds_nothing_serious_in_pictures(visit: Visit, page_path: Path, width: int, scheme: str) -> None:
    assert serious_violations(visit(page_path, width=width, color_scheme=scheme)) == []
