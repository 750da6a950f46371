"""The comparison for a terminal of 80 columns or more; plain text when piped."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from train.console import lines_of, plain, plain_table
from train.wording import COMPARED_WORDS, change, fraction, interval, metric_name, span, things
from train.workflows.compare import units
from train.workflows.compare.figures import figures
from train.workflows.compare.files import status
from train.workflows.compare.recommendation import Advice
from train.workflows.compare.references import Reference
from train.workflows.compare.results import Comparison, Contender

STYLES = {"taken": "bold green", "as good": "", "unclear": "yellow", "worse": "red", "out": "yellow", "same": ""}
NAME, COLUMN = 24, 13
"""Characters of a figure's name, and of a model's column: as many models stand side by side as fit."""


def story(
    comparison: Comparison,
    advice: Advice,
    documents: int,
    console: Console | None = None,
    references: Sequence[Reference] = (),
) -> str:
    """Tell the recommendation, the models by quality, their results on each data set, and all their figures, ready to print.

    Args:
        comparison: the models.
        advice: which to take.
        documents: of the index whose size is worked out.
        console: decides width and colour; by default those of standard output.
        references: BM25, alone and with each model.
    """
    console = console or Console(force_jupyter=False)
    with console.capture() as capture:
        console.print(Text(plain(advice.headline), style="bold green" if advice.taken else "bold yellow"))
        for line in (*advice.reasons, *advice.out):
            console.print(Padding(Text(plain(line)), (0, 0, 0, 2)))
        for name, failure in comparison.failures.items():
            console.print(Padding(Text(plain(f"{name} could not be judged: {failure.what}.")), (0, 0, 0, 2)))
        console.print()
        _print_ranking(console, comparison, advice)
        if len(comparison.datasets) > 1:
            console.print()
            _print_datasets(console, comparison)
        if references:
            console.print()
            _print_references(console, references)
        fitting = max(1, (console.width - NAME) // COLUMN)
        for start in range(0, len(comparison.contenders), fitting):
            console.print()
            _print_figures(console, comparison.contenders[start : start + fitting], documents)
    return lines_of(capture.get())


def _print_ranking(console: Console, comparison: Comparison, advice: Advice) -> None:
    first = comparison.datasets[0]
    one = len(comparison.datasets) == 1
    on = f"{plain(first.name)} ({first.n:,} {things(first.kind)})" if one else f"{len(comparison.datasets)} data sets"
    table = plain_table(f"Models by quality on {on}")
    table.add_column("", no_wrap=True)
    table.add_column("model", overflow="fold")
    heading = metric_name(first.metric) if one else "mean"
    for name in (heading, "95% interval", "p95", "texts/s", "dims", "$/M"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for found in comparison.contenders:
        speed, price = found.speed, found.price.usd_per_million
        state, twin = status(found, comparison, advice), comparison.twins.get(found.letter)
        word = {"taken": "take", "out": "limit"}.get(state, COMPARED_WORDS[state])
        table.add_row(
            found.letter,
            Text(plain(found.label)),
            fraction(found.quality.value),
            span(found.quality.ci95),
            "?" if speed is None else units.millis(speed.latency_p95_ms),
            "?" if speed is None else units.number(speed.texts_per_second),
            f"{found.dimensions:,}",
            "?" if price is None else units.usd(price).removeprefix("$"),
            Text(word if twin is None else f"same as {twin.letter}", style=STYLES[state]),
        )
    console.print(table)


def _print_references(console: Console, references: Sequence[Reference]) -> None:
    """Print BM25 alone and with each model: what it reaches, and what it adds to that model."""
    table = plain_table("With words: BM25, alone and fused with each model")
    table.add_column("", overflow="fold")
    for name in ("quality", "95% interval", "against the model alone"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in references:
        own = one.against_own
        added = "" if own is None else f"{change(own.delta)} ({interval(own.ci95)})"
        table.add_row(Text(plain(one.name)), fraction(one.quality.value), span(one.quality.ci95), added)
    console.print(table)


def _print_datasets(console: Console, comparison: Comparison) -> None:
    table = plain_table("Results on each data set")
    table.add_column("data set", overflow="fold")
    table.add_column("metric", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for one in comparison.contenders:
        table.add_column(one.letter, justify="right", no_wrap=True)
    for result in comparison.datasets:
        values = [one.results[result.name].metrics[result.metric].value for one in comparison.contenders]
        table.add_row(Text(plain(result.name)), metric_name(result.metric), f"{result.n:,}", *map(fraction, values))
    console.print(table)


def _print_figures(console: Console, contenders: Sequence[Contender], documents: int) -> None:
    table = plain_table("All figures")
    table.add_column("", no_wrap=True)
    for one in contenders:
        table.add_column(one.letter, justify="right", overflow="fold")
    for figure in figures(contenders, documents):
        table.add_row(figure.name, *(Text(plain(value)) for value in figure.values))
    console.print(table)
