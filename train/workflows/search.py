"""`embed-tune search`: queries against vectors by every method that the stored bytes allow, so that the loss is seen.

Shapes: Q queries, N stored vectors, D dimensions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import DataError
from data.sources.texts import open_texts
from train.config.load import load_config
from train.config.schema import DEFAULT_MODEL, BaseSettings, JudgeSettings
from train.console import quiet_libraries, say
from train.encode.contract import Role
from train.encode.protocol import TextEncoder
from train.errors import ConfigError, ModelError
from train.evaluate.tasks import RetrievalTask
from train.resolve.cost import confirm_texts
from train.resolve.models import Candidate
from train.resolve.open import open_candidate
from train.resolve.requests import Request
from train.resolve.tasks import load_tasks, refuse_prompts
from train.resolve.vectors import SearchRequest, TextChoice, read_model, settings_of_vectors
from train.vectors.files import VectorFile, VectorInfo, open_vectors
from train.vectors.index import Index, Method
from train.vectors.methods import Judgements, MethodResult, measure_methods
from train.vectors.table import hits_lines, methods_table

SHOWN = 5
"""Queries of a file whose hits are printed; `--json` has all."""


def search(request: SearchRequest, *, as_json: bool = False, debug: bool = False) -> dict[str, Any]:
    """Search, and print hits and what each method costs.

    Returns:
        What `--json` prints: `methods`, and `queries` with the hits of the method that was chosen; or `datasets` with `methods`.

    Raises:
        ConfigError, DataError: the files do not fit together, or cannot be read.
        ModelError: the vectors are another model's.
    """
    quiet_libraries(debug)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        stored = None if request.vectors is None else open_vectors(request.vectors)
        if stored is not None and request.documents is not None:  # its columns as they were when it was embedded
            info = stored.info
            embedded = replace(request.documents, columns=info.columns, id_column=info.id_column, empty="keep")
            request = replace(request, documents=embedded)
        candidate, config = _model(request, stored)
        tasks = _tasks(request, candidate, config)
        for choice in (request.query_file, request.documents):
            if choice is not None:
                open_texts(choice.place, choice.columns, choice.id_column)  # a mistake there is said before a model is loaded
        with _opened(candidate, config) as encoder:
            session = Session(request, candidate, encoder)
            if stored is not None:
                check_space(encoder, stored.info, stored.path)
            found = _judge(session, stored, tasks) if stored is None or tasks else _answer(session, stored)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    return found


@dataclass(frozen=True)
class Session:
    """A search that goes on: what was asked for, the model, and the opened model."""

    request: SearchRequest
    candidate: Candidate
    encoder: TextEncoder

    def encode(self, texts: Sequence[str], role: Role) -> np.ndarray:
        """Float32 [N, D] of texts.

        Raises:
            ModelError: the model gives vectors that are no numbers.
        """
        confirm_texts(self.candidate, self.encoder, texts, role, confirm=self.request.confirm)
        vectors = self.encoder.encode(texts, role).numpy()
        if not np.isfinite(vectors).all():
            raise ModelError("a vector holds NaN or infinity", hint="the model is damaged, or not one for texts")
        return vectors


@contextmanager
def _opened(candidate: Candidate, config: BaseSettings) -> Iterator[TextEncoder]:
    """A model behind its cache; says at the end what came from there."""
    _, encoder, cache = open_candidate(candidate, config)
    yield encoder
    if cache is not None:
        if cache.counters.hits:
            say(f"{cache.counters.sentence()}")
        cache.close()


def _answer(session: Session, stored: VectorFile) -> dict[str, Any]:
    """Hits of the person's own queries."""
    request = session.request
    index = _index(request, stored)
    method = _method(request, index)
    queries = list(request.queries)
    if request.query_file is not None:
        queries += [row.text for row in _texts(request.query_file)]
    if not queries:
        raise ConfigError("the file of queries is empty", hint="give a file with at least one query")
    vectors = session.encode(queries, query_role(stored.info))
    results = measure_methods(index, vectors, request.top, request.rescore, only=method)
    chosen = results[-1] if method is not None else results[0]
    texts = _texts_of(request, stored, np.unique(chosen.hits.rows))
    answers = []
    for number, query in enumerate(queries):
        rows, scores = chosen.hits.rows[number].tolist(), chosen.hits.scores[number].tolist()
        hits = [(stored.ids[row].as_py(), score, texts.get(row)) for row, score in zip(rows, scores, strict=True)]
        if number < max(SHOWN, len(request.queries)):
            say("\n".join(["", *hits_lines(query, hits)]))
        answers.append({"query": query, "hits": [_hit(*hit) for hit in hits]})
    if len(queries) > max(SHOWN, len(request.queries)):
        say(f"\n… and {len(queries) - max(SHOWN, len(request.queries)):,} more queries (--json has all)")
    say(
        "\n"
        + methods_table(
            f"{stored.info.rows:,} vectors, {len(queries):,} {'query' if len(queries) == 1 else 'queries'}", results, request.top
        )
    )
    say(_legend(results))
    return {
        "file": str(stored.path),
        "model": stored.info.label,
        "method": chosen.method,
        "methods": [one.as_json() for one in results],
        "queries": answers,
    }


