"""`embed-tune settings`."""

from __future__ import annotations

from typing import Annotated

import typer

from train.cli.options import DebugOption, JsonOption
from train.cli.output import print_json, print_line


def settings_command(
    word: Annotated[
        str | None,
        typer.Argument(metavar="[WORD]", help="Part of a key, a choice or a description; without it, all settings."),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List all settings, or those that contain a word: type or choices, bounds, default, and what each does.

    They are written KEY=VALUE on the command line, or in a YAML file for `--config`.

    - `embed-tune settings`

    - `embed-tune settings learning_rate`

    - `embed-tune settings prompt --json`
    """
    from train.workflows.settings import find_settings

    found = find_settings(word)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(str(found))
