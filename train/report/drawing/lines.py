"""Lines over steps: one field, or several one above the other that share the axis of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from train.report.drawing.picture import Key
from train.report.drawing.plot import BROAD, SLIM, Drawn, Place, Plot
from train.report.drawing.scale import Scale, tick_texts
from train.report.drawing.svg import shortened, width_of

MARKED = 40
"""Points up to which each has a visible one."""
NAMED = 12
"""Lines that are named at their ends; of more, only the first are."""
LINE_HEIGHT = 15.0
BROAD_NAMES, SLIM_NAMES = 150.0, 70.0
"""Room for names at the ends of lines; on a phone longer ones stand below the drawing instead."""


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: of it.
        points: (step, value), ascending by step; None leaves a gap.
        look: its classes in the style sheet.
        shape: of its points, see `Plot.dot`.
        titles: what a pointer on each point says.
        marks: whether its points are drawn, where there are few.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    look: str = "s0"
    shape: int = 0
    titles: Sequence[str] = ()
    marks: bool = True

    @property
    def key(self) -> Key:
        """What stands for it below the drawing."""
        return Key(self.look, self.name, self.shape)

    @property
    def known(self) -> list[tuple[float, float]]:
        """The points that have a value."""
        return [(step, value) for step, value in self.points if value is not None]


@dataclass(frozen=True)
class Panel:
    """One field of lines.

    Attributes:
        name: what its values are, with their unit.
        series: the lines; earlier ones above.
        signed: whether the values are differences.
        zero: whether 0 is in it and stands out.
        level: (value, name) of a dotted line across, as the base's.
        named: whether lines are named at their ends.
        height: of the field.
    """

    name: str
    series: Sequence[Series]
    signed: bool = False
    zero: bool = False
    level: tuple[float, str] | None = None
    named: bool = True
    height: float = 230.0


def line_chart(
    panels: Sequence[Panel], label: str, *, x_name: str = "training step", mark: tuple[float, str] | None = None
) -> Drawn:
    """Draw the panels one above the other.

    Args:
        panels: from the top down, at least one, each with a known point.
        label: what is drawn, for those who do not see it.
        x_name: of the axis that they share.
        mark: (step, word): a line down through all panels.
    """
    return Drawn(_chart(BROAD, panels, label, x_name, mark), _chart(SLIM, panels, label, x_name, mark))


def keys_of(panels: Sequence[Panel]) -> list[Key]:
    """Return what stands for the lines below the drawing; nothing where all are named at their ends in both widths."""
    if keys_beside(panels) and _widest(panels) <= SLIM_NAMES:
        return []
    return [one.key for panel in panels for one in panel.series]


def keys_beside(panels: Sequence[Panel]) -> bool:
    """Tell whether the broad drawing names all of its lines itself."""
    return all(panel.named and len(panel.series) <= NAMED for panel in panels)


def _widest(panels: Sequence[Panel]) -> float:
    return max((width_of(one.name) for panel in panels if panel.named for one in panel.series), default=0.0)


def _chart(width: float, panels: Sequence[Panel], label: str, x_name: str, mark: tuple[float, str] | None) -> Markup:
    broad = width == BROAD
    widest = _widest(panels)
    at_ends = broad or widest <= SLIM_NAMES
    right = width - (min(widest, BROAD_NAMES) + 16 if widest and at_ends else 10)
    y_scales = [_y_scale(panel) for panel in panels]
    left = max(width_of(text) for scale, panel in zip(y_scales, panels, strict=True) for text in _texts(scale, panel)) + 12
    steps = [step for panel in panels for one in panel.series for step, _ in one.known]
    x = Scale.over(steps, left, right, room=0.0)
    pieces: list[Markup] = []
    top = 26.0 if mark is None else 42.0
    for number, (panel, scale) in enumerate(zip(panels, y_scales, strict=True)):
        height = panel.height if broad else 0.85 * panel.height
        plot = Plot(width, top + height, left, right, top, top + height)
        placed = Scale(scale.low, scale.high, top + height, top)
        last = number == len(panels) - 1
        lift = 10.0 if mark is None or number else 26.0  # the word at the mark stands below
        plot.y_axis(placed, panel.name, signed=panel.signed, zero=panel.zero, most=_most(panel), lift=lift)
        plot.x_axis(x, x_name if last else "", most=6 if broad else 4, words=last)
        _draw(plot, panel, x, placed, at_ends and panel.named)
        if mark is not None and x.holds(mark[0]):
            at = x.place(mark[0])
            plot.rule("mark", at, top, at, top + height)
            if not number:
                plot.fitting(at, top - 4, mark[1], css="mark-text")
        pieces += plot.pieces
        top += height + 34
    whole = Plot(width, top + 8, left, right, 0, top, pieces)
    return whole.svg("broad" if broad else "slim", label)


def _draw(plot: Plot, panel: Panel, x: Scale, y: Scale, at_ends: bool) -> None:
    if panel.level is not None:
        at, name = y.place(panel.level[0]), panel.level[1]
        plot.rule("line quiet dots", plot.left, at, plot.right, at, title=name)
        plot.text(plot.right - 4, at - 5, name, css="aside", anchor="end")
    for one in reversed(panel.series):
        for stretch in _stretches(one, x, y):
            plot.path(f"line {one.look}", stretch)
    for one in reversed(panel.series):
        known = one.known
        if (one.marks and len(known) <= MARKED) or len(known) == 1:
            css = one.look.split(" ", maxsplit=1)[0]
            titles = one.titles or [""] * len(one.points)
            for (step, value), title in zip(one.points, titles, strict=True):
                if value is not None:
                    plot.dot(css, x.place(step), y.place(value), title, shape=one.shape)
    if at_ends:
        _name_ends(plot, panel, y)


def _stretches(one: Series, x: Scale, y: Scale) -> list[list[Place]]:
    """Return the places of the line, in pieces where a value is missing."""
    pieces: list[list[Place]] = [[]]
    for step, value in one.points:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((x.place(step), y.place(value)))
    return [piece for piece in pieces if len(piece) > 1]


def _name_ends(plot: Plot, panel: Panel, y: Scale) -> None:
    """Write the names at the right ends of the lines, apart from each other."""
    series = [one for one in panel.series if one.known][:NAMED]
    wanted = [y.place(one.known[-1][1]) for one in series]
    for one, at in zip(series, apart(wanted, LINE_HEIGHT, plot.top, plot.bottom), strict=True):
        name = shortened(one.name, plot.width - plot.right - 14)
        plot.text(plot.right + 10, at + 4, name, css=f"tinted {one.look.split(' ', maxsplit=1)[0]}")


def apart(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Return places near the wanted ones, in the same order of size, that are `distance` apart and as far as they fit
    between low and high."""
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    distance = min(distance, (high - low) / max(1, len(wanted) - 1))
    found = dict.fromkeys(order, 0.0)
    reached = low - distance
    for place in order:
        reached = found[place] = max(wanted[place], reached + distance)
    reached = high + distance
    for place in reversed(order):
        reached = found[place] = min(found[place], reached - distance)
    return [found[place] for place in range(len(wanted))]


def _y_scale(panel: Panel) -> Scale:
    values = [value for one in panel.series for _, value in one.known]
    return Scale.over([*values, *([panel.level[0]] if panel.level else [])], 1.0, 0.0, zero=panel.zero)


def _most(panel: Panel) -> int:
    return 5 if panel.height > 150 else 3


def _texts(scale: Scale, panel: Panel) -> list[str]:
    return tick_texts(scale.ticks(_most(panel)), panel.signed) or [""]
