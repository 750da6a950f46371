"""Progress bars of a process that has no terminal: sent to the one that has."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from data.progress import Tick, progress

EVERY = 0.2
"""Seconds between two messages about one bar."""


class SentBars:
    """Sends ("bar", (number, what, total, unit)), ("tick", (number, units)) and ("end", number).

    Args:
        channel: to the process that draws.
    """

    def __init__(self, channel: Connection) -> None:
        self._channel, self._numbers = channel, itertools.count()

    def __call__(self, what: str, total: int | None, unit: str) -> AbstractContextManager[Tick]:
        """See `data.progress.Drawer`."""
        return self._bar(what, total, unit)

    @contextmanager
    def _bar(self, what: str, total: int | None, unit: str) -> Iterator[Tick]:
        number: int | None = None  # what is short is not worth a message: single texts are timed
        waiting, sent = 0, time.monotonic()

        def tick(units: int) -> None:
            nonlocal number, waiting, sent
            waiting += units
            if time.monotonic() - sent < EVERY:
                return
            if number is None:
                number = next(self._numbers)
                self._channel.send(("bar", (number, what, total, unit)))
            self._channel.send(("tick", (number, waiting)))
            waiting, sent = 0, time.monotonic()

        try:
            yield tick
        finally:
            if number is not None:
                self._channel.send(("end", number))


class ReceivedBars:
    """Draws what `SentBars` sends."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[ExitStack, Tick]] = {}

    def take(self, kind: str, found: Any) -> None:
        """Take a message."""
        if kind == "bar":
            number, what, total, unit = found
            stack = ExitStack()
            self._open[number] = stack, stack.enter_context(progress(what, total, unit))
        elif kind == "tick":
            number, units = found
            self._open[number][1](units)
        elif kind == "end":
            self._open.pop(found)[0].close()

    def close(self) -> None:
        """End bars whose process ended before them."""
        for stack, _ in self._open.values():
            stack.close()
        self._open.clear()
