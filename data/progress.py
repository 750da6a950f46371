"""A progress bar on standard error where that is a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "row") -> Iterator[Callable[[int], None]]:
    """Within the block, the value is called with the number of units of each lot that was done.

    Args:
        what: is done, such as "reading".
        total: units in all, where that is known.
        unit: what is counted.
    """
    if not sys.stderr.isatty():
        yield lambda number: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit=unit, unit_scale=True, leave=False, delay=1) as bar:

        def tick(number: int) -> None:
            bar.update(number)

        yield tick
