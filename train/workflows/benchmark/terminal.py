"""The scores of several models on several tasks, for a terminal; plain text when piped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

METRICS = {"ndcg_at_10": "nDCG@10", "cosine_spearman": "Spearman", "accuracy": "accuracy", "v_measure": "V-measure", "map": "MAP"}
"""mteb's names of main scores, as people write them."""
KEPT = "*"
NONE = "–"


def scores_table(report: Mapping[str, Any], console: Console | None = None) -> str:
    """Lay out one row a task, one column a model, the best of each row marked; then the mean where every model has every score.

    Args:
        report: the content of benchmark.json.
        console: decides width and colour; by default those of standard output.
    """
    console = console or Console(force_jupyter=False)
    models = list(report["models"])
    cells = {(one["model"], one["task"]): one for one in report["scores"]}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("task", overflow="fold")
    table.add_column("score")
    for model in models:
        table.add_column(Text(model), justify="right", overflow="fold")
    for task, facts in report["tasks"].items():
        row = [cells.get((model, task)) for model in models]
        table.add_row(Text(task), METRICS.get(facts["metric"], facts["metric"]), *_row(row))
    scores = [[cells.get((model, task), {}).get("value") for task in report["tasks"]] for model in models]
    if len(report["tasks"]) > 1 and all(None not in row for row in scores):
        table.add_section()
        table.add_row("mean", "", *(f"{sum(row) / len(row):.4f}" for row in scores))
    with console.capture() as capture:
        console.print(table)
        if any(one["cached"] for one in report["scores"]):
            console.print(Text(f"{KEPT} from mteb's cache, not computed now"))
        if any(one["value"] is None for one in report["scores"]):
            console.print(Text(f"{NONE} no score; the lines above say why"))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _row(cells: list[Mapping[str, Any] | None]) -> list[Text]:
    values = [None if cell is None else cell["value"] for cell in cells]
    best = max((round(value, 4) for value in values if value is not None), default=None)
    out = []
    for cell, value in zip(cells, values, strict=True):
        if cell is None or value is None:
            out.append(Text(NONE))
            continue
        leads = len(cells) > 1 and round(value, 4) == best
        out.append(Text(f"{value:.4f}{KEPT if cell['cached'] else ''}", style="bold green" if leads else ""))
    return out
