"""`embed-tune verify`: check that a copy of a model gives its vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import RUNS, DebugOption, JsonOption, RunsOption
from train.cli.output import print_json, print_line, progress_aside


def verify_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_URL", help="Folder, run, .onnx file, id on the Hub, or address of a server (http://…/v1)."
        ),
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="RUN_OR_FOLDER",
            help="What it should agree with: a run, a model's folder or an encoding.json; by default its own, or its run's.",
        ),
    ] = None,
    server_model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="What the server calls the model; by default it is asked.")
    ] = None,
    server_adds_prompts: Annotated[
        bool, typer.Option("--server-adds-prompts", help="Send texts without prompts: the server puts them before the texts.")
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            min=0.0,
            max=2.0,
            metavar="DISTANCE",
            help="Largest cosine distance allowed; by default what its kind may have: a judged export its own, fp32 1e-5.",
        ),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with the model.")
    ] = False,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Check that a folder, an exported file or a server gives the vectors of a model, and say why where it does not.

    Beside every tuned model lies encoding.json: how it encodes, with the vectors of 32 texts of ours. They are compared with what
    the copy gives. Prompts, pooling, normalisation, limits of tokens, modules, precision and tokenizer are told apart. A server
    is sent these texts and nothing else; its key comes from OPENAI_API_KEY.

    - `embed-tune verify first`

    - `embed-tune verify exports/onnx/model.onnx --against first`

    - `embed-tune verify http://localhost:8080/v1 --against first`
    """
    from train.errors import MismatchError
    from train.workflows.verify import VerifyRequest, check_request, verify_copy

    request = VerifyRequest(model, against, server_model, server_adds_prompts, tolerance, trust_remote_code, Path(runs))
    check_request(request)
    with progress_aside(as_json):
        found = verify_copy(request, debug=debug)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(str(found))
    if not found.fits:
        codes = ", ".join(dict.fromkeys(one.code for one in found.findings)) or "nothing could be compared"
        raise MismatchError(f"{model} does not give the vectors of {found.against}: {codes}")
