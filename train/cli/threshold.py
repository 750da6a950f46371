"""`embed-tune threshold`: from which similarity on texts are taken for matches."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import RUNS, CacheOption, DebugOption, JsonOption, RunsOption
from train.cli.output import print_json, print_line, progress_aside


class UseName(StrEnum):
    """What a threshold decides."""

    SEARCH = "search"
    DUPLICATES = "duplicates"


def threshold_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or its bare name.")],
    precision: Annotated[
        float, typer.Option("--precision", "-p", metavar="P", help="How many of what is taken shall be right.")
    ] = 0.95,
    share: Annotated[
        float | None,
        typer.Option(
            "--share",
            metavar="S",
            help="Share of right ones where the threshold will be used, such as 0.01; by default that of the data.",
        ),
    ] = None,
    use: Annotated[
        UseName | None,
        typer.Option(
            "--for",
            metavar="USE",
            help="`search`: is the first document an answer? `duplicates` (scored pairs only): do two texts mean the same? By "
            "default what the data set allows.",
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="One of the run's data sets; by default its first.")
    ] = None,
    match_from: Annotated[
        float | None,
        typer.Option(
            "--match-from", metavar="SCORE", help="Score from which on a pair is a match; by default the middle of the scale."
        ),
    ] = None,
    runs: RunsOption = RUNS,
    cache: CacheOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Choose the similarity from which on texts are taken for matches: on dev, with its precision on test.

    Of queries with documents: when is the first document of a search an answer? Of scored pairs: when do two texts mean the same?
    It is recorded in the run's model/, shown on its card, and taken by `embed-tune search --min-similarity model`. Precision
    depends on how many true matches there are among all; that share is said, with the precision at others.

    - `embed-tune threshold first --precision 0.95`

    - `embed-tune threshold first --precision 0.99 --share 0.01`

    - `embed-tune threshold first --for duplicates --match-from 4`
    """
    from train.resolve.threshold import ThresholdRequest, ThresholdTask

    request = ThresholdRequest(
        run=run,
        precision=precision,
        share=share,
        use=None if use is None else use.value,
        dataset=dataset,
        match_from=match_from,
        cache=cache,
        output_dir=runs,
    )
    task = ThresholdTask.of(request)
    from train.workflows.threshold import choose_for_run

    with progress_aside(as_json):
        found = choose_for_run(task, debug=debug)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(f"\n{found}")
