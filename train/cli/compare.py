"""`embed-tune compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.cli.options import CacheOption, DebugOption, JsonOption, VerboseOption, YesOption, note_packaged
from train.cli.output import agreement, print_json, print_line, progress_aside


def compare_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL|KEY=VALUE",
            help="Models: folders, runs, presets (`scibert`), models behind an API (`voyage-3.5`, `openai:NAME@URL`), "
            "Hub ids; and settings, e.g. measure.seconds=20.",
            show_default=False,
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
            help="YAML file with models, data and limits, e.g. configs/compare.yaml.",
        ),
    ] = None,
    max_latency_ms: Annotated[
        float | None, typer.Option("--max-latency-ms", metavar="MS", help="Maximum time for 95 of 100 single texts.")
    ] = None,
    min_throughput: Annotated[
        float | None, typer.Option("--min-throughput", metavar="N", help="Minimum texts per second.")
    ] = None,
    max_memory_mb: Annotated[float | None, typer.Option("--max-memory-mb", metavar="MB", help="Maximum peak memory.")] = None,
    max_dims: Annotated[int | None, typer.Option("--max-dims", metavar="N", help="Maximum number of dimensions.")] = None,
    max_price: Annotated[
        float | None, typer.Option("--max-price", metavar="USD", help="Maximum price in US dollars per million tokens.")
    ] = None,
    local_only: Annotated[bool, typer.Option("--local-only", help="Recommend no model behind an API.")] = False,
    licence: Annotated[
        list[str] | None,
        typer.Option("--licence", "--license", metavar="ID", help="An allowed licence; may be given several times."),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", metavar="Q", help="Quality to give up for a cheaper model, e.g. 0.01.")
    ] = None,
    documents: Annotated[
        int | None, typer.Option("--documents", metavar="N", help="Documents in the estimated index; 1,000,000 by default.")
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option("--prices", metavar="FILE", help="YAML file of prices; it takes precedence over configs/prices.yaml."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="New folder for compare.html, .json, .csv; by default in checkpoints/comparisons/."),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write the table to this file.")] = None,
    measure_again: Annotated[
        bool, typer.Option("--measure-again", help="Measure speed again instead of using earlier measurements.")
    ] = False,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Compare models on your texts: quality with intervals and tests, speed, memory, size, price; and recommend one.

    Each model is judged on the same rows and timed in a process of its own. A second run reads vectors and times from the cache.

    - `embed-tune compare all-MiniLM-L6-v2 first --data my_pairs.csv`

    - `embed-tune compare -c configs/compare.yaml --max-latency-ms 20`

    - `embed-tune compare scibert voyage-3.5 -d beir/ --max-price 0.05`
    """
    from train.workflows.compare.config import read_compare_request

    options = {
        "limits.max_latency_ms": max_latency_ms,
        "limits.min_throughput": min_throughput,
        "limits.max_memory_mb": max_memory_mb,
        "limits.max_dims": max_dims,
        "limits.max_price": max_price,
        "limits.local_only": local_only or None,
        "limits.licences": licence or None,
        "limits.tolerance": tolerance,
        "measure.documents": documents,
        "measure.prices": prices,
        "vector_cache": cache,
    }
    request = read_compare_request(words or (), data=data or (), config=config or (), options=options)
    from train.resolve.early import look_at_data, look_at_models

    look_at_data(request.config)
    look_at_models(request.candidates)
    from train.workflows.compare.compare import compare_models

    with progress_aside(as_json):
        result = compare_models(request, output=output, csv=csv, confirm=agreement(yes), again=measure_again, debug=debug)
    if as_json:
        print_json(result.to_dict())
    else:
        print_line(f"\n{result.text()}")
