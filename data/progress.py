"""Progress bars: one switch for all of them. Library code shows none; the command line says who draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Tick = Callable[[int], None]
"""Is called with the number of units of each lot that was done."""

Drawer = Callable[[str, int | None, str], AbstractContextManager[Tick]]
"""Draws a bar inside a block; gets what is done, the number of units, None where that is not known, and what is counted."""

_drawers: list[Drawer | None] = [None]


def shown() -> bool:
    """Tell whether bars are to be shown."""
    return _drawers[-1] is not None


@contextmanager
def bars(draw: Drawer | None) -> Iterator[None]:
    """Let `draw` show bars inside the block, in all threads; None hides them."""
    _drawers.append(draw)
    try:
        yield
    finally:
        _drawers.pop()


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "row", *, wanted: bool | None = None) -> Iterator[Tick]:
    """Show a bar inside the block, if bars are shown. The value is called with the number of units of each lot that was done.

    Args:
        what: is done, such as "reading".
        total: units in all, where that is known.
        unit: what is counted.
        wanted: False shows none.
    """
    draw = _drawers[-1]
    if draw is None or wanted is False:
        yield lambda number: None
        return
    with draw(what, total, unit) as tick:
        yield tick
