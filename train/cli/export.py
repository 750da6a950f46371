"""`embed-tune export`: a model as a graph that runs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import RUNS, CacheOption, DebugOption, JsonOption, RunsOption, VerboseOption
from train.cli.output import print_json, print_line, progress_aside
from train.config.choices import ExportKind as Kind
from train.errors import ModelError


def export_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A finished run, or a model folder.")],
    to: Annotated[list[Kind], typer.Option("--to", help="What to make; may be given several times.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where to make a folder a kind; by default exports/ in the run."),
    ] = None,
    no_judge: Annotated[
        bool, typer.Option("--no-judge", help="Do not judge on the run's test, as for a model folder without data.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Keep an export that is not shown to be not worse; export.json records it.")
    ] = False,
    runs: RunsOption = RUNS,
    cache: CacheOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Turn a model into a graph that runs without PyTorch, with pooling and normalisation inside, and prove that it is as good.

    Its vectors are compared with the model's, alone and in padded batches; it is judged on the run's test beside the model, and
    timed. `evaluate`, `compare`, `embed` and `search` take its folder like any model.

    - `embed-tune export first --to onnx`

    - `embed-tune export first --to onnx --to onnx-int8 --to openvino`

    - `embed-tune evaluate first checkpoints/first/exports/onnx-int8 --data my_pairs.csv`
    """
    from train.resolve.exporting import ExportRequest, ExportTask

    kinds = tuple(dict.fromkeys(to))
    task = ExportTask.of(ExportRequest(model, kinds, output, not no_judge, force, cache, runs))
    from train.workflows.export.export import export_model

    with progress_aside(as_json):
        found = export_model(task, debug=debug)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(f"\n{found}")
    if found.refused:
        raise ModelError(
            f"not kept: {', '.join(found.refused)} (not shown to be not worse than the model)",
            hint="judge it on more data with embed-tune evaluate, export to another kind, or insist with --force",
        )
