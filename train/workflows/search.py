"""`embed-tune search`: queries against vectors by every method that the stored bytes allow, to show what each one loses.

Shapes: Q queries, N stored vectors, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from data.errors import DataError
from data.sources.texts import TextRow, open_texts
from train.config.load import load_config
from train.config.schema import DEFAULT_MODEL, BaseSettings, JudgeSettings
from train.console import quiet_libraries, say
from train.encode.api.confirm import Confirm
from train.encode.cache.cache import VectorCache
from train.encode.contract import Role
from train.encode.protocol import OpenedModel, TextEncoder
from train.errors import ConfigError, ModelError
from train.evaluate.tasks import RetrievalTask
from train.resolve.cost import confirm_texts
from train.resolve.models import Candidate
from train.resolve.open import open_candidate
from train.resolve.requests import Request
from train.resolve.tasks import load_tasks, refuse_prompts
from train.resolve.vectors import SearchRequest, TextChoice, no_vectors, read_model, settings_of_vectors
from train.runs.thresholds import threshold_for
from train.vectors.files import VectorFile, open_vectors, refuse_not_finite
from train.vectors.index import Index, Method
from train.vectors.methods import Judgements, measure_methods
from train.vectors.search_result import SHOWN, JudgedMethods, SearchResult, hits_of


def search_vectors(request: SearchRequest, *, confirm: Confirm | None = None, debug: bool = False) -> SearchResult:
    """Search for queries by every method that the vectors allow, or judge the methods on queries with known answers.

    Args:
        request: vectors, queries, model, data.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        debug: show what libraries log.

    Raises:
        ConfigError, DataError: the files do not fit together, or cannot be read.
        ModelError: the vectors are another model's.
        Interrupted: money was not to be spent.
    """
    with open_search(request, confirm=confirm, debug=debug) as session:
        stored = session.stored
        found = _judge(session) if stored is None or session.tasks else _answer(session, stored)
        hits = 0 if session.cache is None else session.cache.counters.hits
        return found if session.cache is None or not hits else replace(found, cached=session.cache.counters.sentence())


@contextmanager
def open_search(request: SearchRequest, *, confirm: Confirm | None = None, debug: bool = False) -> Iterator[Session]:
    """Open vectors and model once, for as many queries as come: see `Session.ask`, and `search_vectors` for the errors."""
    quiet_libraries(debug)
    stored = _opened_vectors(request.vectors)
    if stored is not None and request.documents is not None:  # its columns as they were when it was embedded
        info = stored.info
        embedded = replace(request.documents, columns=info.columns, id_column=info.id_column, empty="keep")
        request = replace(request, documents=embedded)
    candidate, config = _model(request, stored)
    tasks = _tasks(request, candidate, config)
    for choice in (request.query_file, request.documents):
        if choice is not None:
            open_texts(choice.place, choice.columns, choice.id_column)  # a mistake there is said before a model is loaded
    with _opened(candidate, config) as (opened, encoder, cache):
        if stored is not None:
            check_space(encoder, stored)
        at_least = _at_least(request, candidate, opened.origin.sha256, stored)
        yield Session(request, candidate, encoder, confirm, stored, tasks, cache, at_least)


@dataclass(frozen=True)
class Session:
    """A search that is under way.

    Attributes:
        request: what was asked for.
        candidate, encoder: the model, and the opened model.
        confirm: who may agree to spend money.
        stored: the vectors that are searched; None for the documents of the data.
        tasks: judged queries, by data set.
        cache: of vectors.
        at_least: the similarity that hits must reach; None takes all.
    """

    request: SearchRequest
    candidate: Candidate
    encoder: TextEncoder
    confirm: Confirm | None
    stored: VectorFile | None = None
    tasks: Mapping[str, RetrievalTask] = field(default_factory=dict)
    cache: VectorCache | None = None
    at_least: float | None = None

    def encode(self, texts: Sequence[str], role: Role) -> np.ndarray:
        """Return the vectors of texts, float32 [N, D].

        Raises:
            NotFinite: the model gives vectors that are no numbers.
        """
        confirm_texts(self.candidate, self.encoder, texts, role, confirm=self.confirm)
        return self.encoder.encode(texts, role).numpy()

    def ask(self, query: str, top: int) -> SearchResult:
        """Find the hits of one query in the stored vectors, `top` of them."""
        if self.stored is None:
            raise no_vectors()
        return _hits(self, self.stored, [query], top)

    @cached_property
    def index(self) -> Index:
        """The stored vectors, ready to be searched."""
        if self.stored is None:
            raise no_vectors()
        return _index(self, self.stored)

    @cached_property
    def method(self) -> Method | None:
        """The method that was asked for; see `_method`."""
        return _method(self.request, self.index)

    @cached_property
    def _every_text(self) -> Mapping[int, str]:
        return {} if self.stored is None else _texts_of(self.request, self.stored, np.arange(len(self.stored.ids)))

    def texts(self, rows: np.ndarray) -> Mapping[int, str]:
        """Return the texts of rows as far as they are known; the file of them is read once for all queries that come."""
        if self.stored is None or (self.request.asks and self.request.documents is not None):
            return self._every_text
        return _texts_of(self.request, self.stored, rows)


def _opened_vectors(vectors: Path | VectorFile | None) -> VectorFile | None:
    found = open_vectors(vectors) if isinstance(vectors, Path) else vectors
    if found is not None:
        refuse_not_finite(found)
    return found


@contextmanager
def _opened(candidate: Candidate, config: BaseSettings) -> Iterator[tuple[OpenedModel, TextEncoder, VectorCache | None]]:
    """Open a model behind its cache, and close the cache in the end."""
    opened, encoder, cache = open_candidate(candidate, config)
    yield opened, encoder, cache
    if cache is not None:
        cache.close()


def _answer(session: Session, stored: VectorFile) -> SearchResult:
    """Find the hits of the user's own queries."""
    request = session.request
    queries = list(request.queries)
    if request.query_file is not None:
        queries += [row.text for row in _texts(request.query_file)]
    if not queries:
        raise ConfigError("the file of queries is empty", hint="give a file with at least one query")
    return _hits(session, stored, queries, request.top)


