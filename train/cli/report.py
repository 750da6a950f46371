"""`embed-tune report`: one page over all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import RUNS, RunsOption
from train.cli.output import print_line


def report_command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER", help="Folder that holds your runs; for a single run, or its bare name, the path of its page."
        ),
    ] = None,
    runs: RunsOption = RUNS,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Build FOLDER/index.html over all runs: one row a run, to sort, filter, open and compare two.

    Unfinished and broken runs are listed with how to continue. The page needs no network.

    - `embed-tune report`

    - `embed-tune report checkpoints --open`

    - `embed-tune report first --open`
    """
    from train.workflows.report import report_folder

    found = report_folder(folder or runs, output_dir=runs)
    print_line(str(found))
    if open_page:
        import webbrowser

        if not webbrowser.open(found.page.resolve().as_uri()):
            print_line("  no browser was found; open the file yourself")
