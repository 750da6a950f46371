"""Rows of differences with their intervals against 0, and where there are any the single values as dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from train.report.drawing.plot import BROAD, SLIM, Drawn, Plot
from train.report.drawing.scale import Scale
from train.report.drawing.svg import shortened, width_of

NAMES = 210.0
"""Most room for the names of rows beside the field; on a phone they stand above their lines."""


@dataclass(frozen=True)
class DrawnRow:
    """One row.

    Attributes:
        name: at its left; one without a value is a heading.
        value: the difference.
        ci95: its interval.
        note: figures at its right.
        look: its classes in the style sheet: a verdict's.
        dots: single values, with what a pointer on each says.
        title: what a pointer on the row says.
    """

    name: str
    value: float | None = None
    ci95: tuple[float, float] | None = None
    note: str = ""
    look: str = "no_evidence"
    dots: Sequence[tuple[float, str]] = ()
    title: str = ""


def row_chart(rows: Sequence[DrawnRow], label: str, x_name: str, *, signed: bool = True) -> Drawn:
    """Draw the rows in one scale that holds 0.

    Args:
        rows: from the top down.
        label: what is drawn, for those who do not see it.
        x_name: what the differences are.
        signed: whether the values are differences.
    """
    return Drawn(_chart(BROAD, rows, label, x_name, signed), _chart(SLIM, rows, label, x_name, signed))


def _chart(width: float, rows: Sequence[DrawnRow], label: str, x_name: str, signed: bool) -> Markup:
    broad = width == BROAD
    ends = [end for row in rows for end in (*(row.ci95 or ()), *(value for value, _ in row.dots), row.value)]
    names = min(max(width_of(row.name) for row in rows), NAMES)
    notes = max(width_of(row.note) for row in rows)
    left, right = (names + 22, width - notes - 16) if broad else (12.0, width - 12.0)
    heights = [_height(row, broad) for row in rows]
    bottom = 10 + sum(heights)
    plot = Plot(width, bottom + 44, left, right, 10, bottom)
    x = Scale.over(ends, left, right, zero=True)
    plot.x_axis(x, x_name, signed=signed, zero=True, most=6 if broad else 4)
    top = 10.0
    for row, height in zip(rows, heights, strict=True):
        _draw(plot, row, x, top, top + height, broad, names)
        top += height
    return plot.svg("broad" if broad else "slim", label)


def _height(row: DrawnRow, broad: bool) -> float:
    if row.value is None:
        return 26.0
    return (26.0 if broad else 42.0) + (12.0 if row.dots else 0.0)


def _draw(plot: Plot, row: DrawnRow, x: Scale, top: float, bottom: float, broad: bool, names: float) -> None:
    if row.value is None:
        plot.text(2 if broad else plot.left, bottom - 7, shortened(row.name, plot.width - 20), css="label strong")
        return
    y = (top + bottom) / 2 if broad else bottom - 11
    if broad:
        plot.text(10, y + 4, shortened(row.name, names))
        plot.text(plot.right + 12, y + 4, row.note, css="aside")
    else:
        room = plot.right - plot.left - width_of(row.note) - 12
        plot.text(plot.left, top + 14, shortened(row.name, room), css="label over")
        plot.text(plot.right, top + 14, row.note, css="aside over", anchor="end")
    title = row.title or f"{row.name}: {row.note}"
    if row.dots:
        for value, words in row.dots:
            plot.dot("s0 hollow", x.place(value), y - 7, words, size=3.5)
        y += 6
    if row.ci95 is not None:
        low, high = map(x.place, row.ci95)
        plot.rule(f"span {row.look}", low, y, high, y, title)
        for end in (low, high):
            plot.rule(f"span {row.look}", end, y - 4, end, y + 4)
    shape = {"improved": 2, "regressed": 3}.get(row.look, 0)
    plot.dot(row.look, x.place(row.value), y, title, size=4.5, shape=3 if row.dots else shape)
