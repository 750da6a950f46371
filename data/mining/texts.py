"""What hard negatives are mined from: distinct queries and documents of training rows, and which of them belong together.

Shapes: N rows, U distinct queries, C distinct documents. Texts that are equal after normalisation are one text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import batches_of
from data.schema import text_columns, text_id
from data.splits.hashes import Hashes, RowHashes, hash_rows, seeded

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class MiningTexts:
    """Rows as numbers of distinct texts.

    Attributes:
        queries: U texts.
        documents: C texts, out of which negatives come.
        query_hashes: [U] of `queries`, ascending.
        document_hashes: [C] of `documents`, ascending.
        row_query: [N] the query of each row.
        row_document: [N] the positive of each row.
        known: sorted keys `query · C + document` of what belongs together and is never a negative.
    """

    queries: Sequence[str]
    documents: Sequence[str]
    query_hashes: Hashes
    document_hashes: Hashes
    row_query: np.ndarray
    row_document: np.ndarray
    known: np.ndarray

    def __len__(self) -> int:
        """Return N, the number of rows."""
        return len(self.row_query)

    def key(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """Return one number a query and document."""
        keys: np.ndarray = queries.astype(np.int64) * len(self.documents) + documents
        return keys

    def known_of(self, query: int) -> np.ndarray:
        """Return the documents that belong to a query, ascending."""
        low, high = np.searchsorted(self.known, [query * len(self.documents), (query + 1) * len(self.documents)])
        return self.known[low:high] - query * len(self.documents)

    def knows(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """Tell whether each query and document belong together."""
        keys = self.key(queries, documents)
        place = np.minimum(np.searchsorted(self.known, keys), len(self.known) - 1)
        known: np.ndarray = self.known[place] == keys
        return known

    def hide_half(self, seed: int) -> tuple[MiningTexts, np.ndarray]:
        """Return the rows of queries with several positives, half of each query's positives (rounded down) hidden.

        Returns:
            The rows whose positive is still to be seen, with only such positives known; and the sorted keys of the hidden ones.
        """
        pairs = np.unique(self.key(self.row_query, self.row_document))
        query, document = np.divmod(pairs, len(self.documents))
        order = np.lexsort((seeded(self.document_hashes[document], seed), query))
        starts = np.flatnonzero(np.diff(query, prepend=-1))
        sizes = np.diff(np.append(starts, len(pairs)))
        place = np.arange(len(pairs)) - np.repeat(starts, sizes)
        hidden = np.sort(pairs[order][place < np.repeat(sizes // 2, sizes)])
        several = np.isin(self.row_query, query[starts][sizes > 1])
        seen = several & ~np.isin(self.key(self.row_query, self.row_document), hidden)
        rows = replace(
            self,
            row_query=self.row_query[seen],
            row_document=self.row_document[seen],
            known=np.setdiff1d(self.known, hidden, assume_unique=True),
        )
        return rows, hidden


def mining_texts(rows: Dataset, corpus: Dataset | None = None, related: np.ndarray | None = None) -> MiningTexts:
    """Return the texts of pairs or tuples.

    Known to belong together are a query and every positive that any row gives it, a query and the document of the same text, and,
    since paraphrases come either way round, a query and the query of a row that has it as its positive.

    Args:
        rows: a table with `PAIR_COLUMNS`.
        corpus: the documents (`id`, `text`); by default the positives and negatives of the rows.
        related: [K, 2] hashes of further queries and documents that belong together.
    """
    hashes = hash_rows(rows)
    query_hashes, first_row = np.unique(hashes.first, return_index=True)
    document_hashes, documents = _documents(rows, hashes, corpus)
    row_query = np.searchsorted(query_hashes, hashes.first)
    row_document = np.searchsorted(document_hashes, hashes.second)
    ends = [(hashes.first, hashes.second), (hashes.second, hashes.first), (query_hashes, query_hashes)]
    if related is not None:
        ends += [(related[:, 0], related[:, 1]), (related[:, 1], related[:, 0])]
    known = [_keys(query_hashes, document_hashes, one, other) for one, other in ends]
    return MiningTexts(
        queries=_taken(rows, "anchor", first_row),
        documents=documents,
        query_hashes=query_hashes,
        document_hashes=document_hashes,
        row_query=row_query,
        row_document=row_document,
        known=np.unique(np.concatenate(known)),
    )


def _documents(rows: Dataset, hashes: RowHashes, corpus: Dataset | None) -> tuple[Hashes, list[str]]:
    """Return hashes, ascending, and texts of all distinct documents, positives of the rows included, empty ones left out."""
    texts: list[str] = []
    found: list[int] = []
    seen: set[int] = set()
    for text in _texts(rows, corpus):
        if text and (number := int(text_id(text), 16)) not in seen:
            seen.add(number)
            found.append(number)
            texts.append(text)
    numbers = np.array(found, dtype=np.uint64)
    order = np.argsort(numbers)
    return numbers[order], [texts[i] for i in order.tolist()]


def _texts(rows: Dataset, corpus: Dataset | None) -> Iterator[str]:
    tables = [(rows, text_columns(rows.column_names)[1:])] if corpus is None else [(corpus, ["text"]), (rows, ["positive"])]
    for table, columns in tables:
        for batch in batches_of(table, columns):
            for values in batch:
                yield from values


def _taken(table: Dataset, column: str, rows: np.ndarray) -> list[str]:
    """Return the texts of a column in some rows, in the order of `rows`."""
    import pyarrow as pa

    values: list[str] = table.data.table.column(column).take(pa.array(rows)).to_pylist()
    return values


def _keys(queries: Hashes, documents: Hashes, one: Hashes, other: Hashes) -> np.ndarray:
    """Return the keys of the pairs (one, other) of which the one is a query and the other a document."""
    query = np.minimum(np.searchsorted(queries, one), len(queries) - 1)
    document = np.minimum(np.searchsorted(documents, other), len(documents) - 1)
    both = (queries[query] == one) & (documents[document] == other)
    keys: np.ndarray = query[both] * len(documents) + document[both]
    return keys
