"""The verdict and the figures behind it, for a terminal of 80 columns or more; plain text when piped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from train import wording
from train.console import lines_of, plain_table
from train.evaluate.results import DatasetResult, run_verdict
from train.report.dev_gain import dev_gain_lines
from train.report.page_panel import loss_warnings, panel_sentence, panel_table
from train.report.page_slices import slice_remarks
from train.report.seeds_table import seeds_table
from train.report.sentences import verdict_lines
from train.report.sentences_looks import looks_sentence
from train.runs.records import PanelRecord, ScoreLine, Selection
from train.runs.score_log import best_line, is_highest

if TYPE_CHECKING:
    from train.evaluate.evaluator import ModelResult

STYLES = {"improved": "green", "regressed": "red", "mixed": "yellow", "no_evidence": "yellow"}


def plain_console() -> Console:
    """Return a console for plain text: no colour and no control codes, whether at a terminal or in a notebook."""
    return Console(color_system=None, force_terminal=False, force_jupyter=False)


def story(
    results: Sequence[DatasetResult],
    curve: Sequence[ScoreLine] = (),
    cost: Mapping[str, float] | None = None,
    console: Console | None = None,
    sides: wording.Sides = wording.BASE_AND_TUNED,
    examples: Sequence[Mapping[str, Any]] = (),
    share: float = 1.0,
    panel: PanelRecord | None = None,
    selection: Selection | None = None,
    headline: str | None = None,
    about_training: str | None = None,
) -> str:
    """Return verdict, results, secondary metrics, learning curve, what changed most and cost, ready to print.

    Args:
        results: tuned against base, one a data set.
        curve: the lines of scores.jsonl.
        cost: `cost` of report.json.
        console: decides width and colour; by default those of standard output: 80 columns and no colour when it is piped.
        sides: what the two models are called.
        examples: queries and pairs that changed most, see `examples.pick_examples`.
        share: of the way from the base to the best checkpoint, which the judged model went.
        panel: what was found on other work.
        selection: what was chosen, and what had a say.
        headline: the first line of all, where what was trained is unproven.
        about_training: what another seed would come to, where one was trained.
    """
    console = console or Console(force_jupyter=False)
    style = STYLES[run_verdict(results)]
    with console.capture() as capture:
        if headline is not None:
            console.print(Text(headline, style="bold yellow"))
        first, *others = verdict_lines(results, sides)
        console.print(Text(f"Verdict: {first}", style=f"bold {style}"))
        for line in (*others, *filter(None, [about_training])):
            console.print(Padding(Text(line), (0, 0, 0, 2)))
        if (looked := looks_sentence(results)) is not None:
            console.print(Padding(Text(looked), (0, 0, 0, 2)))
        for warning in loss_warnings(panel, selection):
            console.print(Text(f"Warning: {warning}", style="yellow"))
        if results and (legend := sides.legend()):
            console.print()
            console.print(Text(legend))
        for table in (results_table(results, sides), seeds_table(results), _secondary(results, sides), _curve(curve, share)):
            if table is not None:
                console.print()
                console.print(table)
        if told := [*dev_gain_lines(results), *slice_remarks(results)]:
            console.print()
            for line in told:
                console.print(Text(line))
        _print_panel(console, panel, selection or Selection())
        _print_examples(console, examples)
        spent = wording.cost_lines(cost or {})
        if spent:
            console.print()
            console.print(Text("Cost: " + "; ".join(f"{what} {much}" for what, much in spent) + "."))
    return lines_of(capture.get())


def _print_panel(console: Console, panel: PanelRecord | None, selection: Selection) -> None:
    if panel is None:
        return
    console.print()
    if (table := panel_table(panel)) is not None:
        console.print(table)
        console.print(Text(panel_sentence(panel, selection)))
    for note in (*panel.left_out, *panel.notes):
        console.print(Text(f"Other work: {note}."))


def measured_table(results: Sequence[ModelResult], name: str, console: Console | None = None) -> str:
    """Return every metric of one model with its interval, ready to print.

    Args:
        results: one a data set, at least one.
        name: of the model.
        console: as for `story`.
    """
    console = console or Console(force_jupyter=False)
    table = plain_table(f"{name} on {_splits(results)}")
    table.add_column("data set", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for heading in ("n", "value", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        for metric, found in result.metrics.items():
            row = (wording.metric_name(metric), f"{result.n:,}", wording.fraction(found.value), wording.span(found.ci95))
            table.add_row(Text(result.name), *row)
    with console.capture() as capture:
        console.print(table)
    return lines_of(capture.get())


def side_by_side(title: str, rows: Sequence[tuple[str, str, str]], sides: wording.Sides, console: Console | None = None) -> str:
    """Return a table of (what, before, after), ready to print; long values are folded, not cut."""
    console = console or Console(force_jupyter=False)
    table = plain_table(title)
    for heading in ("", *sides.headings()):
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as capture:
        console.print(table)
    return lines_of(capture.get())


def _splits(results: Sequence[DatasetResult] | Sequence[ModelResult]) -> str:
    """Return the split or splits that were judged, for a title."""
    return ", ".join(dict.fromkeys("all rows" if result.split == "all" else result.split for result in results))


def results_table(results: Sequence[DatasetResult], sides: wording.Sides) -> Table | None:
    """Return the table of the figures that decide, a line a data set; None where nothing was judged."""
    if not results:
        return None
    before, after = sides.headings()
    subject = after.capitalize() if sides == wording.BASE_AND_TUNED else after
    table = plain_table(f"{subject} against {before} on {_splits(results)}")
    table.add_column("data set", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for heading in ("n", before, after, "change", "95% interval", "p"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for result in (line for one in results for line in one.lines()):
        table.add_row(
            Text(result.name),
            wording.metric_name(result.metric),
            f"{result.n:,}",
            wording.fraction(result.base),
            wording.fraction(result.tuned),
            wording.change(result.delta),
            wording.interval(result.ci95),
            wording.p_value(result.shown_p),
            Text(wording.VERDICT_WORDS[result.settled], style=STYLES[result.settled]),
        )
    return table


def _secondary(results: Sequence[DatasetResult], sides: wording.Sides) -> Table | None:
    rows = [(r, name, pair) for r in results for name, pair in r.metrics.items() if name != r.metric]
    if not rows:
        return None
    table = plain_table(f"Other metrics on {_splits(results)}")
    table.add_column("data set", overflow="fold")
    table.add_column("metric", no_wrap=True)
    known = any(pair.ci95 is not None for _, _, pair in rows)  # reports of earlier versions have no intervals here
    for heading in (*sides.headings(), "change", *(["95% interval"] if known else [])):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for result, name, pair in rows:
        values = [wording.fraction(pair.base), wording.fraction(pair.tuned), wording.change(pair.tuned - pair.base)]
        if known:
            values.append("" if pair.ci95 is None else wording.interval(pair.ci95))
        table.add_row(Text(result.name), wording.metric_name(name), *values)
    return table


def _print_examples(console: Console, examples: Sequence[Mapping[str, Any]]) -> None:
    """Print each example on one line, cut at the width: the change, then the text."""
    headings = {
        ("gained", True): "Gained most on {} (metric before and after)",
        ("lost", True): "Lost most on {} (metric before and after)",
        ("gained", False): "Came closest to the order of the gold scores on {}",
        ("lost", False): "Went furthest from the order of the gold scores on {}",
    }
    group = None
    for one in examples:
        if group != (group := (one["dataset"], one["kind"])):
            console.print()
            console.print(Text(headings[one["kind"], "query" in one].format(one["dataset"]), style="bold"))
        console.print(Text(_example(one)), no_wrap=True, overflow="ellipsis")


def _example(one: Mapping[str, Any]) -> str:
    """Return one line: a query's metric before and after, or a pair's cosine before and after beside its gold score."""
    if "query" in one:
        figures, text = (one["base"], one["tuned"]), one["query"]
        head = ""
    else:
        figures, text = (one["base_similarity"], one["tuned_similarity"]), f"{one['sentence1']} | {one['sentence2']}"
        head = f"gold {wording.fraction(one['gold'])}, cosine "
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"  {head}{wording.fraction(figures[0])} → {wording.fraction(figures[1])}  {shown}"


def _curve(curve: Sequence[ScoreLine], share: float) -> Table | None:
    scored = [(line, line.dev) for line in curve if line.dev is not None]
    if len(scored) < 2:
        return None
    lines = [line for line, _ in scored]
    base = next((dev for line, dev in scored if line.step == 0), None)
    best = best_line(lines)
    table = plain_table("Learning curve on dev")
    for heading in ("step", "dev", "against the base"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line, dev in scored:
        mark = "base" if line.step == 0 else wording.best_mark(share, is_highest(line, lines)) if line is best else ""
        change = "" if base is None or line.step == 0 else wording.change(dev - base)
        table.add_row(f"{line.step:,}", wording.fraction(dev), change, mark)
    return table
