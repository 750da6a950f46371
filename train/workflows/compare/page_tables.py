"""The tables of a comparison's page: a line a model, every two models, and each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from train.console import plain
from train.evaluate.results import DatasetResult
from train.report.drawing.intervals import Bar, Forest
from train.wording import COMPARED_WORDS, change, fraction, interval, metric_name, p_value, span, things
from train.workflows.compare import units
from train.workflows.compare.plot import DEEP
from train.workflows.compare.recommendation import Advice
from train.workflows.compare.references import Reference
from train.workflows.compare.results import Comparison, Contender
from train.workflows.compare.speed import Speed

_CAUSES = {
    "max_latency_ms": "latency",
    "min_throughput": "throughput",
    "max_memory_mb": "memory",
    "max_dims": "dimensions",
    "max_price": "price",
    "local_only": "API",
    "licences": "licence",
}
MANY = 12
"""More models have no table of every two of them: it would be larger than its use."""


@dataclass(frozen=True)
class Line:
    """A model in the table, in words; `sort` holds what its columns are sorted by."""

    letter: str
    label: str
    name: str
    state: str
    word: str
    why: list[str]
    quality: str
    interval: str
    against: str
    between: str
    bar: Bar | None
    verdict: str
    latency: str
    latency_between: str
    rate: str
    rate_between: str
    memory: str
    dimensions: str
    price: str
    sort: list[float | str | None]


class Cell(NamedTuple):
    """Two models on one data set: the row's less the column's."""

    sign: str
    text: str
    state: str
    title: str


class Matrix(NamedTuple):
    """Every pair of models on one data set."""

    name: str
    metric: str
    n: str
    rows: list[tuple[str, str, list[Cell | None]]]


def forest_of(comparison: Comparison) -> Forest:
    """Make the scale of differences to the highest model. Models far below reach beyond its border, or all others became one
    point."""
    top = comparison.contenders[0]
    near = [one for one in comparison.contenders[1:] if one.quality.value >= DEEP * top.quality.value]
    return Forest.of([comparison.difference(one.letter, top.letter)[1] for one in near])


def lines_of(comparison: Comparison, advice: Advice, states: Mapping[str, str], forest: Forest) -> list[Line]:
    """Return a line for each model, the highest quality first.

    Args:
        comparison: the models.
        advice: which to take.
        states: letter → see `files.status`.
        forest: the scale of the drawn differences.
    """
    return [_line(one, comparison, advice, states[one.letter], forest) for one in comparison.contenders]


def _line(one: Contender, comparison: Comparison, advice: Advice, state: str, forest: Forest) -> Line:
    top, speed, price = comparison.contenders[0], one.speed, one.price.usd_per_million
    twin = comparison.twins.get(one.letter)
    delta, ci95 = (0.0, (0.0, 0.0)) if one is top else comparison.difference(one.letter, top.letter)
    memory = one.timed("memory_mb")
    return Line(
        letter=one.letter,
        label=plain(one.label),
        name="" if one.facts.name == one.label else plain(one.facts.name),
        state=state,
        word=COMPARED_WORDS[state] + ("" if twin is None else f" as {twin.letter}"),
        why=[_CAUSES[breach.key] for breach in advice.broken[one.letter]],
        quality=fraction(one.quality.value),
        interval=span(one.quality.ci95),
        against="highest" if one is top else change(delta),
        between="" if one is top else interval(ci95),
        bar=None if one is top else forest.bar(delta, ci95),
        verdict="regressed" if comparison.beaten(one.letter, top.letter) else "no_evidence",
        latency=units.UNKNOWN if speed is None else units.millis(speed.latency_p95_ms),
        latency_between=_between(speed, "latency_p95_ms", units.millis),
        rate_between=_between(speed, "texts_per_second", units.number),
        rate=units.UNKNOWN if speed is None else units.number(speed.texts_per_second),
        memory=units.megabytes(memory) if memory is not None else "–" if one.is_api else units.UNKNOWN,
        dimensions=f"{one.dimensions:,}",
        price=units.UNKNOWN if price is None else units.usd(price),
        sort=[
            plain(one.label),
            one.quality.value,
            one.timed("latency_p95_ms"),
            one.timed("texts_per_second"),
            memory,
            one.dimensions,
            price,
        ],
    )


def _between(speed: Speed | None, name: str, write: units.Write) -> str:
    """Return the interval of a figure in words; nothing where none is known."""
    found = None if speed is None else speed.span(name)
    return "" if found is None else units.between(*found, write)


def matrices_of(comparison: Comparison) -> list[Matrix]:
    """Return every two models, a table a data set; none for one model or very many."""
    if not 2 <= len(comparison.contenders) <= MANY:
        return []
    return [_matrix(comparison, place) for place in range(len(comparison.datasets))]


def _matrix(comparison: Comparison, place: int) -> Matrix:
    result = comparison.datasets[place]
    rows = []
    for one in comparison.contenders:
        cells: list[Cell | None] = []
        for other in comparison.contenders:
            cells.append(None if one is other else _cell(comparison, one, other, place))
        rows.append((one.letter, plain(one.label), cells))
    return Matrix(plain(result.name), metric_name(result.metric), f"{result.n:,} {things(result.kind)}", rows)


def _cell(comparison: Comparison, one: Contender, other: Contender, place: int) -> Cell:
    pair = comparison.between(one.letter, other.letter)[place]
    result: DatasetResult = pair.result
    delta, (low, high) = result.delta, result.ci95
    if pair.first == one.letter:  # the pair says what the second has more
        delta, low, high = -delta, -high, -low
    state = "no_evidence" if pair.better is None else "improved" if pair.better == one.letter else "regressed"
    sign = {"improved": "▲", "regressed": "▼", "no_evidence": "○"}[state]
    title = f"95% interval {interval((low, high))}, p {p_value(pair.p_holm)}"
    return Cell(sign, change(delta), state, title)


def dataset_lines(comparison: Comparison) -> list[tuple[str, str, str, list[tuple[str, str, bool]]]]:
    """Return for each data set: name, metric, size, and (value, interval, whether it is the highest) of each model."""
    lines = []
    for result in comparison.datasets:
        found = [one.results[result.name].metrics[result.metric] for one in comparison.contenders]
        top = max(one.value for one in found)
        values = [(fraction(one.value), span(one.ci95), one.value == top) for one in found]
        lines.append((plain(result.name), metric_name(result.metric), f"{result.n:,} {things(result.kind)}", values))
    return lines


def reference_lines(references: Sequence[Reference]) -> list[dict[str, str]]:
    """Return BM25 alone and with each model, in words."""
    return [
        {
            "name": plain(one.name),
            "quality": fraction(one.quality.value),
            "between": span(one.quality.ci95),
            "over_own": "" if one.against_own is None else change(one.against_own.delta),
            "over_own_between": "" if one.against_own is None else interval(one.against_own.ci95),
            "over_taken": change(one.against_taken.delta),
            "over_taken_between": interval(one.against_taken.ci95),
        }
        for one in references
    ]
