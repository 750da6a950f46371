"""Opening our pages in a real browser, for the tests in `tests/train/report/in_browser`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

WIDTHS = {"phone": 390, "desk": 1200}
PAGES = ("report.html", "long.html", "runs/index.html")
OPEN_ALL = "for (const element of document.querySelectorAll('details')) element.open = true"
Page = Any  # playwright.sync_api.Page, which is only there where the library is


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


def serious_violations(page: Page) -> list[tuple[str, list[Any]]]:
    """Return what axe finds of serious or critical impact on a page, everything in it open: the rule and the first places."""
    page.evaluate(OPEN_ALL)
    axe = importlib.import_module("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 10, "the check ran"
    return [
        (v["id"], [node["target"] for node in v["nodes"]][:3])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def drawn(page: Page, css: str, root: str = "#curve-picture") -> list[str]:
    """Return what a pointer on each of the points with these classes says, in the drawing that is shown at the page's width."""
    found = f"[...document.querySelector('{root}').querySelectorAll('.plot .dot.{css} title')]"
    return page.evaluate(f"{found}.filter((one) => one.closest('svg').checkVisibility()).map((one) => one.textContent)")


def open_comparison(page: Page, first: str = "small", second: str = "50% off #1?") -> None:
    page.get_by_label(f"Compare {first}").check()
    page.get_by_label(f"Compare {second}").check()
    page.get_by_role("button", name="Compare").click()
