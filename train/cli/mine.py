"""`embed-tune mine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import CacheOption, DebugOption, JsonOption, VerboseOption, YesOption, cache_setting, note_packaged
from train.cli.output import agreement, print_json, print_line, progress_aside


def mine_command(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA [KEY=VALUE]...",
            help="Data set, as for `train --data`; and settings, e.g. mining.negatives=4 mining.rank_from=10",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", readable=False, callback=note_packaged, help="YAML file that names data, base model and settings."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="MODEL", help="Model that searches; by default the config's base model."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="New .jsonl or .parquet file for rows with negatives.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Hide half of the known positives and count how many would be mined.")
    ] = False,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Find hard negatives for pairs: texts that a model ranks high for a query although they do not belong to it.

    The file loads again without options (`train --data mined.jsonl`), with the same splits, and holds the score and rank of each
    negative. `train` mines by itself with `mining.enabled=true`. Known positives and their near duplicates are never taken.

    - `embed-tune mine my_pairs.csv --out mined.jsonl mining.negatives=4`

    - `embed-tune mine beir/ --audit mining.max_share_of_positive=0.9`

    - `embed-tune mine my_pairs.csv --model intfloat/e5-small --out mined.parquet`
    """
    from train.config.load import load_config, split_words
    from train.config.schema import JudgeSettings
    from train.errors import ConfigError

    sources, settings = split_words(data or [])
    if model is not None:
        settings.append(f"model.name={model}")
    if not sources and config is None:
        raise ConfigError("no data set is named", hint="embed-tune mine DATA --out FILE: a file, folder, glob or Hub id")
    loaded = load_config(config, data=sources or None, overrides=[*settings, *cache_setting(cache)], kind=JudgeSettings)
    if out is None and not audit:
        raise ConfigError("nothing to do", hint="--out FILE saves rows with their negatives, --audit counts false negatives")
    from train.resolve.early import look_at_data, look_at_model

    look_at_data(loaded)
    look_at_model(loaded.model)
    from train.workflows.mine import mine_data

    with progress_aside(as_json):
        found = mine_data(loaded, out=out, audit=audit, confirm=agreement(yes), debug=debug)
    if as_json:
        print_json(found.to_dict())
    else:
        print_line(str(found))