def _hits(session: Session, stored: VectorFile, queries: Sequence[str], top: int) -> SearchResult:
    """Find the hits of queries by every method that is wanted."""
    request, method = session.request, session.method
    vectors = session.encode(queries, query_role(stored))
    results = measure_methods(session.index, vectors, top, request.rescore, only=method)
    chosen = results[-1] if method is not None else results[0]
    texts = session.texts(np.unique(chosen.hits.rows))
    answers = []
    for query, rows, scores in zip(queries, chosen.hits.rows.tolist(), chosen.hits.scores.tolist(), strict=True):
        answers.append(hits_of(query, [stored.ids[row].as_py() for row in rows], scores, rows, texts))
    if session.at_least is not None:
        if chosen.method == "ubinary":
            raise ConfigError(
                "--min-similarity cannot be compared with the share of equal bits, which is all that ubinary gives",
                hint="choose another --method, or name a file with more bits by --finer",
            )
        answers = [one.reaching(session.at_least) for one in answers]
    return SearchResult(
        model=stored.info.label,
        top=top,
        file=stored.path,
        documents=stored.info.rows,
        method=chosen.method,
        methods=tuple(results),
        queries=tuple(answers),
        shown=max(SHOWN, len(request.queries)),
        min_similarity=session.at_least,
    )


def _at_least(request: SearchRequest, candidate: Candidate, sha256: str | None, stored: VectorFile | None) -> float | None:
    """Return the similarity that hits must reach: a number, or that of threshold.json beside the model's weights.

    Raises:
        ConfigError: nothing that has hits is searched.
        ModelError: the model has no such threshold, or it was chosen for other weights or for whole vectors.
    """
    if request.min_similarity is None:
        return None
    if stored is None or request.data:
        raise ConfigError("--min-similarity is for hits, and with --data methods are judged", hint="leave one of both out")
    if request.min_similarity != "model":
        return float(request.min_similarity)
    if candidate.config.dimensions is not None:
        raise ModelError(
            f"the threshold of {candidate.label} was chosen for whole vectors, and these are cut",
            hint="give the similarity as a number",
        )
    found = threshold_for(Path(candidate.config.name), sha256, "duplicates" if stored.info.role is Role.SYMMETRIC else "search")
    say(f"hits from {found.threshold:g} on (threshold.json of {candidate.label}, for a precision of {found.precision_asked:g})")
    return found.threshold


def _model(request: SearchRequest, stored: VectorFile | None) -> tuple[Candidate, BaseSettings]:
    """Find the model that encodes the queries, and settings: what the user names, or what the file says."""
    if stored is None:
        return read_model(request.model or DEFAULT_MODEL, request.overrides)
    own = stored.info.model
    if request.model is None:
        return read_model(own["name"], request.overrides, stored=own)
    return read_model(request.model, request.overrides, stored=settings_of_vectors(own))


def _tasks(request: SearchRequest, candidate: Candidate, config: BaseSettings) -> dict[str, RetrievalTask]:
    """Load judged queries by data set; none without `--data`.

    Raises:
        DataError: a data set that cannot be read, or has nothing to search.
    """
    if not request.data:
        return {}
    settings = [*request.data_settings, f"output_dir={config.output_dir}"]
    loaded = load_config(None, data=list(request.data), overrides=settings, kind=JudgeSettings)
    judged = Request((candidate,), loaded, True, None, ())
    refuse_prompts(judged, "search")
    tasks = load_tasks(judged).tasks
    searched = {name: task for name, task in tasks.items() if isinstance(task, RetrievalTask)}
    if len(searched) < len(tasks):
        name = next(name for name in tasks if name not in searched)
        raise DataError("scored pairs have no documents to search", where=name, hint="give queries with documents")
    return searched


