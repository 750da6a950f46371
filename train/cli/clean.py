"""`embed-tune clean`: remove what nobody needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import RUNS, DebugOption, RunsOption
from train.cli.output import print_line


def clean_command(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Folder that holds your runs, or a single run.", show_default=False)
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KIND",
            help="`states`, `checkpoints`, `parts`, `wandb`, `staging`, `vectors`, `tokens` or `data`; several may be given.",
        ),
    ] = None,
    runs: RunsOption = RUNS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what can go; remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List each file, what it is for, and what was left alone.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """List what takes room and nobody needs, with sizes and what is lost, and remove it after asking.

    Models, reports, scores, your data and everything of unfinished runs stay.

    - `embed-tune clean --dry-run --verbose`

    - `embed-tune clean checkpoints/first --only checkpoints`
    """
    from train.errors import ConfigError
    from train.workflows.clean import in_bytes, look_for_leftovers, remove_leftovers

    found = look_for_leftovers(folder or runs, only or (), output_dir=runs)
    for line in found.lines(verbose):
        print_line(line)
    if dry_run or not found.found:
        return
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            hint = "--yes removes without asking, --dry-run only shows"
            raise ConfigError("nothing was removed: there is no terminal to ask at", hint=hint)
        if not _agreed():
            print_line("nothing was removed")
            return
    done = remove_leftovers(found)
    print_line(f"removed {in_bytes(done.bytes)}")
    for line in done.kept:
        print_line(f"  {line}", sys.stderr)


def _agreed() -> bool:
    try:
        return input("Remove all of this? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
