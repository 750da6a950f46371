"""Pictures of pages, as a phone and a desk show them, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

WIDTHS = (390, 1200)
SCHEMES = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser for the block."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def take(
    browser: Browser,
    page: Path,
    picture: Path,
    *,
    width: int,
    scheme: str,
    whole: bool = True,
    height: int = 800,
    open_all: bool = False,
) -> list[str]:
    """Take a picture of a page. Returns what the page asked for besides itself, and what it complained about: nothing.

    Args:
        browser: see `chromium`.
        page: the file.
        picture: file to write, .png.
        width, height: of the window, in CSS pixels.
        scheme: "light" or "dark".
        whole: the whole page, not only what the window shows.
        open_all: open what is folded.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    wrong: list[str] = []
    opened = context.new_page()
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    context.on("request", lambda request: wrong.append(request.url) if request.url != page.as_uri() else None)
    opened.goto(page.as_uri())
    if open_all:
        opened.evaluate("for (const element of document.querySelectorAll('details')) element.open = true")
    opened.wait_for_timeout(100)
    picture.parent.mkdir(parents=True, exist_ok=True)
    opened.screenshot(path=str(picture), full_page=whole)
    context.close()
    return wrong
