"""A search that asks for one query after the other: at a terminal by a prompt, through a pipe a line a query."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from data.errors import EmbedTuneError
from train.cli.output import print_line, progress_aside
from train.cli.quick import quick_imports

if TYPE_CHECKING:
    from train.resolve.vectors import SearchRequest
    from train.vectors.search_result import SearchResult

PROMPT = "query> "
ENDS = (":q", ":quit")
TOP = re.compile(r":k\s*([1-9]\d{0,5})")
"""What sets the hits of each query from there on."""

Confirm = Callable[[str], bool]


def ask_for_queries(request: SearchRequest, *, confirm: Confirm | None, as_json: bool, debug: bool) -> None:
    """Answer queries until there are no more. An empty line, `:q`, the end of input or Ctrl-C ends it.

    Args:
        request: what is searched.
        confirm: asked once before money is spent; None refuses.
        as_json: print a line of JSON a query.
        debug: show what libraries log.

    Raises:
        ConfigError: nothing comes through the pipe.
        EmbedTuneError: nothing can be searched; and what a query through a pipe runs into.
    """
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    queries = _typed(as_json) if at_terminal else _piped()
    if not at_terminal:  # before the model is loaded: nobody may be there
        first = next(queries, None)
        if first is None:
            from train.resolve.vectors import no_query

            raise no_query()
        queries = _after(first, queries)
    with suppress(KeyboardInterrupt):
        _answer(request, queries, _agreed_once(confirm), as_json, debug, go_on=at_terminal)
        return
    print_line("", sys.stderr)


def _answer(
    request: SearchRequest, queries: Iterator[str], confirm: Confirm | None, as_json: bool, debug: bool, go_on: bool
) -> None:
    with quick_imports():
        from train.workflows.search import open_search
    top = request.top
    with ExitStack() as stack:
        with progress_aside(as_json):
            session = stack.enter_context(open_search(request, confirm=confirm, debug=debug))
        if go_on:
            about = f"{len(session.index):,} vectors of {session.candidate.label}"
            print_line(f"{about}. An empty line ends; :k 20 shows 20 hits.", sys.stderr)
        for query in queries:
            if wanted := TOP.fullmatch(query):
                top = int(wanted[1])
                continue
            try:
                with progress_aside(as_json):
                    result = session.ask(query, top)
            except EmbedTuneError as error:
                if not go_on:
                    raise
                print_line(f"error: {error}", sys.stderr)
            else:
                _show(result, as_json)


def _show(result: SearchResult, as_json: bool) -> None:
    if as_json:
        print_line(json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False))
    else:
        print_line(f"\n{result}\n")


def _typed(as_json: bool) -> Iterator[str]:
    """Ask at the terminal, with the lines typed before at the arrow keys where the system has readline."""
    with suppress(ImportError):
        import readline  # noqa: F401 - input() uses it once it is there
    # what is piped on holds results only; a prompt there would be one of them
    aside = as_json or not sys.stdout.isatty()
    while True:
        if aside:
            print(PROMPT, end="", file=sys.stderr, flush=True)
        try:
            line = input("" if aside else PROMPT).strip()
        except EOFError:
            print_line("", sys.stderr)
            return
        if not line or line in ENDS:
            return
        yield line


def _piped() -> Iterator[str]:
    for line in sys.stdin or ():
        if line.strip():
            yield line.strip()


def _after(first: str, others: Iterator[str]) -> Iterator[str]:
    yield first
    yield from others


def _agreed_once(confirm: Confirm | None) -> Confirm | None:
    """Return a `confirm` that asks until the user has agreed once: a query costs next to nothing."""
    if confirm is None:
        return None
    agreed: list[bool] = []

    def ask(cost: str) -> bool:
        if not agreed and confirm(cost):
            agreed.append(True)
        return bool(agreed)

    return ask
