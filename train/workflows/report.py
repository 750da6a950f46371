"""`embed-tune report`: one page over all runs of a folder, or the way to the page of one run."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from train.console import say
from train.errors import RunError
from train.report.index import write_index
from train.runs.find import RUNS
from train.runs.listing import read_run


def report_folder(path: Path, *, open_page: bool = False) -> Path:
    """Build the index over the runs in a folder; of a folder that is a run itself, say where its page is.

    Args:
        path: folder of runs, or of one run; a bare name is looked for in checkpoints/, too.
        open_page: show the page in the browser.

    Returns:
        The page.

    Raises:
        RunError: there is no such folder, no run in it, or the one run has no page.
        OSError: the index cannot be written.
    """
    folder = path if path.exists() or len(path.parts) != 1 else RUNS / path
    if any((folder / name).is_file() for name in ("config.yaml", "report.json", "environment.json")):
        page = page_of(folder)
        say(f"report: {page}")
    else:
        page, summary = write_index(folder if folder.exists() else path)
        say(f"index: {page}")
        say(f"  {summary}")
    if open_page and not webbrowser.open(page.resolve().as_uri()):
        say("  no browser was found; open the file yourself")
    return page


def page_of(folder: Path) -> Path:
    """`report.html` of a finished run.

    Raises:
        RunError: the run is not finished, or broken.
    """
    run = read_run(folder)
    if run.state == "finished" and run.link:
        return folder / "report.html"
    what = {"unfinished": "is not finished, so it has no report", "finished": "has no page"}.get(run.state, "is broken")
    hint = " ".join(part for part in (run.hint[:1].lower() + run.hint[1:], run.command) if part)
    raise RunError(f"{folder} {what}: {run.trouble.rstrip('.')}", hint=hint or None)
