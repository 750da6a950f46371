"""A comparison as one self-contained HTML page: which model to take and why, at a glance, then everything behind it.

Every figure and drawing is there without a script; the script only sorts the table and shows which mark belongs to which line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from train.config.compare import CompareSettings
from train.console import plain
from train.report.html_page import build, moment
from train.wording import COMPARED_WORDS, change, fraction, metric_name, span
from train.workflows.compare import units
from train.workflows.compare.figures import Figure, figures
from train.workflows.compare.files import status
from train.workflows.compare.limits import in_words
from train.workflows.compare.page_notes import environment_lines, known_of, method_lines
from train.workflows.compare.page_tables import dataset_lines, forest_of, lines_of, matrices_of, reference_lines
from train.workflows.compare.plot import Plot, draw
from train.workflows.compare.recommendation import Advice
from train.workflows.compare.references import Reference
from train.workflows.compare.results import Comparison, Contender


class Tile(NamedTuple):
    """A figure that stands out."""

    label: str
    value: str
    note: str = ""


class Card(NamedTuple):
    """What to take where one thing matters most; `same`: the model that is recommended anyway."""

    what: str
    letter: str
    label: str
    note: str
    same: bool


class Group(NamedTuple):
    """Lines of figures under one heading."""

    name: str
    figures: list[Figure]


def render(
    comparison: Comparison,
    advice: Advice,
    config: CompareSettings,
    report: Mapping[str, Any],
    notes: Mapping[str, list[str]],
    references: Sequence[Reference] = (),
) -> str:
    """Render the page.

    Args:
        comparison: the models.
        advice: which to take.
        config: limits and how was measured.
        report: the content of compare.json.
        notes: what loading the data noted, by data set.
        references: BM25, alone and with each model.

    Returns:
        A complete HTML document.
    """
    documents = config.measure.documents
    states = {one.letter: status(one, comparison, advice) for one in comparison.contenders}
    forest = forest_of(comparison)
    plots = _plots(comparison, config, states)
    taken = advice.taken
    return build(
        "compare.html.j2",
        styles=["style.css", "page.css", "compare.css"],
        scripts=["shared.js", "compare.js"],
        data={},
        verdict="improved" if taken else "mixed",
        title=plain(advice.headline.rstrip(".")),
        taken_label="" if taken is None else plain(taken.label),
        headline=plain(advice.headline),
        reasons=[plain(text) for text in advice.reasons],
        out=[plain(text) for text in advice.out],
        failures=[(plain(name), plain(one.what), plain(one.hint or "")) for name, one in comparison.failures.items()],
        limits=[plain(text) for text in in_words(config.limits).values()],
        tiles=_tiles(comparison, taken, documents),
        metric=quality_name(comparison),
        datasets=[plain(result.name) for result in comparison.datasets],
        plots=plots,
        disturbed=[one.letter for one in comparison.contenders if one.speed is not None and one.speed.disturbed],
        heads=[(one.letter, plain(one.label), states[one.letter]) for one in comparison.contenders],
        lines=lines_of(comparison, advice, states, forest),
        forest=forest,
        wishes=_wishes(advice),
        matrices=matrices_of(comparison),
        per_dataset=dataset_lines(comparison),
        references=reference_lines(references),
        reference_notes=[plain(note) for note in report.get("reference_notes", ())],
        groups=_groups(figures(comparison.contenders, documents)),
        models=[known_of(one) for one in comparison.contenders],
        documents=f"{documents:,}",
        data_notes={plain(name): [plain(note) for note in found] for name, found in notes.items() if found},
        measured=method_lines(comparison, report),
        command=str(report["command"]),
        environment=environment_lines(report),
        states=COMPARED_WORDS,
        version=(report["environment"].get("packages") or {}).get("embed-tune"),
        finished=moment(str(report["finished_at"])),
    )


def quality_name(comparison: Comparison) -> str:
    """Name what quality is here: the metric, or the mean of several."""
    names = list(dict.fromkeys(metric_name(result.metric) for result in comparison.datasets))
    return names[0] if len(comparison.datasets) == 1 else f"mean {units.listed(names)}"


def _plots(comparison: Comparison, config: CompareSettings, states: Mapping[str, str]) -> list[Plot]:
    """Plot quality against latency, size of the index, price, and memory, as far as models differ in them."""
    models, limits, documents = comparison.contenders, config.limits, config.measure.documents
    metric = quality_name(comparison)

    def index_limit() -> float | None:
        return None if limits.max_dims is None else 4.0 * limits.max_dims * documents

    def plot(
        of: str, axis: str, write: units.Write, cost: Callable[[Contender], float | None], limit: float | None
    ) -> Plot | None:
        return draw(models, states, title=f"Quality against {of}", axis=axis, metric=metric, cost=cost, write=write, limit=limit)

    index = f"index of {documents:,} documents"
    found = [
        plot("latency", "a single text, p95", units.millis, lambda c: c.timed("latency_p95_ms"), limits.max_latency_ms),
        plot("size", index, units.size, lambda c: float(c.index_bytes(documents)), index_limit()),
        plot("price", "US dollars a million tokens", units.usd, lambda c: c.price.usd_per_million, limits.max_price),
        plot("memory", "peak memory on this machine", lambda gb: f"{gb:.3g} GB", _gigabytes, _as_gb(limits.max_memory_mb)),
    ]
    priced = {one.price.usd_per_million for one in models} - {None}
    if len(priced) < 2:
        found[2] = None  # all cost the same
    return [_plain_plot(plot) for plot in found if plot is not None]


def _gigabytes(one: Contender) -> float | None:
    return _as_gb(one.timed("memory_mb"))


def _as_gb(megabytes: float | None) -> float | None:
    return None if megabytes is None else megabytes / 1024


def _plain_plot(plot: Plot) -> Plot:
    marks = [type(m)(**{**vars(m), "text": plain(m.text), "title": plain(m.title)}) for m in plot.marks]
    return Plot(**{**vars(plot), "marks": marks, "label": plain(plot.label)})


def _tiles(comparison: Comparison, taken: Contender | None, documents: int) -> list[Tile]:
    """Return the figures of the model to take."""
    if taken is None:
        return []
    speed, price = taken.speed, taken.price
    tiles = [Tile(quality_name(comparison), fraction(taken.quality.value), f"95% interval {span(taken.quality.ci95)}")]
    if speed is not None:
        tiles.append(
            Tile("Single text", units.millis(speed.latency_p95_ms), f"p95; half within {units.millis(speed.latency_p50_ms)}")
        )
        tiles.append(Tile("Throughput", units.rate(speed.texts_per_second), f"in batches of {speed.best_batch:,}"))
        if speed.memory_mb is not None:
            tiles.append(
                Tile(
                    "Peak memory",
                    units.megabytes(speed.memory_mb),
                    "with all libraries" if speed.device != "cuda" else "of the GPU",
                )
            )
    size = units.size(taken.index_bytes(documents))
    tiles.append(Tile("Index", size, f"{documents:,} × {taken.dimensions:,} dimensions"))
    if price.usd_per_million is not None:
        note = (
            "your own machine"
            if not taken.is_api and price.usd_per_million == 0
            else f"your data once: {units.usd(price.usd_data or 0)}"
        )
        tiles.append(Tile("A million tokens", units.usd(price.usd_per_million), note))
    return tiles


def _groups(found: Sequence[Figure]) -> list[Group]:
    shown = [Figure(one.group, one.name, [plain(value) for value in one.values], one.best) for one in found]
    return [Group(name, list(lines)) for name, lines in groupby(shown, lambda one: one.group)]


def _wishes(advice: Advice) -> list[Card]:
    """Return what to take where one thing matters most, each with what that costs in quality."""
    cards = []
    for wish in advice.wishes:
        quality = fraction(wish.model.quality.value)
        if advice.taken is not None and wish.model is not advice.taken:
            quality += f" ({change(wish.model.quality.value - advice.taken.quality.value)})"
        note = plain(wish.value) if wish.what == "quality" else f"{plain(wish.value)}; quality {quality}"
        cards.append(Card(wish.what, wish.model.letter, plain(wish.model.label), note, wish.model is advice.taken))
    return cards
