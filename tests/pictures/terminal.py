"""A program in a real terminal of a certain size, and what stands on its screen."""

from __future__ import annotations

import fcntl
import io
import itertools
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

LINES = 400
"""Height of the terminal: everything that was printed stays on the screen."""

_SVG = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, Menlo, Consolas"
)
"""rich's picture of a terminal, without the font that it would load from the network."""

_STYLES = {"brown": "yellow", "default": ""}
"""pyte's names for colours that rich calls otherwise."""


@dataclass(frozen=True)
class Recording:
    """What a program printed at a terminal.

    Attributes:
        columns: width of the terminal.
        code: exit code.
        screen: what stands on the screen at the end.
        raw: everything that was sent to the terminal.
    """

    columns: int
    code: int
    screen: pyte.Screen
    raw: str

    @property
    def lines(self) -> list[str]:
        """Return the lines on the screen, without the empty ones at the end."""
        found = [line.rstrip() for line in self.screen.display]
        while found and not found[-1]:
            found.pop()
        return found

    def svg(self, title: str) -> str:
        """Return the screen as a picture."""
        console = Console(record=True, width=self.columns, file=io.StringIO(), force_terminal=True)
        for row in range(len(self.lines)):
            console.print(_styled(self.screen, row), no_wrap=True, crop=True)
        return console.export_svg(title=title, code_format=_SVG)


def _styled(screen: pyte.Screen, row: int) -> Text:
    line = Text()
    for column in range(screen.columns):
        one = screen.buffer[row][column]
        style = [_STYLES.get(one.fg, one.fg)] if one.fg != "default" else []
        line.append(one.data, " ".join([*style, *(["bold"] if one.bold else [])]))
    line.rstrip()
    return line


def record(
    command: Sequence[str],
    columns: int,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    seconds: float = 600,
    on_output: Callable[[str, int], None] | None = None,
) -> Recording:
    """Run a program at a terminal of that width until it ends.

    Args:
        command: and its arguments.
        columns: width of the terminal.
        folder: where it runs.
        variables: added to the environment.
        seconds: after which it is killed.
        on_output: gets all that was printed so far and the terminal, to type into it.

    Raises:
        TimeoutError: it did not end.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", **(variables or {})}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], list(command), environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
    screen = pyte.Screen(columns, LINES)
    stream, raw, until = pyte.ByteStream(screen), b"", time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            ready, _, _ = select.select([terminal], [], [], 1.0)
            if not ready:
                continue
            try:
                found = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                found = b""
            if not found:
                break
            raw += found
            stream.feed(found)
            if on_output is not None:
                on_output(raw.decode("utf-8", "replace"), terminal)
        else:
            os.kill(pid, 9)
            raise TimeoutError(f"{' '.join(command)} did not end within {seconds:.0f} s")
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    return Recording(columns, os.waitstatus_to_exitcode(status), screen, raw.decode("utf-8", "replace"))


def broken_words(lines: Sequence[str], columns: int) -> list[str]:
    """Return the pairs of lines of which the first fills the width and ends within a word that the second goes on with."""
    return [
        f"{first}\n{second}"
        for first, second in itertools.pairwise(lines)
        if len(first) >= columns and second[:1].strip() and first[-1:].isalnum() and second[:1].isalnum()
    ]
