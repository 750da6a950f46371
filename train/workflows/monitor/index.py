"""The index that production searches: did this model build it, how near is it to texts, and do canaries still find theirs?

Shapes: N texts, C documents of the reference, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.encode.contract import Role
from train.vectors.files import VectorFile, open_vectors, refuse_not_finite
from train.vectors.index import Index, Method
from train.watch.canaries import Canary, nearest, rows_of, still_first, unit
from train.watch.checks import CanaryResult, IndexFacts, LostDocuments
from train.watch.reference import Reference
from train.watch.sample import Floats, Sample
from train.workflows.monitor.opened import SAME, Watched

COMPARED = 16
"""Texts of an index that are encoded again, where its description names another space."""
FOUND: dict[Method, float] = {"exact": 1 - 1e-4, "int8": 1 - 2e-3, "ubinary": 0.999}
"""Cosine (of bits: share of equal ones) from which on the nearest vector of an index is that of the very document.

Some models put all texts within a cosine of .9 of each other, so only what rounding takes is allowed; what is not found is not
counted as moved."""
MOSTLY = 0.9
"""Share of documents of the reference that must be found for an index to be of this model after all."""
LOOKED_UP = 50
"""Documents of the reference that are looked for."""
DEEP = 10
"""Hits among which the expected document of a canary may tie with the first."""


@dataclass(frozen=True, eq=False)
class Production:
    """What production searches.

    Attributes:
        facts: which model built it.
        stored: its file.
        index: ready to be searched; None where it is of another model, so that its similarities mean nothing.
        finder: the same, by cosine however the model compares vectors: what finds a document by its own vector.
        notes: what should be known of it.
    """

    facts: IndexFacts
    stored: VectorFile
    index: Index | None = None
    finder: Index | None = None
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> Method:
        """The most precise one that the stored numbers allow."""
        assert self.index is not None
        methods = self.index.methods
        return next(one for one in ("exact", "int8", "ubinary") if one in methods)

    def nearest(self, vectors: Floats, k: int = 1) -> tuple[Floats, np.ndarray]:
        """Return similarities and rows [N, k] of the nearest documents."""
        assert self.index is not None
        hits = self.index.search(vectors.astype(np.float32), k, self.method)
        return hits.scores, hits.rows

    def places(self, vectors: Floats) -> list[int | None]:
        """Return for each document [N, D] the row that it has in the index; None where it is not there."""
        assert self.finder is not None
        hits = self.finder.search(vectors.astype(np.float32), 1, self.method)
        least = FOUND[self.method]
        return [int(row) if score >= least else None for row, score in zip(hits.rows[:, 0], hits.scores[:, 0], strict=True)]


def open_index(path: Path, watched: Watched) -> Production:
    """Open an index and find out which model built it.

    Raises:
        DataError: it cannot be read, or holds vectors that are not finite.
    """
    stored, about = open_vectors(path), watched.reference.about
    refuse_not_finite(stored)
    info = stored.info
    known = {about.role: about.space, **({} if about.document_space is None else {Role.DOCUMENT.value: about.document_space})}
    own = known.get(info.role.value) or watched.encoder.space(info.role)
    if info.dimensions != about.dimensions:
        note = f"{path.name} holds vectors of {info.dimensions} dimensions, and this model's have {about.dimensions}"
        return Production(IndexFacts(own, info.space or f"{info.dimensions} dimensions", path.name), stored, notes=(note,))
    finder = Index(stored.stored, info.precision, info.dimensions, info.ranges)
    index = finder
    if info.similarity == "dot":
        index = Index(stored.stored, info.precision, info.dimensions, info.ranges, unit=False)
    same = Production(IndexFacts(own, own, path.name), stored, index, finder)
    if info.space in (own, watched.encoder.space(info.role)):
        return same
    if not info.space:
        return Production(IndexFacts(own, None, path.name), stored, index, finder)
    if _same_vectors(stored, watched) or _knows_documents(same, watched.reference):
        note = f"{path.name} was built under other versions of libraries: its vectors agree with those of this model"
        return Production(same.facts, stored, index, finder, (note,))
    return Production(IndexFacts(own, info.space, path.name), stored, notes=(f"{path.name} was made by {info.label}",))


def _same_vectors(stored: VectorFile, watched: Watched) -> bool:
    """Tell whether the model gives texts of the index the vectors that lie there."""
    if stored.texts is None or not len(stored.ids) or stored.info.precision not in ("float32", "float16"):
        return False
    rows = np.unique(np.linspace(0, len(stored.ids) - 1, COMPARED).astype(np.int64))
    texts = [stored.texts[int(row)].as_py() for row in rows]
    again = watched.encoder.encode(texts, stored.info.role, False).numpy()
    kept = np.asarray(stored.stored[rows], dtype=np.float32)
    return bool((1 - (unit(again) * unit(kept)).sum(axis=1)).max() <= SAME)


def _knows_documents(production: Production, reference: Reference) -> bool:
    """Tell whether documents of the reference lie in the index, where this model puts them."""
    vectors = reference.document_vectors[:LOOKED_UP]
    if not len(vectors) or production.method != "exact" or production.finder is None:
        return False
    hits = production.finder.search(vectors.astype(np.float32), 1, "exact")
    return bool((hits.scores[:, 0] >= 1 - SAME).mean() >= MOSTLY)


def similarities_to_documents(reference: Sample, window: Sample, production: Production) -> tuple[Floats, Floats]:
    """Return [n] and [m] similarities of the texts of both samples to the nearest document of production."""
    before, here = (production.nearest(one.vectors)[0][:, 0].astype(np.float64) for one in (reference, window))
    return before, here


def similarities_to_reference(texts: Sequence[str], window: Sample, reference: Reference) -> Floats:
    """Return [m] similarities of a window to the nearest document of the reference; NaN where these are not compared.

    Args:
        texts: of the window; none where they are not known.
        window: its sample.
        reference: what it is compared with.
    """
    if np.isnan(reference.sample.top1).all():
        return np.full(len(window), np.nan)
    searched = reference.searched
    documents = [text for text, kept in zip(reference.documents, searched.tolist(), strict=True) if kept]
    named = texts or [""] * len(window)
    return nearest(named, window.vectors, documents, reference.document_vectors[searched], reference.about.similarity == "cosine")


def ask_canaries(watched: Watched, production: Production | None) -> tuple[CanaryResult | None, str, LostDocuments | None]:
    """Ask the canaries: of the index of production, if their documents are there, else of the documents of the reference.

    Returns:
        What became of them, None where the reference has none; where they were asked, in words; and which of them have no
        document in the index, None where that could not be asked.
    """
    reference = watched.reference
    canaries = reference.canaries
    if not canaries:
        return None, "", None
    queries = watched.encoder.encode([one.query for one in canaries], reference.role, False).numpy()
    lost = None
    if production is not None and production.index is not None:
        found = _in_index(canaries, queries, reference, production)
        lost = LostDocuments(found.total, found.gone, production.facts.name)
        if found.asked:
            return found, f"in {production.facts.name}", lost
    expected = rows_of(canaries, reference.document_ids)
    good = still_first(queries, reference.document_vectors, expected, reference.about.similarity == "cosine")
    moved = tuple(one.query for one, still in zip(canaries, good.tolist(), strict=True) if not still)
    return CanaryResult(len(canaries), moved), "among the documents of the reference", lost


def _in_index(canaries: Sequence[Canary], queries: Floats, reference: Reference, production: Production) -> CanaryResult:
    """Ask the canaries of the index. A document is found there by its vector, as ids may be others."""
    wanted = rows_of(canaries, reference.document_ids)
    rows = sorted({row for own in wanted for row in own})
    found = production.places(reference.document_vectors[rows])
    there = {row: place for row, place in zip(rows, found, strict=True) if place is not None}
    hit_scores, hits = production.nearest(queries, DEEP)
    moved, gone = [], []
    for number, canary in enumerate(canaries):
        expected = {there[row] for row in wanted[number] if row in there}
        if not expected:
            gone.append(canary.query)
            continue
        first = hits[number][hit_scores[number] >= hit_scores[number][0] - 1e-6].tolist()
        if expected.isdisjoint(first):
            moved.append(canary.query)
    return CanaryResult(len(canaries), tuple(moved), tuple(gone))
