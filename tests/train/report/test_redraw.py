"""The picture on a run's page gets the threshold that was chosen after the run, and nothing else of the page changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.pages import page_arguments, rendered, write_run
from train.report.page import Extras, render
from train.report.redraw import of_values, redraw_similarities
from train.runs.finished import CLOSEST, read_finished
from train.runs.records import RunReport

COUNT = 8


def finished(folder: Path, **closest: Any) -> Path:
    """A run on queries, whose base finds every right document second, with `per_query.parquet`."""
    report, *_ = page_arguments()
    run = write_run(folder, "first", report={"datasets": report["datasets"]})
    rows = {"dataset": ["docs"] * COUNT, "item": [str(i) for i in range(COUNT)], "metric": ["ndcg@10"] * COUNT}
    values = {"base": [0.6] * COUNT, "tuned": [1.0] * COUNT, "gold": [None] * COUNT}
    pq.write_table(pa.table(rows | values | closest), run / "per_query.parquet")
    return run


NEAR = {
    "relevant_base": [0.5] * COUNT,
    "relevant_tuned": [0.8] * COUNT,
    "wrong_base": [0.6] * COUNT,
    "wrong_tuned": [*[0.3] * (COUNT - 1), None],
    "rank_base": [2] * COUNT,
    "rank_tuned": [1] * COUNT,
}


def test_the_threshold_is_drawn_into_the_page_and_nothing_else_changes(tmp_path: Path) -> None:
    assert set(NEAR) == set(CLOSEST)
    run = finished(tmp_path, **NEAR)
    found = of_values(read_finished(run).values("docs", "ndcg@10"))
    assert found.queries is not None and len(found.queries[0].rank) == COUNT - 1, "one has no wrong document"
    report = RunReport.model_validate(json.loads((run / "report.json").read_text(encoding="utf-8")))
    page = run / "report.html"
    page.write_text(render(report, [], [], Extras(similarities={"docs": found})), encoding="utf-8")
    before = page.read_text(encoding="utf-8")
    assert "threshold 0.61" not in before and redraw_similarities(run, "docs", 0.61)
    after = page.read_text(encoding="utf-8")
    assert after.count("threshold 0.61") == 2, "in the drawing for a desk and in that for a phone"
    begin, end = (before.index(mark) for mark in ('<figure class="picture" id="similarities-0">', "<h3>Rank of"))
    assert after.startswith(before[:begin]) and after.endswith(before[end:])
    assert redraw_similarities(run, "docs", 0.7) and "threshold 0.61" not in page.read_text(encoding="utf-8")
    assert not redraw_similarities(run, "unknown", 0.7)


def test_pages_and_files_of_older_versions_stay_as_they_are(tmp_path: Path) -> None:
    run = finished(tmp_path)
    html = rendered(*page_arguments())
    (run / "report.html").write_text(html, encoding="utf-8")
    assert not redraw_similarities(run, "docs", 0.61)
    assert (run / "report.html").read_text(encoding="utf-8") == html
