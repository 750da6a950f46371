"""One drawing: a field with axes, and the marks in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from markupsafe import Markup

from train.report.drawing.scale import Scale, tick_texts
from train.report.drawing.svg import element, joined, path_of, width_of

BROAD, SLIM = 720.0, 360.0
"""Widths for which every picture is laid out: a desk's and a phone's. Type is of one size in both."""
SIZE = 12.0
"""Of the type; the style sheet says the same."""

Place = tuple[float, float]


class Drawn(NamedTuple):
    """A picture in both widths; without a slim one the broad one serves both."""

    broad: Markup
    slim: Markup | None = None


@dataclass
class Plot:
    """A drawing that is being made; y grows downwards.

    Attributes:
        width, height: of the whole.
        left, right, top, bottom: coordinates of the field's borders.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    pieces: list[Markup] = field(default_factory=list)

    def add(self, tag: str, *inside: str, **attributes: str | float | None) -> None:
        """Draw any element."""
        self.pieces.append(element(tag, *inside, **attributes))

    def text(self, x: float, y: float, words: str, *, css: str = "label", anchor: str = "start") -> None:
        """Write words; (x, y) is where the line of the text begins, ends or has its middle."""
        self.add("text", words, class_=css, x=x, y=y, text_anchor=None if anchor == "start" else anchor)

    def fitting(self, x: float, y: float, words: str, *, css: str = "label", anchor: str = "middle") -> None:
        """Write words at x, moved as far as it takes to stay within the drawing."""
        wide = width_of(words, SIZE)
        begin = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        self.text(min(max(begin, 2.0), max(2.0, self.width - 2 - wide)), y, words, css=css)

    def rule(self, css: str, x1: float, y1: float, x2: float, y2: float, title: str = "") -> None:
        """Draw a straight line."""
        self.add("line", *([element("title", title)] if title else []), class_=css, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, css: str, places: Sequence[Place], *, closed: bool = False) -> None:
        """Draw a line along the places, or the area within them."""
        self.add("path", class_=css, d=path_of(list(places), closed))

    def dot(self, css: str, x: float, y: float, title: str = "", *, size: float = 4.0, shape: int = 0) -> None:
        """Draw a point: a disc, a square, a triangle or a diamond, so that colour is not the only sign."""
        inside = [element("title", title)] if title else []
        corners: tuple[list[Place], ...] = (
            [],
            [(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)],
            [(x, y - 1.25 * size), (x + 1.2 * size, y + size), (x - 1.2 * size, y + size)],
            [(x, y - 1.35 * size), (x + 1.35 * size, y), (x, y + 1.35 * size), (x - 1.35 * size, y)],
        )
        if shape % 4:
            self.add("path", *inside, class_=f"dot {css}", d=path_of(corners[shape % 4], closed=True))
        else:
            self.add("circle", *inside, class_=f"dot {css}", cx=x, cy=y, r=size)

    def x_axis(
        self, scale: Scale, name: str, *, signed: bool = False, most: int = 6, zero: bool = False, words: bool = True
    ) -> None:
        """Draw ticks and their lines along the lower border, and what is counted there; without `words` only the lines."""
        ticks = scale.ticks(most)
        for tick, text in zip(ticks, tick_texts(ticks, signed), strict=True):
            x = scale.place(tick)
            self.rule("zero" if zero and text == "0" else "grid", x, self.top, x, self.bottom)
            if words:
                self.fitting(x, self.bottom + 16, text, css="tick")
        self.rule("border", self.left, self.bottom, self.right, self.bottom)
        if name:
            self.fitting((self.left + self.right) / 2, self.bottom + 34, name, css="axis")

    def y_axis(
        self, scale: Scale, name: str, *, signed: bool = False, most: int = 5, zero: bool = False, lift: float = 10.0
    ) -> None:
        """Draw ticks and their lines along the left border; what is counted stands above, level, where it is read with ease.

        Args:
            scale: of the values.
            name: what they are.
            signed: whether they are differences.
            most: ticks.
            zero: whether the line at 0 stands out.
            lift: how far above the field the name stands.
        """
        ticks = scale.ticks(most)
        for tick, text in zip(ticks, tick_texts(ticks, signed), strict=True):
            y = scale.place(tick)
            self.rule("zero" if zero and text == "0" else "grid", self.left, y, self.right, y)
            self.text(self.left - 6, y + 4, text, css="tick", anchor="end")
        if name:
            self.text(2, self.top - lift, name, css="axis")

    def svg(self, css: str, label: str) -> Markup:
        """Return the whole; `label` says what it is to those who do not see it."""
        box = Markup(' viewBox="0 0 {} {}"').format(f"{self.width:g}", f"{self.height:g}")
        return Markup('<svg class="plot {}" role="img" aria-label="{}"{}>{}</svg>').format(css, label, box, joined(self.pieces))
