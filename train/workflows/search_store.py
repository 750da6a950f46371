"""`embed-tune search STORE`: queries, encoded by the model that made the vectors of a store, against that store."""

from __future__ import annotations

from dataclasses import dataclass

from data.sources.texts import open_texts
from train.console import quiet_libraries
from train.encode.api.confirm import Confirm
from train.encode.contract import Role
from train.encode.protocol import TextEncoder
from train.errors import ConfigError, ModelError, RunError
from train.resolve.cost import confirm_texts
from train.resolve.open import open_candidate
from train.resolve.vectors import TextChoice, no_query, read_model, settings_of_vectors
from train.vectors.files import VectorInfo
from train.vectors.search_result import SHOWN, SearchResult, hits_of
from train.vectors.stores.destination import Destination
from train.vectors.stores.open import open_store


@dataclass(frozen=True)
class StoreSearch:
    """What is searched for, and where.

    Attributes:
        store: the collection or the index.
        queries: texts.
        query_file: a file of queries, besides.
        model: the model as `--model` takes it; None for the one that the store's record names.
        overrides: settings of the model, and `vector_cache`.
        top: hits a query.
        at_least: the similarity that hits must reach; None takes all.
    """

    store: Destination
    queries: tuple[str, ...]
    query_file: TextChoice | None
    model: str | None
    overrides: tuple[str, ...]
    top: int
    at_least: float | None = None


def search_store(request: StoreSearch, *, confirm: Confirm | None = None, debug: bool = False) -> SearchResult:
    """Search a store through its own client, with queries under their own prompt.

    Args:
        request: what, and where.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        debug: show what libraries log.

    Raises:
        ConfigError: there is no query, or the store's client is not installed.
        ModelError: the model cannot be opened, or is not the one that made the vectors.
        RunError: nothing of ours is there, or the store cannot be reached.
        Interrupted: money was not to be spent.
    """
    quiet_libraries(debug)
    queries = list(request.queries)
    if request.query_file is not None:
        queries += [row.text for row in open_texts(request.query_file.place)]
    if not queries:
        raise no_query()
    with open_store(request.store) as store:
        record = store.record()
        if record is None:
            raise RunError(f"{request.store} is not there", hint=f"make it: embed-tune embed FILE --to {request.store}")
        info, count = record.info, store.count()
    own = info.model if request.model is None else settings_of_vectors(info.model)
    candidate, config = read_model(request.model or str(info.model["name"]), request.overrides, stored=own)
    _, encoder, cache = open_candidate(candidate, config)
    refuse_another(encoder, info, str(request.store))
    role = Role.SYMMETRIC if info.role is Role.SYMMETRIC else Role.QUERY
    confirm_texts(candidate, encoder, queries, role, confirm=confirm)
    vectors = encoder.encode(queries, role).numpy()
    if cache is not None:
        cache.close()
    if request.at_least is not None and info.precision == "ubinary":
        raise ConfigError(
            "--min-similarity cannot be compared with the share of equal bits, which is all that ubinary gives",
            hint="upload float32 or float16",
        )
    with open_store(request.store) as store:
        found = store.search(vectors, request.top)
    answers = []
    for query, hits in zip(queries, found, strict=True):
        texts = {row: hit.text for row, hit in enumerate(hits) if hit.text is not None}
        answer = hits_of(query, [hit.id for hit in hits], [hit.score for hit in hits], range(len(hits)), texts)
        answers.append(answer if request.at_least is None else answer.reaching(request.at_least))
    return SearchResult(
        info.label,
        request.top,
        documents=count,
        queries=tuple(answers),
        shown=max(SHOWN, len(request.queries)),
        min_similarity=request.at_least,
        store=str(request.store),
    )


def refuse_another(encoder: TextEncoder, info: VectorInfo, place: str) -> None:
    """Refuse to search another model's vectors: scores would mean nothing.

    Raises:
        ModelError: they are another model's.
    """
    if encoder.space(info.role) != info.space:
        raise ModelError(
            f"{place} holds vectors of another model, of other weights, or with other settings ({info.label})",
            hint="name the model that made them with --model, or embed the texts again",
        )
