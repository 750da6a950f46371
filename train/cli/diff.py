"""`embed-tune diff`: compare the models of two finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.fail_on import FailOnOption, fail_if
from train.cli.options import RUNS, JsonOption, RunsOption
from train.cli.output import print_json, print_line


def diff_command(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a finished run, or its bare name.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="The run that is judged against it.")],
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
    fail_on: FailOnOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Compare the tuned models of two finished runs on the same test items, from their files; nothing is encoded.

    Says which is better and how sure that is, which settings differ, and what each run cost. Folders that `evaluate --output`
    made can be compared, too.

    - `embed-tune diff first second`

    - `embed-tune diff checkpoints/first checkpoints/second --fail-on worse`

    - `embed-tune diff first second --runs elsewhere --json`
    """
    from train.workflows.diff import diff_runs

    found = diff_runs(run_a, run_b, output_dir=runs)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(found.text())
    fail_if(fail_on, found.verdict, found.results, found.sides)