def _model(request: SearchRequest, stored: VectorFile | None) -> tuple[Candidate, BaseSettings]:
    """The model that queries are encoded with, and settings: what the person names, or what the file says."""
    if stored is None:
        return read_model(request.model or DEFAULT_MODEL, request.overrides)
    own = stored.info.model
    if request.model is None:
        return read_model(own["name"], request.overrides, stored=own)
    return read_model(request.model, request.overrides, stored=settings_of_vectors(own))


def _tasks(request: SearchRequest, candidate: Candidate, config: BaseSettings) -> dict[str, RetrievalTask]:
    """Judged queries by data set; none without `--data`.

    Raises:
        DataError: a data set that cannot be read, or has nothing to search.
    """
    if not request.data:
        return {}
    settings = [*request.data_settings, f"output_dir={config.output_dir}"]
    loaded = load_config(None, data=list(request.data), overrides=settings, kind=JudgeSettings)
    judged = Request((candidate,), loaded, True, None, ())
    refuse_prompts(judged, "search")
    tasks, _ = load_tasks(judged)
    searched = {name: task for name, task in tasks.items() if isinstance(task, RetrievalTask)}
    if len(searched) < len(tasks):
        name = next(name for name in tasks if name not in searched)
        raise DataError("scored pairs have no documents to search", where=name, hint="give queries with documents")
    return searched


def _judge(session: Session, stored: VectorFile | None, tasks: Mapping[str, RetrievalTask]) -> dict[str, Any]:
    """Quality of each method on judged queries; over the vectors of a file, or over the data's own documents."""
    request = session.request
    datasets = []
    for name, task in tasks.items():
        index, ids = _embedded(session, task) if stored is None else _chosen(request, stored, task)
        method = _method(request, index)
        distinct = task.distinct_queries
        vectors = session.encode(distinct.texts, Role.QUERY)[distinct.rows]
        results = measure_methods(index, vectors, request.top, request.rescore, only=method, judgements=Judgements.of(task, ids))
        say("\n" + methods_table(f"{name}: {len(task):,} queries, {len(index):,} documents", results, request.top))
        datasets.append({"name": name, "n": len(task), "documents": len(index), "methods": [one.as_json() for one in results]})
        say(_legend(results))
    return {"model": session.candidate.label, "datasets": datasets}


def _embedded(session: Session, task: RetrievalTask) -> tuple[Index, list[str]]:
    """The documents of a task, embedded now, and their ids. Of equal scores the higher id comes first, as trec_eval has it."""
    distinct = task.distinct_documents
    vectors = session.encode(distinct.texts, Role.DOCUMENT)[distinct.rows]
    order = sorted(range(len(task.document_ids)), key=task.document_ids.__getitem__, reverse=True)
    index = Index(vectors[order], "float32", vectors.shape[1], unit=session.encoder.similarity == "cosine")
    return index, [task.document_ids[row] for row in order]


def _chosen(request: SearchRequest, stored: VectorFile, task: RetrievalTask) -> tuple[Index, list[str]]:
    """The vectors of a file that belong to the documents of a task, in the order of `_embedded`.

    Raises:
        DataError: one is missing.
    """
    rows = {identity: row for row, identity in enumerate(stored.ids.to_pylist())}
    missing = [identity for identity in task.document_ids if identity not in rows]
    if missing:
        raise DataError(
            f"{len(missing):,} of {len(task.document_ids):,} documents have no vector, for instance {missing[0]!r}",
            where=str(stored.path),
            hint="embed the corpus with its ids: embed-tune embed FOLDER/corpus.jsonl --out … (--empty keep for empty documents)",
        )
    ids = sorted(task.document_ids, reverse=True)
    return _index(request, stored, np.array([rows[identity] for identity in ids])), ids


