"""One Chromium and the pages that it is shown.

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

from tests.support.browsing import Visit
from tests.support.pages import curve, page_arguments, rendered, result, write_run
from train.report.index import write_index

REQUIRED = os.environ.get("EMBED_TUNE_REQUIRE_BROWSER") == "1"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    if not REQUIRED:
        pytest.importorskip("playwright", reason="Playwright is not installed: pip install -e '.[dev]'")
    playwright = importlib.import_module("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    found = Visit(browser)
    yield found
    for context in found.contexts:
        context.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`report.html` of a run on two data sets, `long.html` of a long one, and `runs/index.html`."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "report.html").write_text(rendered(*page_arguments()), encoding="utf-8")
    names = [f"{i}: " + "a name of eighty characters " * 2 + "x" * 21 for i in range(12)]
    report, _, examples, extras = page_arguments()
    report |= {
        "run": "r" * 80,
        "datasets": [result(name, 0.01 * (i - 4)) for i, name in enumerate(names)],
        "base_model": "m" * 80,
    }
    for number, example in enumerate(examples):
        example["dataset"] = names[number]
    (folder / "long.html").write_text(rendered(report, curve(names, 200), examples, extras), encoding="utf-8")
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
