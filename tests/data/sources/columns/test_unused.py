"""What is said of columns that are not used."""

from __future__ import annotations

import json
from pathlib import Path

from data.sources import open_source
from data.spec import DatasetSpec


def said(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return next(line for line in open_source(DatasetSpec(source=str(path))).recognised.lines() if line.startswith("not used"))


def test_their_first_values_are_shown_shortened(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "query": f"q {i}",
            "document": f"d {i}",
            "kind_of": ("new", "used")[i % 2],
            "idx": i,
            "why": "because\nit  was said so at length",
            "empty": None,
            "steps": ["a", "b"],
        }
        for i in range(9)
    ]
    line = said(tmp_path / "a.jsonl", rows)
    assert line == "not used: kind_of (new, used), idx (0, 1, …), why (because it was…), empty (blank), steps (['a', 'b'])"


def test_of_a_wide_table_the_first_columns_alone_are_shown_with_values(tmp_path: Path) -> None:
    line = said(tmp_path / "a.jsonl", [{"query": "q", "document": "d"} | {f"extra{i}": 1 for i in range(20)}])
    assert line.startswith("not used: extra0 (1), ") and line.endswith(
        ", extra11 (1), extra12, extra13, extra14, " + ", ".join(f"extra{i}" for i in range(15, 20))
    )