def _index(request: SearchRequest, stored: VectorFile, rows: np.ndarray | None = None) -> Index:
    """The vectors of the file, with those of the finer one behind them.

    Raises:
        DataError: the finer file holds other texts, or another model's vectors.
    """
    finer = None
    if request.finer is not None:
        second = open_vectors(request.finer)
        if second.info.space != stored.info.space or not second.ids.equals(stored.ids):
            raise DataError(
                f"its texts, or the model, are not those of {stored.path}",
                where=str(request.finer),
                hint="embed the same file with the same model and another --precision",
            )
        finer = _plain_index(second, rows)
    return _plain_index(stored, rows, finer)


def _plain_index(stored: VectorFile, rows: np.ndarray | None, finer: Index | None = None) -> Index:
    info = stored.info
    codes = stored.stored if rows is None else stored.stored[rows]
    return Index(codes, info.precision, info.dimensions, info.ranges, unit=info.similarity == "cosine", finer=finer)


def _method(request: SearchRequest, index: Index) -> Method | None:
    """The method that was asked for.

    Raises:
        ConfigError: the stored bytes do not allow it.
    """
    for method in index.methods:
        if method == request.method:
            return method
    if request.method is None:
        return None
    raise ConfigError(
        f"--method {request.method} cannot be computed from {index.precision} alone",
        hint=f"use {', '.join(index.methods)}, or name a file with more bits by --finer",
    )


def check_space(encoder: TextEncoder, info: VectorInfo, path: Path) -> None:
    """Refuse queries of another model: their scores would mean nothing.

    Raises:
        ModelError: the vectors are another model's.
    """
    if encoder.space(info.role) != info.space:
        raise ModelError(
            f"{path} holds vectors of another model, of other weights, or with other settings ({info.label})",
            hint="name the model that made them with --model, or embed the texts anew",
        )


def query_role(info: VectorInfo) -> Role:
    """What a query is to vectors of some role: a query, but where the texts are sides of symmetric pairs."""
    return Role.SYMMETRIC if info.role is Role.SYMMETRIC else Role.QUERY


def _texts(choice: TextChoice) -> Iterator[Any]:
    texts = open_texts(choice.place, choice.columns, choice.id_column, choice.empty)
    for note in texts.notes:
        say(note)
    yield from texts


def _texts_of(request: SearchRequest, stored: VectorFile, rows: np.ndarray) -> Mapping[int, str]:
    """Texts of some rows, as far as they are known: from the file itself, or from the one that they are in.

    Raises:
        DataError: that is not the file which was embedded.
    """
    if request.documents is None:
        return {} if stored.texts is None else {int(row): stored.texts[int(row)].as_py() for row in rows}
    choice = request.documents
    texts = open_texts(choice.place, choice.columns, choice.id_column, choice.empty)
    for note in texts.notes:
        say(note)
    # in the order in which they were embedded, since ids may recur (chunks of one document) and line numbers be taken for ids
    ids, wanted, place, found = stored.ids.to_pylist(), set(rows.tolist()), 0, {}
    for row in texts:
        if place < len(ids) and row.id == ids[place]:
            if place in wanted:
                found[place] = row.text
            place += 1
    if place == len(ids):
        return found
    if texts.id_column is None or len(set(ids)) < len(ids):
        raise DataError(
            f"these are not the texts of {stored.path}, in their order: the id {ids[place]!r} is not behind the first {place:,}",
            where=choice.place,
            hint="give the file that was embedded",
        )
    by_id = {ids[row]: row for row in wanted}
    return {by_id[row.id]: row.text for row in texts if row.id in by_id}


def _hit(identity: str, score: float, text: str | None) -> dict[str, Any]:
    return {"id": identity, "score": round(score, 6), **({} if text is None else {"text": text})}


def _legend(results: Sequence[MethodResult]) -> str:
    first = results[0].method
    note = "" if first == "exact" else "; the file holds no floats, so exact search is not among them"
    return f"overlap: share of the hits of {first} that are found too{note}"
