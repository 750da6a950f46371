"""Where what is said goes: lines and results to standard output, and with `--json` only the JSON there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

from train.console import heard_by
from train.distributed import is_main


def print_line(line: str, file: TextIO | None = None) -> None:
    """Print a line, to standard output unless another file is given, whatever characters the terminal knows."""
    out = sys.stdout if file is None else file
    try:
        print(line, file=out, flush=True)
    except UnicodeEncodeError:  # half of a surrogate pair, or a terminal that knows few characters
        encoding = out.encoding or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=out, flush=True)


def print_json(value: object) -> None:
    """Print JSON to standard output, once over all processes. Numbers that JSON cannot hold (NaN) are an error."""
    if is_main():
        print_line(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


@contextmanager
def progress_aside(aside: bool) -> Iterator[None]:
    """Send what is said or printed inside the block to standard error, if `aside`: standard output holds the result alone.

    Nothing of ours prints, but libraries do, and so does code that a model brings along.
    """
    if not aside:
        yield
        return
    with redirect_stdout(sys.stderr), heard_by(lambda line: print_line(line, sys.stderr)):
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
            answer = ask(f"  together {cost}. Continue? [y/N] ")
        except EOFError:
            answer = ""
        return answer.strip().lower() in ("y", "yes")

    return agreed
