"""What moves on the terminal: one display with how far the work is and how long it will still take.

It is drawn by rich where there is a terminal, below the lines that are said. Where there is none (a pipe, a file, CI, TERM=dumb),
a run says a plain line for each tenth of its work instead.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TextIO

from data.progress import Tick, bars
from train.cli.output import details_listener, drawn, print_line
from train.console import Progress, heard_by
from train.distributed import is_main
from train.wording import duration

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

TENTHS = 10
SHOWN_AFTER = 1.0
"""Seconds after which a bar is drawn; shorter work needs none."""
MOST_BARS = 2
WIDEST_BAR = 30


class _Bar:
    """How far one piece of work is."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done, self.began = 0, time.monotonic()

    def tick(self, number: int) -> None:
        """Note that so many units more are done."""
        self.done += number

    @property
    def left_seconds(self) -> float | None:
        """Seconds that it will still take at the speed so far."""
        if not self.done or not self.total:
            return None
        return (self.total - self.done) * (time.monotonic() - self.began) / self.done

    def in_words(self) -> str:
        """Return what is done and how much of it."""
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.what}: {self.done:,}{of} {self.unit}s"


class Display:
    """Draws the progress of a run, or of pieces of work where no run is followed.

    Args:
        terminal: the file that it is drawn on; None where nothing can be drawn.
        say: prints a plain line.
    """

    def __init__(self, terminal: TextIO | None, say: Callable[[str], object] = print_line) -> None:
        self.terminal, self.say = terminal, say
        self._on_stdout = terminal is sys.stdout
        self._progress: Progress | None = None
        self._heard_at = 0.0
        self._tenth = 0
        self._bars: list[_Bar] = []
        self._live: Live | None = None
        self._lock = threading.RLock()

    def hear(self, progress: Progress) -> None:
        """Take in how far a run is."""
        with self._lock:
            self._progress, self._heard_at = progress, time.monotonic()
            if progress.done >= 1:
                self._progress = None
                self._stop()
            elif self.terminal is not None:
                self._start()
            elif (tenth := int(progress.done * TENTHS)) > self._tenth:
                self._tenth = tenth
                self.say(self._line_of_a_tenth(progress))

    def _line_of_a_tenth(self, progress: Progress) -> str:
        note = f" ({progress.note})" if progress.note else ""
        left = "" if progress.left_seconds is None else f"; about {duration(progress.left_seconds)} left"
        return f"  {progress.done:.0%} done: {progress.phase}{note}{left}"

    @contextmanager
    def bar(self, what: str, total: int | None, unit: str) -> Iterator[Tick]:
        """Draw a bar inside the block, once it lasts a while; see `data.progress`."""
        one = _Bar(what, total, unit)
        with self._lock:
            self._bars.append(one)

        def tick(number: int) -> None:
            one.tick(number)
            if self._live is None and time.monotonic() - one.began > SHOWN_AFTER:
                with self._lock:
                    self._start()

        try:
            yield tick
        finally:
            with self._lock:
                self._bars.remove(one)
                if not self._bars and self._progress is None:
                    self._stop()

    def print_above(self, line: str) -> bool:
        """Print a line above what is drawn; False where nothing is drawn on the terminal that the line is for."""
        with self._lock:
            if self._live is None or not self._on_stdout:
                return False
            self._live.console.out(line, highlight=False)
            return True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Draw nothing inside the block: the user is asked something."""
        with self._lock:
            self._stop()
            terminal, self.terminal = self.terminal, None
        try:
            yield
        finally:
            self.terminal = terminal

    def _start(self) -> None:
        if self._live is not None or self.terminal is None:
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self.terminal, force_jupyter=False)
        self._live = Live(
            get_renderable=self._drawn,
            console=console,
            refresh_per_second=5,
            transient=True,
            redirect_stdout=self._on_stdout,
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def close(self) -> None:
        """Draw nothing any more."""
        with self._lock:
            self._progress = None
            self._stop()

    def _drawn(self) -> Group:
        from rich.console import Group

        width = self._live.console.width if self._live is not None else 80
        now = time.monotonic()
        lines: list[RenderableType] = []
        if (one := self._progress) is not None:
            left = None if one.left_seconds is None else max(one.left_seconds - (now - self._heard_at), 0.0)
            lines.append(_row(one.phase, one.done, f"{one.done:4.0%}", left, width))
            if one.note:
                lines.append(_cut(f"  {one.note}", width))
        shown = [bar for bar in self._bars if now - bar.began > SHOWN_AFTER]
        if self._progress is not None:
            lines += [_cut(f"  {bar.in_words()}", width) for bar in shown[-1:] if not self._progress.note]
        else:
            lines += [
                _row(bar.in_words(), bar.done / bar.total if bar.total else None, "", bar.left_seconds, width)
                for bar in shown[:MOST_BARS]
            ]
        return Group(*lines)


def _row(what: str, done: float | None, share: str, left_seconds: float | None, width: int) -> Table:
    """Return a line with a bar: what is done, how far it is, and how long it will still take."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    left = "" if left_seconds is None else f"about {duration(left_seconds)} left"
    table = Table.grid(padding=(0, 1))
    room = width - len(share) - len(left) - 4
    bar = max(8, min(WIDEST_BAR, room // 3))
    table.add_row(
        _cut(what, max(room - bar, 8)),
        ProgressBar(total=1.0, completed=done or 0.0, width=bar, pulse=not done),
        share,
        left,
    )
    return table


def _cut(text: str, most: int) -> Text:
    from rich.text import Text

    found = Text(text, no_wrap=True, overflow="ellipsis")
    found.truncate(most, overflow="ellipsis")
    return found


def drawable() -> TextIO | None:
    """Return the file of the terminal that can be drawn on: standard output, or else standard error; None where there is none."""
    if os.environ.get("TERM", "") in ("dumb", "unknown") or not is_main():
        return None
    for file in (sys.stdout, sys.stderr):
        try:
            if file.isatty():
                return file
        except (AttributeError, ValueError):  # no file, or a closed one
            continue
    return None


@contextmanager
def display() -> Iterator[Display]:
    """Print what is said inside the block, and draw its progress."""
    one = Display(drawable())
    draw = None if one.terminal is None else one.bar
    with closing(one), drawn(one), bars(draw), heard_by(print_line, details=details_listener(), progress=one.hear):
        yield one
