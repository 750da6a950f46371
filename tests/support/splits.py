"""Tables of rows to split, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datasets import Dataset

from data.schema import RowKind
from data.spec import SplitSpec
from data.splits.split import SplitPlan, make_splits

SPEC = SplitSpec()
UNIQUE = [(f"question {i}", f"answer {i}") for i in range(100)]


def pairs(rows: list[tuple[str, ...]], groups: list[str] | None = None) -> Dataset:
    columns: dict[str, list[object]] = {
        "row": [str(i) for i in range(len(rows))],
        "group": groups or [""] * len(rows),
        "query_id": ["q"] * len(rows),
        "document_id": ["d"] * len(rows),
        "grade": [1.0] * len(rows),
        "anchor": [row[0] for row in rows],
        "positive": [row[1] for row in rows],
    }
    if rows and len(rows[0]) > 2:
        columns["negative_1"] = [row[2] for row in rows]
    return Dataset.from_dict(columns)


def scored(rows: list[tuple[str, str]], groups: list[str] | None = None, scores: Sequence[float] = (0.5,)) -> Dataset:
    return Dataset.from_dict(
        {
            "row": [str(i) for i in range(len(rows))],
            "group": groups or [""] * len(rows),
            "sentence1": [a for a, _ in rows],
            "sentence2": [b for _, b in rows],
            "score": [float(scores[i % len(scores)]) for i in range(len(rows))],
        }
    )


def planned(
    tables: Mapping[str, Dataset],
    kind: RowKind = RowKind.PAIR,
    has_corpus: bool = False,
    spec: SplitSpec = SPEC,
    max_rows: int | None = None,
) -> SplitPlan:
    return make_splits(tables, kind, has_corpus, spec, max_rows)


def taken(plan: SplitPlan, tables: Mapping[str, Dataset]) -> dict[str, list[int]]:
    """Row numbers of each split in its own table."""
    return {
        name: (list(range(len(tables[base]))) if rows is None else rows.tolist()) for name, (base, rows) in plan.parts.items()
    }
