"""`embed-tune check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import DebugOption, JsonOption, VerboseOption, note_packaged
from train.cli.output import print_json, print_line, progress_aside


def check_command(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA... [KEY=VALUE]...",
            help="Data sets, as for `train --data`; and settings, e.g. data.columns.anchor=question data.leaks=keep",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", readable=False, callback=note_packaged, help="YAML file that names data and base model."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="MODEL", help="Base model whose tokenizer is used; by default the config's."),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens/--no-tokens", help="Count tokens with the base model's tokenizer, or only words.")
    ] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with exit code 2 on warnings that cast doubt on a result, such as leaks.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="New folder for audit.json and audit.txt.")
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Look for what makes a tuned model worse or a result untrue: leaks, duplicates, swapped columns, broken or cut texts.

    Every `train` begins with the same check. Findings name rows (file and line), and say what was done and what helps.

    - `embed-tune check my_pairs.csv`

    - `embed-tune check beir/ pairs.jsonl --strict --output checked`

    - `embed-tune check my_pairs.csv --model intfloat/e5-small --json`
    """
    from train.config.load import load_config, split_words

    sources, settings = split_words(data or [])
    if model is not None:
        settings.append(f"model.name={model}")
    if strict:
        settings.append("data.strict=true")
    if not sources and config is None:
        from train.errors import ConfigError

        raise ConfigError("no data set is named", hint="embed-tune check DATA: a file, folder, glob or Hub id; or --config FILE")
    from train.config.schema import JudgeSettings

    loaded = load_config(config, data=sources or None, overrides=settings, kind=JudgeSettings)
    from train.workflows.check import check_data

    with progress_aside(as_json):
        found = check_data(loaded, tokens=tokens, output=output, debug=debug)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(f"\n{found}")
    found.raise_failures()