def _judge(session: Session) -> SearchResult:
    """Judge each method on judged queries, over the vectors of a file or over the data's own documents."""
    request, stored = session.request, session.stored
    datasets = []
    for name, task in session.tasks.items():
        index, ids = _embedded(session, task) if stored is None else _chosen(session, stored, task)
        method = _method(request, index)
        distinct = task.distinct_queries
        vectors = session.encode(distinct.texts, Role.QUERY)[distinct.rows]
        results = measure_methods(index, vectors, request.top, request.rescore, only=method, judgements=Judgements.of(task, ids))
        datasets.append(JudgedMethods(name, len(task), len(index), tuple(results)))
    return SearchResult(session.candidate.label, request.top, datasets=tuple(datasets))


def _embedded(session: Session, task: RetrievalTask) -> tuple[Index, list[str]]:
    """Embed the documents of a task. Of equal scores the higher id comes first, as trec_eval has it."""
    distinct = task.distinct_documents
    vectors = session.encode(distinct.texts, Role.DOCUMENT)[distinct.rows]
    order = sorted(range(len(task.document_ids)), key=task.document_ids.__getitem__, reverse=True)
    index = Index(vectors[order], "float32", vectors.shape[1], unit=session.encoder.similarity == "cosine")
    return index, [task.document_ids[row] for row in order]


def _chosen(session: Session, stored: VectorFile, task: RetrievalTask) -> tuple[Index, list[str]]:
    """Pick the vectors that belong to the documents of a task, in the order of `_embedded`.

    Raises:
        DataError: one is missing.
    """
    rows = {identity: row for row, identity in enumerate(stored.ids.to_pylist())}
    missing = [identity for identity in task.document_ids if identity not in rows]
    if missing:
        raise DataError(
            f"{len(missing):,} of {len(task.document_ids):,} documents have no vector, for instance {missing[0]!r}",
            where=stored.place,
            hint="embed the corpus with its ids: embed-tune embed FOLDER/corpus.jsonl --out … (--empty keep for empty documents)",
        )
    ids = sorted(task.document_ids, reverse=True)
    return _index(session, stored, np.array([rows[identity] for identity in ids])), ids


def _index(session: Session, stored: VectorFile, rows: np.ndarray | None = None) -> Index:
    """Make an index of the stored vectors, with the finer ones behind them.

    Raises:
        DataError: the finer ones are of other texts, or another model's.
    """
    unit = (session.encoder.similarity if not stored.info.space else stored.info.similarity) == "cosine"
    finer = None
    second = _opened_vectors(session.request.finer)
    if second is not None:
        if second.info.space != stored.info.space or not second.ids.equals(stored.ids):
            raise DataError(
                f"its texts, or the model, are not those of {stored.place}",
                where=second.place,
                hint="embed the same file with the same model and another --precision",
            )
        finer = _plain_index(second, rows, unit)
    return _plain_index(stored, rows, unit, finer)


def _plain_index(stored: VectorFile, rows: np.ndarray | None, unit: bool, finer: Index | None = None) -> Index:
    info = stored.info
    codes = stored.stored if rows is None else stored.stored[rows]
    return Index(codes, info.precision, info.dimensions, info.ranges, unit=unit, finer=finer)


def _method(request: SearchRequest, index: Index) -> Method | None:
    """Return the method that was asked for; None where none was.

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


def check_space(encoder: TextEncoder, stored: VectorFile) -> None:
    """Refuse to search another model's vectors: scores would mean nothing. Of a plain array only the size can be checked.

    Raises:
        ModelError: the vectors are another model's.
    """
    info = stored.info
    if info.space and encoder.space(info.role) != info.space:
        raise ModelError(
            f"{stored.place} holds vectors of another model, of other weights, or with other settings ({info.label})",
            hint="name the model that made them with --model, or embed the texts again",
        )
    if encoder.contract.dimensions != info.dimensions:
        raise ModelError(
            f"{stored.place}: vectors of {info.dimensions} dimensions, and the model's have {encoder.contract.dimensions}",
            hint="name the model that made them",
        )


def query_role(stored: VectorFile) -> Role:
    """Return what a query is to stored vectors: a query, unless the texts are sides of symmetric pairs."""
    return Role.SYMMETRIC if stored.info.role is Role.SYMMETRIC else Role.QUERY


def _texts(choice: TextChoice) -> Iterator[TextRow]:
    texts = open_texts(choice.place, choice.columns, choice.id_column, choice.empty)
    texts.empty_hint = "give the query, or remove the row"
    for note in texts.notes:
        say(note)
    yield from texts


def _texts_of(request: SearchRequest, stored: VectorFile, rows: np.ndarray) -> Mapping[int, str]:
    """Find the texts of some rows, as far as they are known: in the file itself, or in the one that was embedded.

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
            f"these are not the texts of {stored.place}, in their order: the id {ids[place]!r} is not after the first {place:,}",
            where=choice.place,
            hint="give the file that was embedded",
        )
    by_id = {ids[row]: row for row in wanted}
    return {by_id[row.id]: row.text for row in texts if row.id in by_id}
