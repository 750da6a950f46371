"""The verdict and the figures behind it, for a terminal of 80 columns or more; plain text when piped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from train.evaluate import wording
from train.evaluate.verdict import DatasetResult, run_verdict, verdict_lines

_STYLES = {"improved": "green", "regressed": "red", "mixed": "yellow", "no_evidence": "yellow"}


def story(
    results: Sequence[DatasetResult],
    curve: Sequence[Mapping[str, Any]] = (),
    cost: Mapping[str, float] | None = None,
    console: Console | None = None,
) -> str:
    """Verdict, results, secondary metrics, learning curve and cost, ready to print.

    Args:
        results: tuned against base, one a data set.
        curve: the lines of scores.jsonl.
        cost: `cost` of report.json.
        console: decides width and colour; by default those of standard output: 80 columns and no colour when it is piped.
    """
    console = console or Console()
    style = _STYLES[run_verdict(results)]
    with console.capture() as capture:
        first, *others = verdict_lines(results)
        console.print(Text(f"Verdict: {first}", style=f"bold {style}"))
        for line in others:
            console.print(Padding(Text(line), (0, 0, 0, 2)))
        for table in (_results(results), _secondary(results), _curve(curve)):
            if table is not None:
                console.print()
                console.print(table)
        spent = wording.cost_lines(cost or {})
        if spent:
            console.print()
            console.print(Text("Cost: " + "; ".join(f"{what} {much}" for what, much in spent) + "."))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _results(results: Sequence[DatasetResult]) -> Table | None:
    if not results:
        return None
    table = _table("Tuned against base on test")
    table.add_column("data set", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for heading in ("n", "base", "tuned", "change", "95% interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for result in results:
        table.add_row(
            Text(result.name),
            wording.metric_name(result.metric),
            f"{result.n:,}",
            wording.fraction(result.base),
            wording.fraction(result.tuned),
            wording.change(result.delta),
            wording.interval(result.ci95),
            wording.p_value(result.p_value),
            Text(wording.VERDICT_WORDS[result.verdict], style=_STYLES[result.verdict]),
        )
    return table


def _secondary(results: Sequence[DatasetResult]) -> Table | None:
    rows = [(r, name, pair) for r in results for name, pair in r.metrics.items() if name != r.metric]
    if not rows:
        return None
    table = _table("Other metrics on test")
    table.add_column("data set", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for heading in ("base", "tuned", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result, name, pair in rows:
        values = (wording.fraction(pair.base), wording.fraction(pair.tuned), wording.change(pair.tuned - pair.base))
        table.add_row(Text(result.name), wording.metric_name(name), *values)
    return table


def _curve(curve: Sequence[Mapping[str, Any]]) -> Table | None:
    scored = [line for line in curve if line.get("dev") is not None]
    if len(scored) < 2:
        return None
    base = next((line["dev"] for line in scored if line["step"] == 0), None)
    best = best_line(scored)
    table = _table("Learning curve on dev")
    for heading in ("step", "dev", "against the base"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line in scored:
        mark = "base" if line["step"] == 0 else "best: judged on test" if line is best else ""
        change = "" if base is None or line["step"] == 0 else wording.change(line["dev"] - base)
        table.add_row(f"{line['step']:,}", wording.fraction(line["dev"]), change, mark)
    return table


def best_line(curve: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The checkpoint of a learning curve with the highest dev score, the earliest of equals; the base (step 0) is none."""
    tuned = [line for line in curve if line["step"] > 0 and line.get("dev") is not None]
    return max(tuned, key=lambda line: (line["dev"], -line["step"]), default=None)


def _table(title: str) -> Table:
    # No vertical lines and no padding: one blank between columns lets nine of them fit into 80.
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, padding=0)
