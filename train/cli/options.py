"""Options and words that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

EXIT_CODES = "Exit codes: 0 done, 2 a mistake that the message explains, 3 asked for by `--fail-on`, 130 interrupted."

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, everything else on standard error.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")]
CacheOption = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="PLACE",
        help="Where vectors are kept for the next time: `auto` (a file in checkpoints/), `off`, a folder, or redis://HOST:PORT/DB.",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Spend money on APIs without asking.")]


def cache_setting(place: str | None) -> list[str]:
    """`--cache PLACE` as a setting."""
    return [] if place is None else [f"vector_cache={place}"]
