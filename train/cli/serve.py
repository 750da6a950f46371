"""`embed-tune serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from train.cli.options import DebugOption, VerboseOption
from train.encode.contract import Role


def serve_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A run, a model folder, an export of a run, or a Hub id.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings of the model, e.g. model.device=cpu")
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; by default this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")] = 8080,
    role: Annotated[
        Role, typer.Option(metavar="ROLE", help="What texts are where `input_type` does not say: query, document or symmetric.")
    ] = Role.DOCUMENT,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What clients call the model; by default the name of the run.")
    ] = None,
    key_from: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="Variable with the key that clients must send; by default EMBED_TUNE_SERVER_KEY."),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Longest time a request may take.")] = 60.0,
    waiting: Annotated[int, typer.Option(metavar="N", min=1, help="Requests at a time; more get 503.")] = 256,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Serve vectors in OpenAI's form: `/v1/embeddings`, `/v1/models`, `/health` and `/metrics`.

    Requests that come together are encoded together. Ctrl-C or SIGTERM ends it when what was begun is answered.

    - `embed-tune serve first --port 8080`

    - `embed-tune serve first/exports/onnx --role query`
    """
    from train.deploy.server.limits import Limits
    from train.resolve.early import look_at_model
    from train.resolve.vectors import read_model

    candidate, config = read_model(model, overrides or [])
    look_at_model(candidate.config)
    from train.workflows.serve import ServeRequest, serve

    limits = Limits(seconds=seconds, waiting=waiting)
    serve(ServeRequest(candidate, config, host, port, role, name, key_from, limits), debug=debug)
