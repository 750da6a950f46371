"""Ctrl-C: the first one ends what goes on in an orderly way, a second one ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from train import distributed

STOPPED = 130
"""Exit code of what was stopped."""
ECHO_SECONDS = 5.0
"""With several processes the launcher passes a Ctrl-C on that the terminal has sent to all: within this time it is an echo."""


class _Interrupts:
    """Counts them."""

    def __init__(self) -> None:
        self._first: float | None = None

    def heard(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        at = time.monotonic()
        if self._first is None:
            self._first = at
            raise KeyboardInterrupt
        if distributed.world_size() == 1 or at - self._first > ECHO_SECONDS:
            end_at_once()


def end_at_once() -> None:
    """End the process without tidying up. What it was writing lies aside, and nothing that counts is half written."""
    out = sys.__stderr__
    if out is not None:
        shown = "\x1b[?25h" if out.isatty() else ""  # a display hides the cursor
        print(f"{shown}\nstopped at once", file=out, flush=True)
    os._exit(STOPPED)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a second Ctrl-C end the process inside the block."""
    own = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or own is not signal.default_int_handler:
        yield  # others decide what a Ctrl-C does
        return
    signal.signal(signal.SIGINT, _Interrupts().heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)
