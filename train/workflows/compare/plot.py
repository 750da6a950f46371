"""Drawings of quality against what a model costs, worked out to the last coordinate: the page shows them without a script.

Coordinates are those of the drawing, x to the right and y downwards; a browser scales the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from train.report.drawing.scale import round_step
from train.workflows.compare import units
from train.workflows.compare.results import Contender

WIDTH, HEIGHT = 380, 290
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 16, 44
RADIUS = 9.0
"""Of a model's mark."""
DEEP = 0.5
"""Models below this share of the best quality are named at the border, or they would press all others together."""
LOG_FROM = 8.0
"""Ratio of the largest to the smallest cost from which its axis is logarithmic."""
ALIKE = 0.15
"""Share of a cost that is left free at both sides, so that costs which hardly differ do not seem to."""
LETTER_WIDTH = 6.8
"""Of a label's letter, on the wide side of what browsers draw."""
LONGEST_LABEL = 24
BOX: Mapping[str, float] = {
    "width": WIDTH,
    "height": HEIGHT,
    "left": LEFT,
    "right": WIDTH - RIGHT,
    "top": TOP,
    "bottom": HEIGHT - BOTTOM,
}
_AROUND = [(0, 0), (20, 0), (-20, 0), (0, -20), (0, 20), (20, -20), (-20, -20), (20, 20), (-20, 20), (40, 0), (-40, 0)]
"""Where a mark may stand instead, so that marks do not cover each other."""
_BESIDE = [(16, -7, "start"), (-16, -7, "end"), (16, 16, "start"), (-16, 16, "end"), (16, 4, "start"), (-16, 4, "end")]
"""Where a name may stand beside its mark: above the line of the front first."""


@dataclass(frozen=True)
class Point:
    """What is drawn: a model's letter and label, its cost and quality, the interval, and its state."""

    letter: str
    label: str
    cost: float
    quality: float
    low: float
    high: float
    state: str


@dataclass(frozen=True)
class Mark:
    """A model in the drawing.

    Attributes:
        point: what it stands for.
        x, y: where its values are.
        low, high: y of the ends of its interval, cut at the borders.
        at_x, at_y: where its letter stands, beside its place where another model is there.
        front: whether no other model is both better and cheaper.
        title: what a pointer on it says.
        text: its name, where there is room for it, else "".
        text_x, text_y, anchor: where.
    """

    point: Point
    x: float
    y: float
    low: float
    high: float
    at_x: float
    at_y: float
    front: bool
    title: str
    text: str = ""
    text_x: float = 0.0
    text_y: float = 0.0
    anchor: str = "start"

    @property
    def moved(self) -> bool:
        """Tell whether the letter stands beside its place."""
        return (self.at_x, self.at_y) != (self.x, self.y)


@dataclass(frozen=True)
class Plot:
    """Quality against one cost.

    Attributes:
        title: what it shows.
        axis: the name of the cost, with its unit.
        marks: the models, later ones above.
        line: the points of the stairs along the front, for `<polyline>`.
        x_ticks, y_ticks: (place, text).
        limit: x of the user's limit; None for none in sight.
        below: (letter, quality) of models that are too far down to be drawn.
        missing: letters of models whose cost is not known.
        label: all of it in words.
    """

    title: str
    axis: str
    marks: list[Mark]
    line: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    limit: float | None
    below: list[tuple[str, str]]
    missing: list[str]
    label: str
    box: Mapping[str, float] = field(default_factory=lambda: BOX)


