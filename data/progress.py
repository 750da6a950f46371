"""Progress bars on standard error: one switch for all of them. Library code shows none; the command line switches them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_switch: list[bool] = [False]


def shown() -> bool:
    """Tell whether bars are to be shown."""
    return _switch[-1]


@contextmanager
def bars(show: bool) -> Iterator[None]:
    """Show bars inside the block, in all threads, or hide them."""
    _switch.append(show)
    try:
        yield
    finally:
        _switch.pop()


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "row") -> Iterator[Callable[[int], None]]:
    """Show a bar inside the block, if bars are shown. The value is called with the number of units of each lot that was done.

    Args:
        what: is done, such as "reading".
        total: units in all, where that is known.
        unit: what is counted.
    """
    if not shown():
        yield lambda number: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit=unit, unit_scale=True, leave=False, delay=1) as bar:

        def tick(number: int) -> None:
            bar.update(number)

        yield tick
