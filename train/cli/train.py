"""`embed-tune train`: fine-tune a model and judge it against its base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import EmbedTuneError
from train.cli.fail_on import FailOnOption, fail_if_run
from train.cli.options import RUNS, DebugOption, VerboseOption, note_packaged
from train.cli.output import print_line
from train.cli.sources import require_source
from train.config.packaged import packaged

DEFAULT_CONFIG = packaged("default.yaml")


def train_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA]... [KEY=VALUE]...",
            help="Data sets, as for `--data`; and settings, e.g. training.epochs=2",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            readable=False,
            callback=note_packaged,
            help="YAML file; configs/ has one for each purpose, configs/models/ one for each of many models. May be given "
            "several times: a later file takes precedence over an earlier one, key by key.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            help="A data set: a file, folder or glob (CSV TSV JSON JSONL Parquet, BEIR) or a Hub id. May be given several times: "
            "one model is trained on all of them.",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", help="Continue this run (its folder or its bare name) from its last complete checkpoint."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, with time and memory; train nothing.")
    ] = False,
    fail_on: FailOnOption = None,
    debug: DebugOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Fine-tune a model on your texts and judge it against its base: load, split, fit, judge, report, export.

    Without options it trains on the packaged samples, without a download: Python's own documentation and 1,200 DevOps phrases.

    - `embed-tune train my_pairs.csv --dry-run`

    - `embed-tune train my_pairs.csv run_name=first training.epochs=2`

    - `embed-tune train --config configs/ranking.yaml --fail-on worse`

    - `embed-tune train --resume checkpoints/first`
    """
    from train.config.load import load_config, split_words

    named, overrides = split_words(words or ())
    if resume is not None:
        places = [word.partition("=")[2] for word in overrides if word.startswith("output_dir=")]
        if config or data or named or dry_run or len(places) < len(overrides):
            raise EmbedTuneError(
                "--resume takes no settings but output_dir (where the run is): a run continues with the settings it began with",
                hint="leave them out, or start a new run",
            )
        where = places[-1] if places else RUNS
        from train.runs.find import find_unfinished

        find_unfinished(resume, where)  # before anything heavy is imported
        from train.pipeline import resume_run

        fail_if_run(fail_on, resume_run(resume, output_dir=where, debug=debug))
        return
    for word in named:
        require_source(word)
    data = [*named, *(data or ())]
    if not config and not data:
        config = [DEFAULT_CONFIG]
    from train.config.launcher import apply_launcher
    from train.console import say
    from train.distributed import is_main
    from train.resolve.early import look_at_run

    settings = apply_launcher(load_config(config, data=data or None, overrides=overrides), say)
    look_at_run(settings)
    from train.pipeline import start_run

    if dry_run:
        from train.workflows.dry_run import dry_run as show_plan

        found = show_plan(settings, debug=debug)
        if is_main():
            print_line(str(found) if verbose else found.in_brief())
    else:
        fail_if_run(fail_on, start_run(settings, debug=debug))
