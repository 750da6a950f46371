"""`embed-tune evaluate`: judge a model, or one against another, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import EmbedTuneError
from train.cli.fail_on import FailOnOption, fail_if
from train.cli.options import CacheOption, DebugOption, JsonOption, VerboseOption, YesOption, cache_setting, note_packaged
from train.cli.output import agreement, print_json, print_line, progress_aside
from train.config.choices import Split


def evaluate_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model folder, a run, a checkpoint-* folder, a name in configs/models/, a model behind an API (openai:NAME), "
            "or a Hub id (owner/name).",
        ),
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="A second model, judged against the first.", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Settings, e.g. data.columns.anchor=question. Those under `model` are for MODEL, under `other` for OTHER.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", help="A data set, as for `train`; may be given several times.")
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            readable=False,
            callback=note_packaged,
            help="YAML file that names the data, e.g. checkpoints/first/config.yaml; may be given several times.",
        ),
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option(
            "--split",
            metavar="ROWS",
            help="`train`, `dev`, `test` or `all`. By default test where the data has it, else all rows; but never those that a "
            "judged run was trained on.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With two models: new folder for report.html, report.json and scores.")
    ] = None,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    fail_on: FailOnOption = None,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Judge a model without training; with two models, judge the second against the first.

    One model gets a 95% interval for each metric. Two get the paired interval of the difference, a verdict, and the queries that
    changed most.

    - `embed-tune evaluate all-MiniLM-L6-v2 --data my_pairs.csv`

    - `embed-tune evaluate all-MiniLM-L6-v2 intfloat/e5-small --data beir/`

    - `embed-tune evaluate old/ checkpoints/first -d a.csv -d b.csv -o old-first`

    - `embed-tune evaluate old/ new/ --data a.csv --json --fail-on worse`
    """
    words = [model, *([] if other is None else [other]), *(overrides or ()), *cache_setting(cache)]
    from train.resolve.requests import read_request

    request = read_request(words, data=data or (), config=config, split=split)
    if len(request.candidates) == 1:
        for option, value in (("--output", output), ("--fail-on", fail_on)):
            if value is not None:
                raise EmbedTuneError(f"{option} needs two models: one alone has no verdict", hint="name a second model")
    from train.resolve.early import look_at_data, look_at_models

    look_at_data(request.config)
    look_at_models(request.candidates)
    from train.workflows.evaluate import evaluate_models

    with progress_aside(as_json):
        found = evaluate_models(request, output=output, confirm=agreement(yes), debug=debug)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(f"\n{found.text()}")
    if found.verdict is not None:
        fail_if(fail_on, found.verdict, found.compared, found.sides)
