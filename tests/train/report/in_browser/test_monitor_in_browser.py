"""The page about a window of new texts: everybody can read it, nothing is loaded, and no text breaks out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.browsing import WIDTHS, Visit, serious_violations
from train.report.monitor_page import NewText, Past, headline, render
from train.watch.alarm import judge_window
from train.watch.checks import CanaryResult, IndexFacts
from train.watch.sample import Sample

pytestmark = pytest.mark.slow
HOSTILE = "<script>window.broken = 1</script> " + "w" * 200


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about a window that is an alarm for every reason, the last of twelve."""
    rng = np.random.default_rng(0)
    known = Sample.of(rng.normal(size=(200, 8)), rng.integers(3, 20, 200))
    new = Sample.of(rng.normal(size=(100, 8)) + 1, rng.integers(3, 40, 100))
    canaries, index = CanaryResult(50, (HOSTILE,) * 9), IndexFacts("one", "another", "vectors.parquet")
    verdict = judge_window(known, new, canaries, index, permutations=99)
    found = {
        **verdict.to_dict(),
        "run": "first",
        "dataset": "pairs",
        "model": "m" * 90,
        "headline": headline(HOSTILE, verdict),
        "window": {"name": HOSTILE, "rows": 120, "different": 100, "texts": 100},
        "new": [NewText("1", HOSTILE, HOSTILE, 0.2, (HOSTILE, "b"), 3).to_dict()],
        "next": [{"command": "embed-tune monitor first today.jsonl --label 30", "for": "write a sheet"}],
        "finished_at": "2026-12-01T03:00:00+00:00",
    }
    levels = ("quiet", "look", "alarm")
    past = [Past(f"w{day}", f"2026-11-{day + 1:02}T03:00:00+00:00", levels[day % 3], day / 20) for day in range(12)]
    file = tmp_path_factory.mktemp("monitor_page") / "page.html"
    file.write_text(render(found, verdict, past, [HOSTILE]), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, *WIDTHS.values()])
def test_everybody_can_read_it_and_nothing_breaks_out(visit: Visit, path: Path, width: int, scheme: str) -> None:
    page = visit(path, width=width, color_scheme=scheme)
    assert serious_violations(page) == [] and page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert visit.requests == [path.as_uri()] and visit.complaints == [] and page.evaluate("window.broken") is None

    edges = page.evaluate(
        "[...document.querySelectorAll('.checks td, .checks th[scope=row]')].map(e => e.getBoundingClientRect())"
    )
    assert width > 390 or all(edge["right"] <= width for edge in edges), "nothing of a check is beside the screen"


def test_it_says_everything_without_javascript(visit: Visit, path: Path) -> None:
    page = visit(path, java_script_enabled=False)
    text = page.locator("main").inner_text()
    assert "Alarm:" in text and "Model of the index" in text and "Windows so far" in text and "--label 30" in text
    assert page.locator("#windows svg.broad").is_visible()
