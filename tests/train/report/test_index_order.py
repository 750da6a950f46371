"""The page over all runs begins with the runs that dev prefers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import write_run
from tests.train.report.test_index import data_of
from train.report.index import write_index


def test_the_best_on_dev_come_first_whatever_they_have_on_test(tmp_path: Path) -> None:
    for name, share, dev, delta, when in (
        ("lucky", 1.0, 0.43, 0.2, "2027-01-01T00:00:00Z"),
        ("best", 0.5, 0.46, 0.05, "2026-01-01T00:00:00Z"),
        ("base", 0.0, 0.44, 0.0, "2026-02-01T00:00:00Z"),
        ("older", 1.0, None, 0.01, "2025-02-01T00:00:00Z"),
    ):
        report = {"best_step": 20, "selection": {"step": 20, "share": share, "dev": dev}}
        write_run(tmp_path, name, delta=delta, finished_at=when, report=report)
    held = {"best_step": 20, "selection": {"step": 20, "dev": 0.47, "withheld": True}}
    write_run(tmp_path, "held", delta=0.3, finished_at="2025-01-01T00:00:00Z", report=held)
    write_run(tmp_path, "unfinished", finished=False)
    page, runs = write_index(tmp_path)
    assert [run.name for run in runs] == ["lucky", "base", "best", "older", "held", "unfinished"], "what Python gets is by time"
    shown = data_of(page)
    assert [run["name"] for run in shown] == ["best", "lucky", "older", "base", "held", "unfinished"]
    expected = [pytest.approx(0.06), pytest.approx(0.03), pytest.approx(0.01), 0.0, 0.0, None]
    assert [run["keys"]["dev"] for run in shown] == expected
    html = page.read_text(encoding="utf-8")
    assert 'aria-sort="descending" class="n" data-key="dev"' in html
    assert html.count("ships the base") == 2
    assert "choose by dev" in html and html.index(">best<") < html.index(">lucky<") and "+0.060" in html
