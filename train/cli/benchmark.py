"""`embed-tune benchmark`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Any

import typer

from train.cli.options import CacheOption, DebugOption, JsonOption, VerboseOption, YesOption, cache_setting, note_packaged
from train.cli.output import agreement, print_json, print_line, progress_aside
from train.cli.settings_as_options import SettingsCommand
from train.errors import ConfigError

LISTS = ("--tasks", "-t")
"""Options that take all words up to the next option."""


class TaskList(SettingsCommand):
    """A command that takes `--tasks ArguAna NFCorpus` as short for `--tasks ArguAna --tasks NFCorpus`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its words, then parse as usual. A setting (KEY=VALUE) ends the list."""
        out: list[str] = []
        option, taken = "", False
        for word in args:
            if word.startswith("-") or "=" in word:
                option, taken = (word if word in LISTS else ""), False
            elif option:
                out += [option] if taken else []
                taken = True
            out.append(word)
        return super().parse_args(ctx, out)


def benchmark_command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Folders, runs, checkpoint-* folders, names in configs/models/, models behind an API (openai:NAME), Hub ids; "
            "settings (model.max_tokens=256) are for all of them.",
        ),
    ],
    tasks: Annotated[
        list[str] | None,
        typer.Option("--tasks", "-t", metavar="NAME...", help="Tasks and benchmarks of MTEB by name: ArguAna NFCorpus."),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", help="One of your data sets, as for `train`; may be given several times.")
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            readable=False,
            callback=note_packaged,
            help="YAML file that names data; may be given several times.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for results in mteb's format; by default checkpoints/.cache/mteb, which all runs share.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", readable=False, help="YAML file of prices; it takes precedence over configs/prices.yaml."),
    ] = None,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Run public benchmark tasks (MTEB) and your own data sets through mteb, several models in one table.

    Results are stored in mteb's format under the model's name and revision, so they can be compared with the public leaderboard.
    What is already in mteb's cache is not computed again.

    - `embed-tune benchmark all-MiniLM-L6-v2 --tasks ArguAna NFCorpus`

    - `embed-tune benchmark all-MiniLM-L6-v2 first --tasks SciFact -d my_pairs.csv`
    """
    from train.resolve.requests import read_many

    request = read_many("benchmark", [*words, *cache_setting(cache)], data=data or (), config=config or (), needs_data=not tasks)
    if importlib.util.find_spec("mteb") is None:
        raise ConfigError("benchmark tasks are run by mteb, which is not installed", hint="pip install mteb")
    from train.resolve.early import look_at_data, look_at_models

    if request.has_data:
        look_at_data(request.config)
    look_at_models(request.candidates)
    from train.workflows.benchmark.run import run_benchmark

    with progress_aside(as_json):
        result = run_benchmark(request, tasks or (), output=output, prices=prices, confirm=agreement(yes), debug=debug)
    if as_json:
        print_json(result.to_dict())
    else:
        print_line(f"\n{result}")
    result.require_scores()
