"""`embed-tune monitor`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from train.cli.embed import ColumnOption, IdOption
from train.cli.options import RUNS, DebugOption, JsonOption, RunsOption, VerboseOption
from train.cli.output import print_json, print_line, progress_aside
from train.config.choices import Backend
from train.encode.contract import Role
from train.errors import ConfigError, VerdictError

if TYPE_CHECKING:
    from train.workflows.monitor.results import MonitorResult

EVERY = 10.0
"""Seconds between two looks at a folder."""


class FailLevel(StrEnum):
    """From which level on a window is a failure."""

    ALARM = "alarm"
    LOOK = "look"
    NEVER = "never"


def monitor_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or its bare name.")],
    window: Annotated[
        str | None,
        typer.Argument(
            metavar="WINDOW",
            help="The new texts: one text per line (.txt), CSV TSV JSON JSONL Parquet, - for standard input; or their vectors, "
            "as `embed --with-text` wrote them.",
        ),
    ] = None,
    columns: ColumnOption = None,
    id_column: IdOption = None,
    role: Annotated[
        Role | None,
        typer.Option("--role", metavar="ROLE", help="What the texts are: `query` (by default), `document` or `symmetric`."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="MODEL", help="Another form of the run's model, such as exports/onnx-int8."),
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="The vectors that production searches, as `embed` wrote them.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="One of the run's data sets; by default its first.")
    ] = None,
    label: Annotated[
        int | None,
        typer.Option("--label", min=1, metavar="N", help="Write a sheet of the N most foreign texts, with candidates, to label."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="FILE", help="Where the sheet goes (.csv); by default the run's monitor/."),
    ] = None,
    follow: Annotated[
        Path | None, typer.Option("--follow", metavar="FOLDER", help="Look at each new file of a folder, until Ctrl-C.")
    ] = None,
    every: Annotated[
        float, typer.Option("--every", min=0.1, metavar="SECONDS", help="How often a followed folder is looked at.")
    ] = EVERY,
    fail_on: Annotated[
        FailLevel,
        typer.Option(
            "--fail-on", metavar="LEVEL", help="From which level on a window ends with exit code 3: `alarm`, `look` or `never`."
        ),
    ] = FailLevel.ALARM,
    track: Annotated[
        Backend | None,
        typer.Option("--track", metavar="WHERE", help="Figures go to `wandb`, `tensorboard` or `none`; by default as the run's."),
    ] = None,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Tell whether new texts are still those that the model was judged on, and whether the index is still this model's.

    New texts are compared with the held-out queries of the run, known queries (canaries) must still find their documents. One
    level comes of it: quiet, look or alarm (exit code 3). A page and a JSON file are written into the run's monitor/; they show
    texts and stay on this machine.

    - `embed-tune monitor first today.jsonl`

    - `embed-tune monitor first today.csv --column query --index vectors.parquet`

    - `embed-tune monitor first today.jsonl --label 30 --sheet to_label.csv`

    - `embed-tune monitor first --follow incoming/`
    """
    from train.resolve.early import look_at_texts
    from train.resolve.monitor import MonitorRequest, MonitorTask
    from train.resolve.vectors import TextChoice

    if (window is None) == (follow is None):
        what = "no window is named" if window is None else "a window and --follow are given at once"
        raise ConfigError(what, hint="name a file of new texts, or a folder to watch with --follow")
    choice = TextChoice(window or "", tuple(columns or ()), id_column)
    request = MonitorRequest(run, choice, role, model, index, dataset, label, sheet, track, runs)
    if follow is not None and label is not None:
        raise ConfigError("--label is for one window", hint="name the file, and leave --follow out")
    task = MonitorTask.of(request)
    if window is not None:
        _look_at(window, choice, look_at_texts)
        from train.workflows.monitor.monitor import watch_window

        with progress_aside(as_json):
            result = watch_window(task, debug=debug)
        _print(result, as_json)
        _fail_if(fail_on, result)
        return
    assert follow is not None
    from train.workflows.monitor.follow import follow_folder

    out = sys.stdout  # inside the block what is printed goes aside
    with suppress(KeyboardInterrupt), progress_aside(as_json):  # Ctrl-C is how it ends
        for result in follow_folder(task, follow, every=every, debug=debug):
            if as_json:
                print_line(json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False), out, fit=False)
            else:
                print_line(f"\n{result}")


def _look_at(window: str, choice: object, look_at_texts: object) -> None:
    """Find mistakes in the name of a window before anything heavy is imported; files of vectors are looked at later."""
    assert callable(look_at_texts)
    if not window.endswith((".parquet", ".npy")):
        look_at_texts(choice)


def _print(result: MonitorResult, as_json: bool) -> None:
    if as_json:
        print_json(result.to_dict())
    else:
        print_line(str(result))


def _fail_if(level: FailLevel, result: MonitorResult) -> None:
    """End with exit code 3, and say so, if the level of a window is one that `--fail-on` names: that is no error."""
    if level is FailLevel.NEVER or result.level == "quiet" or (level is FailLevel.ALARM and result.level != "alarm"):
        return
    what = "an alarm" if result.level == "alarm" else "a look"
    print(f"exit code {VerdictError.exit_code}: it is {what} (--fail-on never leaves it at 0)", file=sys.stderr)
    sys.exit(VerdictError.exit_code)
