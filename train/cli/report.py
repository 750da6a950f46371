"""`embed-tune report`: one page over all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder that your runs are in; of a single run, its page is named.")
    ] = Path("checkpoints"),
    open_page: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Build FOLDER/index.html over all runs: one row a run, to sort, filter, open and compare two.

    Unfinished and broken runs are listed with the way to go on. The page needs no network.

    - `embed-tune report`

    - `embed-tune report checkpoints --open`

    - `embed-tune report first --open`
    """
    from train.workflows.report import report_folder

    report_folder(folder, open_page=open_page)
