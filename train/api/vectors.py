"""Embed and search from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import EmbedTuneError
from train.api.models import TextRole, role_of
from train.api.runs import OUTPUT_DIR
from train.api.settings import setting_words
from train.api.words import ModelName, model_word
from train.console import Listener, heard_by
from train.encode.api.confirm import Confirm
from train.errors import ConfigError
from train.vectors.embed_result import EmbedResult

if TYPE_CHECKING:
    from train.vectors.quantization import Precision
    from train.vectors.search_result import SearchResult


def embed(
    model: ModelName,
    texts: Sequence[str] | str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    role: TextRole = "document",
    precision: Precision = "float32",
    column: str | Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    overwrite: bool = False,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> EmbedResult:
    """Turn texts into vectors, in memory or in a file that may be larger than memory.

    Args:
        model: whose vectors they are.
        texts: N texts, or the path of a file that holds them.
        out: .parquet or .npy file for the vectors; a file of texts needs it. What was stopped continues where it was.
        role: what the texts are to the model.
        precision: of the stored vectors; ubinary takes a 32nd of the bytes of float32.
        column: columns of the file that hold the text; recognised by their usual names where left out.
        ids: of N texts; their numbers, from 1, where left out.
        overwrite: replace a file that exists.
        output_dir: folder that runs and the shared cache are in.
        settings: of the section `model` and the cache, by dotted key.
        progress: hears each line that the command would print.
        confirm: gets what a model behind an API would cost, and returns whether to go on; without it nothing is spent.

    Raises:
        ConfigError, DataError, ModelError: nothing can be embedded.
        Interrupted: `confirm` said no.
    """
    from train.resolve.vectors import EmbedRequest, TextChoice, checked_out, read_model
    from train.workflows.embed import embed_texts

    columns = (column,) if isinstance(column, str) else tuple(column or ())
    chosen: TextChoice | tuple[str, ...]
    if isinstance(texts, str | os.PathLike):
        chosen = TextChoice(os.fspath(texts), columns)
        if out is None:
            raise ConfigError("it is not said where the vectors of a file go", hint='give out="vectors.parquet" or "vectors.npy"')
    else:
        chosen = _checked(texts, "texts")
    with heard_by(progress):
        words = setting_words({"output_dir": os.fspath(output_dir), **(settings or {})})
        candidate, config = read_model(model_word(model), words)
        request = EmbedRequest(
            candidate=candidate,
            config=config,
            texts=chosen,
            ids=None if ids is None else tuple(ids),
            out=checked_out(None if out is None else Path(out)),
            role=role_of(role),
            precision=precision,
            overwrite=overwrite,
        )
        return embed_texts(request, confirm=confirm)


def search(
    vectors: str | os.PathLike[str] | EmbedResult,
    queries: Sequence[str],
    *,
    model: ModelName | None = None,
    finer: str | os.PathLike[str] | EmbedResult | None = None,
    method: str | None = None,
    top: int | None = None,
    documents: str | os.PathLike[str] | None = None,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> SearchResult:
    """Search vectors that `embed` made, by every method that their bytes allow.

    Args:
        vectors: the file, or what `embed` returned.
        queries: texts to search for.
        model: that encodes the queries; the one that made the vectors by default.
        finer: vectors of the same texts with more bits, to score candidates again.
        method: the only method to use.
        top: hits a query.
        documents: file with the texts, to show them.
        settings, progress, confirm: see `embed`.

    Raises:
        ConfigError, DataError, ModelError: nothing can be searched.
        Interrupted: `confirm` said no.
    """
    from train.resolve.vectors import TOP, SearchRequest, TextChoice
    from train.workflows.search import search_vectors

    with heard_by(progress):
        request = SearchRequest(
            vectors=vectors.open() if isinstance(vectors, EmbedResult) else Path(vectors),
            queries=_checked(queries, "queries"),
            model=None if model is None else model_word(model),
            overrides=tuple(setting_words(settings)),
            finer=finer.open() if isinstance(finer, EmbedResult) else None if finer is None else Path(finer),
            method=method,
            top=TOP if top is None else top,
            documents=None if documents is None else TextChoice(os.fspath(documents)),
        )
        return search_vectors(request, confirm=confirm)


def _checked(texts: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the texts.

    Raises:
        EmbedTuneError: one text instead of a list, or something among them that is none.
    """
    if isinstance(texts, str):
        raise EmbedTuneError(f"{what} are given as a list, and here is one text", hint="write [text]")
    for number, one in enumerate(texts, start=1):
        if not isinstance(one, str):
            raise EmbedTuneError(
                f"{what}: number {number} is a {type(one).__name__}, not a text", hint="leave it out, or fill it in"
            )
    return tuple(texts)