@dataclass(frozen=True)
class Axis:
    """A scale for costs: linear, or logarithmic where they differ by much and none is 0."""

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, values: Sequence[float], limit: float | None) -> Axis:
        """Make the scale that holds these costs, and the limit where it is not far away."""
        low, high = min(values), max(values)
        log = low > 0 and high / low >= LOG_FROM
        if limit is not None and limit > 0 and high / 20 <= limit <= high * 3:
            low, high = min(low, limit), max(high, limit)
        if log:
            return cls(low / 1.35, high * 1.35, True)
        room = max(0.12 * (high - low), ALIKE * high) or 1.0
        return cls(max(low - room, 0.0) if low > 0 else -0.06 * (high or 1.0), high + room, False)

    def place(self, value: float) -> float:
        """Return where a cost is, as x."""
        low, high = (math.log(end) if self.log else end for end in (self.low, self.high))
        share = ((math.log(value) if self.log else value) - low) / (high - low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def ticks(self) -> list[float]:
        """Return up to six round costs."""
        if not self.log:
            step = round_step(self.high - max(self.low, 0.0), 5)
            return [n * step for n in range(math.ceil(max(self.low, 0.0) / step), math.floor(self.high / step) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            found = [f * 10.0**p for p in powers for f in factors if self.low <= f * 10.0**p <= self.high]
            if len(found) <= 6:
                return found
        return found[:: math.ceil(len(found) / 6)]


def pareto(points: Sequence[Point]) -> list[Point]:
    """Find those than which no other is at least as good and at least as cheap and one of both more; the cheapest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.cost, -one.quality)):
        if not front or point.quality > front[-1].quality:
            front.append(point)
    return front


def draw(
    contenders: Sequence[Contender],
    states: Mapping[str, str],
    *,
    title: str,
    axis: str,
    metric: str,
    cost: Callable[[Contender], float | None],
    write: units.Write,
    limit: float | None = None,
) -> Plot | None:
    """Draw quality of the models against a cost; None where fewer than two have one.

    Args:
        contenders: the models.
        states: letter → see `files.status`.
        title, axis: of the drawing.
        metric: what quality is.
        cost: of a model; less is better.
        write: a cost for people.
        limit: of the user.
    """
    known = [
        Point(c.letter, c.label, value, c.quality.value, *c.quality.ci95, states[c.letter])
        for c in contenders
        if (value := cost(c)) is not None
    ]
    if len(known) < 2:
        return None
    best = max(point.quality for point in known)
    points = [point for point in known if point.quality >= DEEP * best]
    scale = Axis.of([point.cost for point in points], limit)
    low, high = min(point.low for point in points), max(point.high for point in points)
    room = 0.06 * (high - low) or 0.02
    low, high = low - room, high + room

    def y_of(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    front = pareto(points)
    marks = _marks(points, front, scale, y_of, lambda p: f"{p.letter} {p.label}: {metric} {p.quality:.3f}, {write(p.cost)}")
    step = round_step(high - low, 5)
    y_ticks = [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    digits = max(2, -math.floor(math.log10(step)))
    return Plot(
        title=title,
        axis=axis,
        marks=marks,
        line=_stairs([(scale.place(p.cost), y_of(p.quality)) for p in front]),
        x_ticks=[(scale.place(value), units.short(write(value))) for value in scale.ticks()],
        y_ticks=[(y_of(value), f"{value:.{digits}f}") for value in y_ticks],
        limit=scale.place(limit) if limit is not None and scale.low < limit < scale.high else None,
        below=[(point.letter, f"{point.quality:.3f}") for point in known if point not in points],
        missing=[c.letter for c in contenders if cost(c) is None],
        label=f"{title}. Best trade-offs, the cheapest first: "
        + "; ".join(f"{p.label}, {metric} {p.quality:.3f}, {write(p.cost)}" for p in front),
    )


def _marks(
    points: Sequence[Point],
    front: Sequence[Point],
    scale: Axis,
    y_of: Callable[[float], float],
    title: Callable[[Point], str],
) -> list[Mark]:
    """Place the marks, and names where there is room: first of the one to take, then of the front."""
    order = sorted(points, key=lambda p: (p.state != "taken", p not in front, -p.quality))
    placed: list[Mark] = []
    for point in order:
        x, y = scale.place(point.cost), y_of(point.quality)
        at_x, at_y = next(
            (
                (x + dx, y + dy)
                for dx, dy in _AROUND
                if _inside(x + dx, y + dy)
                and all(math.dist((x + dx, y + dy), (m.at_x, m.at_y)) >= 2 * RADIUS + 1 for m in placed)
            ),
            (x, y),
        )
        ends = (y_of(point.low), y_of(point.high))
        placed.append(Mark(point, x, y, *ends, round(at_x, 1), round(at_y, 1), point in front, title(point)))
    return _named(placed)[::-1]


def _named(marks: Sequence[Mark]) -> list[Mark]:
    reach = RADIUS + 2  # with the line around it
    taken = [(m.at_x - reach, m.at_y - reach, m.at_x + reach, m.at_y + reach) for m in marks]
    out = []
    for mark in marks:
        room = None
        if mark.front or mark.point.state == "taken":
            text = mark.point.label if len(mark.point.label) <= LONGEST_LABEL else mark.point.label[: LONGEST_LABEL - 1] + "…"
            room = next((place for place in _places(mark, text) if _free(place[3], taken)), None)
        if room is None:
            out.append(mark)
            continue
        x, y, anchor, rectangle = room
        taken.append(rectangle)
        out.append(Mark(**{**vars(mark), "text": text, "text_x": round(x, 1), "text_y": round(y, 1), "anchor": anchor}))
    return out


Rectangle = tuple[float, float, float, float]


def _places(mark: Mark, text: str) -> list[tuple[float, float, str, Rectangle]]:
    """Return where a name may stand, the best first: x and y of its baseline, its anchor, and what it covers."""
    width = LETTER_WIDTH * len(text)
    found = []
    for dx, dy, anchor in _BESIDE:
        x, y = mark.at_x + dx, mark.at_y + dy
        begin = {"start": x, "end": x - width, "middle": x - width / 2}[anchor]
        found.append((x, y, anchor, (begin, y - 10, begin + width, y + 3)))
    return found


def _free(rectangle: Rectangle, taken: Sequence[Rectangle]) -> bool:
    x0, y0, x1, y1 = rectangle
    if x0 < LEFT + 2 or x1 > WIDTH - 2 or y0 < TOP - 8 or y1 > HEIGHT - BOTTOM:
        return False
    return all(x1 < a or x0 > c or y1 < b or y0 > d for a, b, c, d in taken)


def _inside(x: float, y: float) -> bool:
    return LEFT + RADIUS <= x <= WIDTH - RADIUS and TOP <= y <= HEIGHT - BOTTOM - RADIUS


def _stairs(places: Sequence[tuple[float, float]]) -> str:
    """Join each place of the front to the next: to its cost first, then up; then on to the right border."""
    corners = []
    for number, (x, y) in enumerate(places):
        if number:
            corners.append((x, places[number - 1][1]))
        corners.append((x, y))
    corners.append((WIDTH - RIGHT, places[-1][1]))
    return " ".join(f"{x:g},{y:g}" for x, y in corners)
