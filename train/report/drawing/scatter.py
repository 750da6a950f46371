"""Points in two directions: a cloud for each model, or a few named ones along a way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from train.report.drawing.lines import apart
from train.report.drawing.plot import BROAD, SLIM, Drawn, Plot
from train.report.drawing.scale import Scale, tick_texts
from train.report.drawing.svg import number, width_of

MOST_POINTS = 400
"""Points of a cloud that are drawn: of more, every so many in the order of x."""


@dataclass(frozen=True)
class Cloud:
    """The points (x, y) of one model, and a line through the middle of them; `look` are the classes of both, `mark` is
    (y, name) of a threshold."""

    name: str
    points: Sequence[tuple[float, float]]
    middle: Sequence[tuple[float, float]]
    look: str
    mark: tuple[float, str] | None = None


@dataclass(frozen=True)
class Stop:
    """A named point on a way; `taken` is where one stays, `title` what a pointer on it says."""

    name: str
    x: float
    y: float
    title: str
    taken: bool = False


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return at most so many of the points, spread over all of them in the order of x."""
    ordered = sorted(points)
    every = -(-len(ordered) // most)
    return ordered[::every] if every > 1 else ordered


def cloud_chart(clouds: Sequence[Cloud], label: str, *, x_name: str, y_name: str) -> Drawn:
    """Draw the clouds in the same scales: beside each other, or on a phone one above the other."""
    return Drawn(_clouds(BROAD, clouds, label, x_name, y_name), _clouds(SLIM, clouds, label, x_name, y_name))


def _clouds(width: float, clouds: Sequence[Cloud], label: str, x_name: str, y_name: str) -> Markup:
    broad = width == BROAD
    y_scale = Scale.over([y for one in clouds for _, y in one.points], 1.0, 0.0)
    x_values = [x for one in clouds for x, _ in one.points]
    margin = max(map(width_of, tick_texts(y_scale.ticks(5)))) + 12
    each, height = (width / len(clouds) if broad else width), 220.0
    pieces: list[Markup] = []
    for place, one in enumerate(clouds):
        begin, top = (place * each, 42.0) if broad else (0.0, 42.0 + place * (height + 86))
        plot = Plot(width, 0, begin + margin, begin + each - 14, top, top + height)
        x, y = Scale.over(x_values, plot.left, plot.right, room=0.03), Scale(y_scale.low, y_scale.high, plot.bottom, plot.top)
        plot.text(begin + 2, top - 28, one.name, css="label strong")
        plot.y_axis(y, "")
        plot.text(begin + 2, top - 10, y_name, css="axis")
        plot.x_axis(x, "", most=5)
        plot.text((plot.left + plot.right) / 2, plot.bottom + 34, x_name, css="axis", anchor="middle")
        specks = "".join(f"M{number(x.place(a))} {number(y.place(b))}h0" for a, b in thinned(one.points))
        plot.add("path", class_=f"specks {one.look}", d=specks)
        plot.path(f"line casing {one.look}", [(x.place(a), y.place(b)) for a, b in one.middle])
        plot.path(f"line {one.look}", [(x.place(a), y.place(b)) for a, b in one.middle])
        if one.mark is not None and y.holds(one.mark[0]):
            at = y.place(one.mark[0])
            plot.rule("mark", plot.left, at, plot.right, at)
            plot.text(plot.right, at - 5, one.mark[1], css="mark-text over", anchor="end")
        pieces += plot.pieces
        bottom = plot.bottom + 44
    return Plot(width, bottom, 0, width, 0, bottom, pieces).svg("broad" if broad else "slim", label)


def way_chart(stops: Sequence[Stop], label: str, *, x_name: str, y_name: str) -> Drawn:
    """Draw the stops and the way along them, both directions as differences against 0."""
    return Drawn(_way(BROAD, stops, label, x_name, y_name), _way(SLIM, stops, label, x_name, y_name))


def _way(width: float, stops: Sequence[Stop], label: str, x_name: str, y_name: str) -> Markup:
    broad = width == BROAD
    y_scale = Scale.over([one.y for one in stops], 1.0, 0.0, zero=True, room=0.1)
    left = max(map(width_of, tick_texts(y_scale.ticks(5), signed=True))) + 12
    names = max(width_of(one.name) for one in stops)
    top, bottom = 28.0, 288.0 if broad else 258.0
    plot = Plot(width, bottom + 44, left, width - names - 24, top, bottom)
    x = Scale.over([one.x for one in stops], plot.left, plot.right, zero=True, room=0.1)
    y = Scale(y_scale.low, y_scale.high, bottom, top)
    plot.x_axis(x, x_name, signed=True, zero=True, most=6 if broad else 4)
    plot.y_axis(y, y_name, signed=True, zero=True)
    places = [(x.place(one.x), y.place(one.y)) for one in stops]
    plot.path("line s0", places)
    beside = apart([down + 12 for _, down in places], 15.0, top, bottom)
    for one, (across, down), at in zip(stops, places, beside, strict=True):
        plot.dot(
            "good" if one.taken else "s0", across, down, one.title, size=6.0 if one.taken else 4.0, shape=3 if one.taken else 0
        )
        plot.text(across + 8, at + 4, one.name, css="over strong" if one.taken else "over")
    return plot.svg("broad" if broad else "slim", label)
