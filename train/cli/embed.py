"""`embed-tune embed`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from train import distributed
from train.cli.options import CacheOption, DebugOption, JsonOption, VerboseOption, YesOption, cache_setting
from train.cli.output import agreement, print_line, progress_aside
from train.config.schema import DEFAULT_MODEL
from train.encode.contract import Role
from train.errors import ConfigError

if TYPE_CHECKING:
    from train.vectors.embed_result import EmbedResult
    from train.vectors.stores.destination import Destination

PART = 8192
"""Texts that are encoded before their vectors are written."""


class PrecisionName(StrEnum):
    """Forms of stored vectors."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    UINT8 = "uint8"
    BINARY = "binary"
    UBINARY = "ubinary"


class EmptyName(StrEnum):
    """What to do with a row without a text."""

    FAIL = "fail"
    SKIP = "skip"
    KEEP = "keep"


ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="MODEL", help="A model folder, a run, a preset, a model behind an API (openai:NAME) or a Hub id."
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="NAME", help="Column with the text; several are joined by a blank. By default found by name."
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option("--id-column", metavar="NAME", help="Column with the id; by default `_id` or `id`, else row numbers."),
]
EmptyOption = Annotated[
    EmptyName,
    typer.Option("--empty", metavar="WHAT", help="A row without a text: `fail`, `skip` it, or `keep` it as an empty text."),
]


def embed_command(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="One text per line (.txt), CSV TSV JSON JSONL Parquet, a folder of texts, or - for standard input.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings of the model, e.g. model.device=cpu")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write: .parquet, or .npy with its ids and ranges beside it.")
    ] = None,
    texts: Annotated[
        list[str] | None, typer.Option("--text", metavar="TEXT", help="A text instead of FILE; its vector is printed as JSON.")
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            "--role", metavar="ROLE", help="What the texts are: `document`, `query` or `symmetric`. It decides the prompt."
        ),
    ] = Role.DOCUMENT,
    precision: Annotated[
        PrecisionName,
        typer.Option(
            "--precision", metavar="FORM", help="`float32`, `float16`, `int8`, `uint8`, `binary` or `ubinary` (32 times smaller)."
        ),
    ] = PrecisionName.FLOAT32,
    dimensions: Annotated[
        int | None, typer.Option("--dimensions", min=1, metavar="N", help="Keep the first N dimensions (Matryoshka models).")
    ] = None,
    ranges: Annotated[
        Path | None,
        typer.Option("--ranges", help="Ranges for int8 and uint8, from an earlier file; by default those of the first part."),
    ] = None,
    columns: ColumnOption = None,
    id_column: IdOption = None,
    empty: EmptyOption = EmptyName.FAIL,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="STORE",
            help="Instead of --out: qdrant:FOLDER/COLLECTION, qdrant:http://HOST:PORT/COLLECTION or faiss:FILE.faiss; FILE may "
            "be vectors that `embed` made.",
        ),
    ] = None,
    with_text: Annotated[bool, typer.Option("--with-text", help="Store the texts beside the vectors.")] = False,
    part: Annotated[
        int, typer.Option("--part", min=1, metavar="N", help="Texts that are encoded before their vectors are written.")
    ] = PART,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file; make a collection anew instead of adding to it.")
    ] = False,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Only say what it would cost: texts, tokens, time, size, money. Nothing is written."),
    ] = False,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Turn a file of texts into a file of vectors. It may be larger than memory.

    To continue a stopped job, give the same command again. Several processes share the work under
    `accelerate launch --config_file FILE train/run.py embed`.

    - `embed-tune embed corpus.jsonl --out vectors.parquet`

    - `embed-tune embed notes.txt -m first -o notes.npy --precision int8`

    - `embed-tune embed a.csv --column body -o a.parquet --precision ubinary`

    - `embed-tune embed --text "how do I restart a pod" --role query -m first`
    """
    from train.resolve.vectors import (
        EmbedRequest,
        TextChoice,
        checked_destination,
        checked_out,
        is_setting,
        read_model,
        vectors_at,
    )

    words = [*([file] if file is not None and is_setting(file) else []), *(overrides or ())]
    place = None if file is None or is_setting(file) else file
    if (place is None) == (not texts):
        raise ConfigError(
            "no texts are named" if place is None else "a file and --text are given at once",
            hint="name a file, or give texts with --text",
        )
    if out is not None and to is not None:
        raise ConfigError(
            "--out and --to are given at once", hint="give one; embed-tune embed VECTORS --to … uploads a file later"
        )
    if texts and to is not None:
        raise ConfigError("--text prints vectors and uploads nothing", hint="leave out --to, or put the texts into a file")
    if place is not None and out is None and to is None and not estimate:
        raise ConfigError("no output file is named", hint="give --out vectors.parquet or --out vectors.npy, or --to a store")
    if texts and out is not None:
        raise ConfigError("--text prints vectors and makes no file", hint="leave out --out, or put the texts into a file")
    if dimensions is not None:
        words.append(f"model.dimensions={dimensions}")
    destination = None if to is None else checked_destination(to)
    named = [one for one in ("model", "precision", "role") if getattr(context.get_parameter_source(one), "name", "") != "DEFAULT"]
    vectors = None if destination is None or place is None or "model" in named else vectors_at(place)
    if destination is not None and vectors is not None:
        if words or named:
            raise ConfigError(f"{place} holds vectors that are made already", hint="give --model to embed its texts anew")
        with progress_aside(as_json):
            result = _upload(vectors, destination, with_text=with_text, part=part, overwrite=overwrite, debug=debug)
        print_line(json.dumps(result.to_dict()) if as_json else str(result))
        return
    candidate, config = read_model(model, [*words, *cache_setting(cache)])
    if destination is not None:
        destination.refuse_precision(precision.value)
    request = EmbedRequest(
        candidate=candidate,
        config=config,
        texts=tuple(texts or ()) if place is None else TextChoice(place, tuple(columns or ()), id_column, empty.value),
        out=checked_out(out),
        role=role,
        precision=precision.value,
        ranges=ranges,
        with_text=with_text,
        part=part,
        overwrite=overwrite,
        to=destination,
    )
    from train.resolve.early import look_at_model, look_at_texts

    look_at_texts(request.texts)
    look_at_model(candidate.config)
    if estimate:
        from train.workflows.embed_estimate import estimate_embedding

        with progress_aside(as_json):
            said = estimate_embedding(request, debug=debug)
        if distributed.is_main():
            print_line(json.dumps(said.to_dict(), ensure_ascii=False) if as_json else str(said))
        return
    from train.workflows.embed import embed_texts

    as_json = as_json or place is None  # vectors of single texts are printed in no other form
    with progress_aside(as_json):
        result = embed_texts(request, confirm=agreement(yes), debug=debug)
    if distributed.is_main():
        print_line(json.dumps(result.to_dict(), ensure_ascii=False) if as_json else str(result))


def _upload(vectors: Path, destination: Destination, *, with_text: bool, part: int, overwrite: bool, debug: bool) -> EmbedResult:
    """Put a file of vectors into a store."""
    from train.workflows.upload import UploadRequest, upload_vectors

    return upload_vectors(UploadRequest(vectors, destination, with_text, part, overwrite), debug=debug)
