"""Elements of SVG and HTML, escaped, with coordinates that a browser can read."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from markupsafe import Markup, escape

LETTER = 0.62
"""Width of a letter as a share of the size of the type, on the wide side of what browsers draw."""


def number(value: float) -> str:
    """Return a coordinate with one decimal at most.

    Raises:
        ValueError: it is NaN or infinite, which would silently draw nothing.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no coordinate")
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def element(tag: str, *inside: str, **attributes: str | float | None) -> Markup:
    """Return an element; texts and values are escaped, and None leaves an attribute out.

    Args:
        tag: name of the element.
        inside: what it holds: `Markup` as it is, texts escaped.
        attributes: `class_` and `for_` without the stroke, `stroke_width` and the like with a hyphen.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), value if isinstance(value, str) else number(value))
        for name, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), written, joined(inside))


def joined(parts: Sequence[str]) -> Markup:
    """Return the parts one after the other; what is no `Markup` is escaped."""
    return Markup("").join(map(escape, parts))


def path_of(places: list[tuple[float, float]], closed: bool = False) -> str:
    """Return the `d` of a path along these places."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in places)
    return f"M{steps}{'Z' if closed else ''}" if places else ""


def width_of(text: str, size: float = 12.0) -> float:
    """Return about how wide a text is, in the unit of the size of its type."""
    letters = sum(2.0 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in text)
    return letters * LETTER * size


def shortened(text: str, room: float, size: float = 12.0) -> str:
    """Return the text, cut with an ellipsis where it is wider than the room."""
    if width_of(text, size) <= room:
        return text
    kept = text[: max(1, int(room / (LETTER * size)))]
    while len(kept) > 1 and width_of(f"{kept}…", size) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
