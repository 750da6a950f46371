"""Embed and search from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from train.api.models import TextRole, role_of, texts_of
from train.api.runs import OUTPUT_DIR
from train.api.session import session
from train.api.settings import column_settings, setting_words
from train.api.words import Data, ModelName, model_settings, model_word, sources_of
from train.console import Listener
from train.encode.api.confirm import Confirm
from train.errors import ConfigError
from train.vectors.embed_result import EmbedResult

if TYPE_CHECKING:
    from train.vectors.files import VectorFile
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
    to: str | None = None,
    with_text: bool = False,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> EmbedResult:
    """Turn texts into vectors, in memory, in a file that may be larger than memory, or in a store.

    Args:
        model: whose vectors they are.
        texts: N texts, or the path of a file that holds them.
        out: .parquet or .npy file for the vectors; a file of texts needs it, or `to`. What was stopped continues where it was.
        role: what the texts are to the model.
        precision: of the stored vectors; ubinary takes a 32nd of the bytes of float32.
        column: columns of the file that hold the text; recognised by their usual names where left out.
        ids: of N texts; their numbers, from 1, where left out.
        overwrite: replace a file that exists, or make a collection anew.
        to: the store that the vectors go to: "qdrant:PLACE/COLLECTION" or "faiss:FILE.faiss".
        with_text: keep the texts beside the vectors in the file or the store.
        output_dir: folder that runs and the shared cache are in.
        settings: of the section `model` and the cache, by dotted key.
        progress: hears each line that the command would print with --verbose.
        confirm: gets what a model behind an API would cost, and returns whether to go on; without it nothing is spent.

    Raises:
        ConfigError, DataError, ModelError: nothing can be embedded.
        Interrupted: `confirm` said no.
    """
    from train.resolve.vectors import EmbedRequest, TextChoice, checked_destination, checked_out, read_model
    from train.workflows.embed import embed_texts

    columns = (column,) if isinstance(column, str) else tuple(column or ())
    chosen: TextChoice | tuple[str, ...]
    if isinstance(texts, str | os.PathLike):
        chosen = TextChoice(os.fspath(texts), columns)
        if out is None and to is None:
            raise ConfigError("it is not said where the vectors of a file go", hint='give out="vectors.parquet" or "vectors.npy"')
    else:
        chosen = texts_of(texts)
        if columns:
            raise ConfigError("column= is for a file of texts, and here is a list", hint="leave it out")
        if ids is not None and len(texts_of(ids, "ids")) != len(chosen):
            raise ConfigError(f"{len(ids)} ids for {len(chosen)} texts", hint="give one id a text, or leave ids out")
    with session(progress):
        words = setting_words({"output_dir": os.fspath(output_dir)}, model_settings(model), settings)
        destination = None if to is None else checked_destination(to)
        if destination is not None:
            if out is not None:
                raise ConfigError("out= and to= are given at once", hint="give one of both")
            destination.refuse_precision(precision)
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
            with_text=with_text,
            to=destination,
        )
        return embed_texts(request, confirm=confirm)


def search(
    vectors: str | os.PathLike[str] | EmbedResult | None = None,
    queries: Sequence[str] = (),
    *,
    data: Data | None = None,
    anchor: str | None = None,
    positive: str | None = None,
    model: ModelName | None = None,
    finer: str | os.PathLike[str] | EmbedResult | None = None,
    method: str | None = None,
    top: int | None = None,
    rescore: int | None = None,
    documents: str | os.PathLike[str] | None = None,
    min_similarity: float | Literal["model"] | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> SearchResult:
    """Search vectors that `embed` made, by every method that their bytes allow.

    Args:
        vectors: the file, or what `embed` returned; with `data` it may be left out, and the documents of the data are embedded. A
            store that `embed` filled ("faiss:FILE.faiss") searches by itself.
        queries: texts to search for.
        data: queries with known answers, see `fine_tune`: each method is judged on them.
        anchor, positive: columns of query and document in the data; recognised where left out.
        model: that encodes the queries; the one that made the vectors by default.
        finer: vectors of the same texts with more bits, to score candidates again.
        method: the only method to use, besides the first, with which it is compared.
        top: hits a query.
        rescore: candidates by bits for each hit, which are scored again.
        documents: file with the texts, to show them.
        min_similarity: hits below it are left out; "model" takes what `Run.threshold` recorded beside the weights.
        output_dir, progress, confirm: see `embed`.
        settings: of the sections `model` and `data` and the cache, by dotted key.

    Raises:
        ConfigError, DataError, ModelError: nothing can be searched.
        Interrupted: `confirm` said no.
    """
    from train.resolve.vectors import RESCORE, TOP, SearchRequest, TextChoice, read_min_similarity
    from train.vectors.stores.destination import is_destination, parse_destination, refuse_for_stores
    from train.workflows.search import search_vectors
    from train.workflows.search_store import StoreSearch, search_store

    if top is not None and top < 1:
        raise ConfigError(f"top={top} asks for no hits", hint="ask for 1 or more")
    own = {} if model is None else model_settings(model)
    words = setting_words({"output_dir": os.fspath(output_dir)}, own, settings)
    columns = setting_words(column_settings({"anchor": anchor, "positive": positive}))
    if isinstance(vectors, str) and is_destination(vectors):
        refuse_for_stores(data=data, method=method, finer=finer, documents=documents, min_similarity=min_similarity)
        with session(progress):
            asked = StoreSearch(
                parse_destination(vectors, "vectors ="),
                tuple(texts_of(queries, "queries")),
                None,
                None if model is None else model_word(model),
                tuple(words),
                TOP if top is None else top,
                None if min_similarity is None else float(min_similarity),
            )
            return search_store(asked, confirm=confirm)
    with session(progress):
        request = SearchRequest(
            vectors=_vectors(vectors),
            queries=texts_of(queries, "queries"),
            model=None if model is None else model_word(model),
            overrides=tuple(word for word in words if not word.startswith("data.")),
            finer=_vectors(finer),
            method=method,
            top=TOP if top is None else top,
            rescore=RESCORE if rescore is None else rescore,
            documents=None if documents is None else TextChoice(os.fspath(documents)),
            min_similarity=None if min_similarity is None else read_min_similarity(str(min_similarity)),
            data=() if data is None else tuple(sources_of(data, output_dir)),
            data_settings=(*columns, *(word for word in words if word.startswith("data."))),
        )
        return search_vectors(request, confirm=confirm)


def _vectors(named: str | os.PathLike[str] | EmbedResult | None) -> Path | VectorFile | None:
    """Return vectors in memory, or the path of their file."""
    if isinstance(named, EmbedResult):
        return named.open()
    return None if named is None else Path(named)
