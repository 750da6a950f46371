"""How two kinds of values are spread: areas over one scale, in a panel for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from train.report.drawing.plot import BROAD, SLIM, Drawn, Place, Plot
from train.report.drawing.scale import Scale, round_step
from train.report.drawing.svg import width_of

PARTS = 36
"""Into how many parts the scale is divided at most; a step of 1, 2 or 5."""


@dataclass(frozen=True)
class Spread:
    """The values of one kind, at least one; `look` are its classes in the style sheet."""

    name: str
    values: Sequence[float]
    look: str


@dataclass(frozen=True)
class SpreadPanel:
    """One model: its name, two or more spreads, and where there is one (value, name) of a threshold."""

    name: str
    spreads: Sequence[Spread]
    mark: tuple[float, str] | None = None


def shares(values: Sequence[float], low: float, step: float, parts: int) -> list[float]:
    """Return which share of the values lies in each part of the scale; the last one holds its upper border."""
    counts = [0] * parts
    for value in values:
        counts[min(max(int((value - low) / step + 1e-9), 0), parts - 1)] += 1
    return [count / len(values) for count in counts]


def spread_chart(panels: Sequence[SpreadPanel], label: str, *, x_name: str, things: str) -> Drawn:
    """Draw the panels one above the other, on one scale of values and one of shares.

    Args:
        panels: at least one.
        label: what is drawn, for those who do not see it.
        x_name: what the values are.
        things: what has one value each; the highest tick says that its share is drawn.
    """
    return Drawn(_chart(BROAD, panels, label, x_name, things), _chart(SLIM, panels, label, x_name, things))


def _chart(width: float, panels: Sequence[SpreadPanel], label: str, x_name: str, things: str) -> Markup:
    broad = width == BROAD
    left, right, height = 10.0, width - 10.0, 130.0 if broad else 110.0
    values = [value for panel in panels for one in panel.spreads for value in one.values]
    values += [panel.mark[0] for panel in panels if panel.mark is not None]
    wide = Scale.over(values, left, right, room=0.0)
    step = round_step(wide.high - wide.low, PARTS if broad else PARTS // 2)
    first, last = int(wide.low // step), int(wide.high // step) + 1
    x = Scale(first * step, last * step, left, right)
    found = [[shares(one.values, x.low, step, last - first) for one in panel.spreads] for panel in panels]
    y = Scale(0.0, max(share for panel in found for one in panel for share in one), 0.0, 4.0 - height)
    pieces: list[Markup] = []
    top = 8.0
    for number, (panel, parts) in enumerate(zip(panels, found, strict=True)):
        head = 22.0 + 15 * len(panel.spreads)
        plot = Plot(width, 0, left, right, top + head, top + head + height)
        plot.text(left, top + 12, panel.name, css="label strong")
        final = number == len(panels) - 1
        plot.x_axis(x, x_name if final else "", most=8 if broad else 5, words=final)
        for tick, share in enumerate(reversed(y.ticks(2)[1:])):
            at = plot.bottom + y.place(share)
            plot.rule("grid", left, at, right, at)
            plot.text(left, at - 3, f"{100 * share:.3g}% of {things}" if tick == 0 else f"{100 * share:.3g}%", css="tick")
        for one, shape in zip(panel.spreads, parts, strict=True):
            outline = _outline(shape, x, step, plot.bottom, y)
            plot.path(f"area {one.look}", outline, closed=True)
            plot.path(f"line {one.look}", outline[1:-1])
        _medians(plot, panel, x, top + 12)
        if panel.mark is not None:
            at = x.place(panel.mark[0])
            plot.rule("mark", at, top + 18, at, plot.bottom)
            beside = left + width_of(panel.name) + 16 + width_of(panel.mark[1]) / 2
            plot.fitting(max(at, beside), top + 12, panel.mark[1], css="mark-text")
        pieces += plot.pieces
        top = plot.bottom + (14 if not final else 44)
    return Plot(width, top, left, right, 0, top, pieces).svg("broad" if broad else "slim", label)


def _outline(parts: Sequence[float], x: Scale, step: float, bottom: float, y: Scale) -> list[Place]:
    """Return the corners of the stairs, with both feet."""
    places: list[Place] = [(x.begin, bottom)]
    for number, share in enumerate(parts):
        at = bottom + y.place(share)
        places += [(x.place(x.low + number * step), at), (x.place(x.low + (number + 1) * step), at)]
    return [*places, (x.end, bottom)]


def _medians(plot: Plot, panel: SpreadPanel, x: Scale, top: float) -> None:
    """Name each spread at its median, on a line of its own, so that no two names can meet."""
    for number, one in enumerate(sorted(panel.spreads, key=lambda one: median(one.values)), start=1):
        middle, css, y = median(one.values), one.look.split(" ", maxsplit=1)[0], top + 16 * number
        away = -4.0 if number == 1 else 4.0  # the lines pass beside the names
        plot.rule(f"span {css}", x.place(middle), y - 8, x.place(middle), plot.bottom)
        anchor = "end" if number == 1 else "start"
        plot.fitting(x.place(middle) + away, y, f"{one.name}, median {middle:.2f}", css=f"tinted {css}", anchor=anchor)
