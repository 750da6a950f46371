"""`embed-tune push`: put the model of a finished run on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import RUNS, RunsOption


def push_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or its bare name.")],
    repo_id: Annotated[
        str, typer.Argument(metavar="REPO", help="Repository on the Hub, OWNER/NAME; created if it does not exist.")
    ],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it; otherwise only its owner can.")] = False,
    licence: Annotated[
        str | None, typer.Option("--licence", "--license", help="Licence for the model card, by the Hub's id, e.g. apache-2.0.")
    ] = None,
    runs: RunsOption = RUNS,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Put the model of a finished run on the Hugging Face Hub, with a card; private unless `--public`.

    The token comes from the environment variable HF_TOKEN or from `hf auth login`.

    - `embed-tune push first me/my-model`

    - `embed-tune push checkpoints/first me/my-model --public --licence apache-2.0`
    """
    from train.deploy.hub import push_run

    push_run(run, repo_id, private=not public, licence=licence, output_dir=runs)
