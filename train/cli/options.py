"""Options and words that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from train.cli.output import be_verbose, print_line
from train.config.packaged import config_file
from train.distributed import is_main

T = TypeVar("T", Path | None, list[Path] | None)

EXIT_CODES = (
    "Exit codes: 0 done, 2 a mistake that the message explains, 3 asked for by `--fail-on`, 4 not as it should be, "
    "130 interrupted."
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, everything else on standard error.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", callback=be_verbose, help="Say more: how the data are read, what was settled and why.")
]
CacheOption = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="PLACE",
        help="Where vectors are kept for later commands: `auto` (a file in checkpoints/), `off`, a folder, or redis://HOST:PORT/DB.",
    ),
]
RunsOption = Annotated[
    Path, typer.Option("--runs", metavar="FOLDER", help="The folder in which runs are found by their bare names (output_dir).")
]
RUNS = Path("checkpoints")
"""Default of `--runs`, as of the setting `output_dir`."""

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Spend money on APIs without asking.")]


def note_packaged(files: T) -> T:
    """Let the user know which files of `--config` are those that came with the program; a callback of that option."""
    paths = files if isinstance(files, list) else [files]
    for path in paths:
        if path is not None and config_file(path) != path and is_main():
            print_line(f"{path}: not in this folder; the file of that name that came with embed-tune is read", sys.stderr)
    return files


def cache_setting(place: str | None) -> list[str]:
    """Return `--cache PLACE` as a setting."""
    return [] if place is None else [f"vector_cache={place}"]
