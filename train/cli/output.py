"""Where what is said goes: lines and results to standard output, and with `--json` only the JSON there.

At a terminal one screen is drawn on (`train.cli.display`), and what is printed goes above what it draws.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from typing import Protocol, TextIO

from train.console import heard_by
from train.distributed import is_main

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_verbose = [False]


class Drawing(Protocol):
    """Something that is drawn on the terminal."""

    def print_above(self, line: str) -> bool:
        """Print a line above it; False where nothing is drawn just now on the terminal that the line is for."""

    def aside(self) -> AbstractContextManager[None]:
        """Draw nothing inside the block: the user is asked something."""


_drawn: list[Drawing] = []


@contextmanager
def drawn(drawing: Drawing) -> Iterator[None]:
    """Print above a drawing inside the block."""
    _drawn.append(drawing)
    try:
        yield
    finally:
        _drawn.remove(drawing)


def print_line(line: str, file: TextIO | None = None, *, fit: bool = True) -> None:
    """Print a line, to standard output unless another file is given, whatever characters the terminal knows.

    At a terminal, lines that are too wide are broken between words (`fit`); words that are too wide stay whole.
    """
    out = sys.stdout if file is None else file
    if fit and (width := columns(out)) is not None:
        line = fitted(line, width)
    if file is None and _drawn and _drawn[-1].print_above(line):
        return
    try:
        print(line, file=out, flush=True)
    except UnicodeEncodeError:  # half of a surrogate pair, or a terminal that knows few characters
        encoding = out.encoding or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=out, flush=True)


def columns(out: TextIO) -> int | None:
    """Return how many columns the terminal behind a file has; None where there is none."""
    try:
        return shutil.get_terminal_size().columns if out.isatty() else None
    except (AttributeError, ValueError):  # no file, or a closed one
        return None


def fitted(text: str, width: int) -> str:
    """Break the lines of a text that are wider than the terminal between words, further lines indented a little more.

    >>> fitted("  one two three", 10)
    '  one two\\n    three'
    """
    return "\n".join(one for line in text.split("\n") for one in _broken(line, width))


def _broken(line: str, width: int) -> Iterator[str]:
    if _columns(line) <= width:
        yield line
        return
    words = re.findall(r" *[^ ]+", line)  # each with the blanks before it, which align what follows
    indent = " " * (len(words[0]) - len(words[0].lstrip()) + 2) if words else ""
    row = ""
    for word in words:
        if row and _columns(row) + _columns(word) > width:
            yield row
            row = indent + word.lstrip()
        else:
            row += word
    yield row


def _columns(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(_COLOURS.sub("", text))


def print_json(value: object) -> None:
    """Print JSON to standard output, once over all processes. Numbers that JSON cannot hold (NaN) are an error."""
    if is_main():
        print_line(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), fit=False)


def be_verbose(wanted: bool) -> bool:
    """Show details from now on, or not; a callback of `--verbose`."""
    _verbose[0] = wanted
    return wanted


def details_listener() -> Callable[[str], object]:
    """Return who hears details."""
    return lambda line: print_line(line) if _verbose[0] else None


@contextmanager
def progress_aside(aside: bool) -> Iterator[None]:
    """Send what is said or printed inside the block to standard error, if `aside`: standard output holds the result alone.

    Nothing of ours prints, but libraries do, and so does code that a model brings along.
    """
    if not aside:
        yield
        return
    with redirect_stdout(sys.stderr), heard_by(print_line, details=details_listener()):
        yield


def agreement(yes: bool, ask: Callable[[str], str] = input) -> Callable[[str], bool] | None:
    """Return how to learn whether money may be spent: agreed by `--yes`, asked at a terminal, or None where nobody can be asked.

    The callable gets what it would cost, in words, and returns whether the user agrees.
    """
    if not yes and (sys.stdin is None or not sys.stdin.isatty()):
        return None

    def agreed(cost: str) -> bool:
        if yes:
            print_line(f"  together {cost}; agreed to by --yes", sys.stderr)
            return True
        try:
            with _drawn[-1].aside() if _drawn else nullcontext():
                answer = ask(f"  together {cost}. Continue? [y/N] ")
        except EOFError:
            answer = ""
        return answer.strip().lower() in ("y", "yes")

    return agreed
