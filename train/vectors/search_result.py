"""What a search found: the hits of each query, and what each method of searching costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from train.console import notebook_view
from train.vectors.index import Method
from train.vectors.methods import MethodResult
from train.vectors.table import hits_lines, methods_table

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5
"""Queries of a file whose hits are printed; `--json` has all."""
NOTEBOOK_WIDTH = 100
"""Characters of a line in a notebook's cell."""


@dataclass(frozen=True)
class Hit:
    """One hit of a query.

    Attributes:
        rank: from 1.
        id: of the stored vector.
        score: the similarity, or the share of equal bits; rounded to six decimals.
        text: of the vector, where it is known.
    """

    rank: int
    id: str
    score: float
    text: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints; the rank is the place in the list."""
        return {"id": self.id, "score": self.score, **({} if self.text is None else {"text": self.text})}


@dataclass(frozen=True)
class QueryHits:
    """A query and its hits, best first.

    Attributes:
        query: its text.
        hits: those that are near enough.
        nearest: score of the first one that was not; None where none was left out.
    """

    query: str
    hits: tuple[Hit, ...]
    nearest: float | None = None

    def reaching(self, similarity: float) -> QueryHits:
        """Return the query without the hits that are less similar."""
        kept = tuple(hit for hit in self.hits if hit.score >= similarity)
        return self if len(kept) == len(self.hits) else QueryHits(self.query, kept, self.hits[len(kept)].score)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        left_out = {} if self.nearest is None else {"nearest_left_out": self.nearest}
        return {"query": self.query, "hits": [hit.to_dict() for hit in self.hits], **left_out}


@dataclass(frozen=True)
class JudgedMethods:
    """What each method is worth on the judged queries of one data set.

    Attributes:
        name: of the data set.
        n: number of its queries.
        documents: number of documents that were searched.
        methods: one result a method, with its nDCG@10.
    """

    name: str
    n: int
    documents: int
    methods: tuple[MethodResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        methods = [one.to_dict() for one in self.methods]
        return {"name": self.name, "n": self.n, "documents": self.documents, "methods": methods}


@dataclass(frozen=True)
class SearchResult:
    """What a search found: `queries` with their hits, or `datasets` with scores where the queries were judged.

    Attributes:
        model: the model that encoded the queries, as it was named.
        top: hits a query.
        file: the vectors that were searched; None where they were in memory or came from the data.
        documents: number of vectors that were searched; 0 with judged queries.
        method: whose hits these are; None with judged queries.
        methods: one result a method.
        queries: in the order in which they were given.
        datasets: of the judged queries.
        shown: number of queries whose hits the text for people holds.
        cached: what the cache saved, in words; None where it saved nothing.
        min_similarity: what hits had to reach; None where all were taken.
        store: the store that was searched; None for a file, for memory and for data.
    """

    model: str
    top: int
    file: Path | None = None
    documents: int = 0
    method: Method | None = None
    methods: tuple[MethodResult, ...] = ()
    queries: tuple[QueryHits, ...] = ()
    datasets: tuple[JudgedMethods, ...] = ()
    shown: int = SHOWN
    cached: str | None = None
    min_similarity: float | None = None
    store: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        if self.datasets:
            return {"model": self.model, "datasets": [one.to_dict() for one in self.datasets]}
        return {
            "file": None if self.file is None else str(self.file),
            **({} if self.store is None else {"store": self.store, "documents": self.documents}),
            "model": self.model,
            "method": self.method,
            "methods": [one.to_dict() for one in self.methods],
            "queries": [one.to_dict() for one in self.queries],
            **({} if self.min_similarity is None else {"min_similarity": self.min_similarity}),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a hit: query, rank, id, score, text. With judged queries it is a row a data set and method."""
        import pandas as pd

        if self.datasets:
            about = (({"dataset": one.name, "n": one.n, "documents": one.documents}, one.methods) for one in self.datasets)
            return pd.DataFrame([{**facts, **method.to_dict()} for facts, methods in about for method in methods])
        columns = ["query", "rank", "id", "score", "text"]
        rows = [(one.query, hit.rank, hit.id, hit.score, hit.text) for one in self.queries for hit in one.hits]
        return pd.DataFrame(rows, columns=columns)

    def __str__(self) -> str:
        """Return hits and methods in words, as wide as the terminal."""
        return "\n\n".join([*self._hits(), *self._tables()]) + (f"\n{self.cached}" if self.cached else "")

    def _repr_html_(self) -> str:
        console = Console(width=NOTEBOOK_WIDTH, color_system=None, force_jupyter=False)
        return notebook_view("\n\n".join(self._tables(console)), None if self.datasets else self.to_pandas())

    def _hits(self) -> list[str]:
        """Return a paragraph a query, for the first of them."""
        found = []
        for one in self.queries[: self.shown]:
            lines = hits_lines(one.query, [(hit.id, hit.score, hit.text) for hit in one.hits])
            if one.nearest is not None:
                less = f"less than {self.min_similarity:g}, the first of them {one.nearest:.4f}"
                lines.append(f"       {'others have' if one.hits else 'nothing is near enough: all have'} {less}")
            found.append("\n".join(lines))
        if len(self.queries) > self.shown:
            found.append(f"… and {len(self.queries) - self.shown:,} more queries (--json has all)")
        return found

    def _tables(self, console: Console | None = None) -> list[str]:
        """Return a table of the methods a set of queries."""
        tables: list[tuple[str, Sequence[MethodResult]]] = [
            (f"{one.name}: {one.n:,} queries, {one.documents:,} documents", one.methods) for one in self.datasets
        ]
        if self.methods:
            count = f"{len(self.queries):,} {'query' if len(self.queries) == 1 else 'queries'}"
            tables.append((f"{self.documents:,} vectors, {count}", self.methods))
        return [f"{methods_table(title, methods, self.top, console)}\n{legend(methods)}" for title, methods in tables]


def hits_of(query: str, ids: Sequence[str], scores: Sequence[float], rows: Sequence[int], texts: Mapping[int, str]) -> QueryHits:
    """Return a query with its hits.

    Args:
        query: its text.
        ids: k ids, best first.
        scores: k scores.
        rows: k rows of the stored vectors, by which texts are found.
        texts: row → text, as far as known.
    """
    found = zip(rows, ids, scores, strict=True)
    hits = (Hit(rank, one, round(score, 6), texts.get(row)) for rank, (row, one, score) in enumerate(found, start=1))
    return QueryHits(query, tuple(hits))


def legend(methods: Sequence[MethodResult]) -> str:
    """Return the sentence that explains the column of overlaps."""
    first = methods[0].method
    note = "" if first == "exact" else "; the file holds no floats, so exact search is not among them"
    return f"overlap: share of the hits of {first} that are also found{note}"
