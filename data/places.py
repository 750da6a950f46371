"""Where texts of a data set stand: file and line, or row, as errors name them. Looked up for a few texts that people read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

    from data.prepared import PreparedDataset


@dataclass(frozen=True)
class Places:
    """Where the texts of a split stand. It holds tables on disk, and nothing in memory.

    Attributes:
        tables: rows by split; that which is judged first, since its places are the ones looked for.
    """

    tables: Sequence[Dataset]

    @classmethod
    def of(cls, prepared: PreparedDataset, split: str) -> Places:
        """Return the places of a data set of which that split is read."""
        others = [table for name, table in prepared.splits.items() if name != split]
        return cls([prepared.splits[split], *others])

    def of_rows(self, numbers: Sequence[int]) -> list[str]:
        """Return the places of rows of the split, by their numbers."""
        return [str(self.tables[0][number]["row"]) for number in numbers]

    def of_queries(self, ids: Collection[str]) -> dict[str, str]:
        """Return the place of each query of the split: of its first row."""
        return _first_rows(self.tables[:1], "query_id", ids)

    def of_documents(self, ids: Collection[str]) -> dict[str, str]:
        """Return the place of each document that is in a row of the data set; those of a corpus of its own need not be."""
        return _first_rows(self.tables, "document_id", ids)


def _first_rows(tables: Sequence[Dataset], column: str, ids: Collection[str]) -> dict[str, str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, str] = {}
    for table in tables:
        wanted = [one for one in ids if one not in found]
        if not wanted or column not in table.column_names:
            continue
        pairs = table.data.table.select([column, "row"])
        hits = pairs.filter(pc.is_in(pairs[column], value_set=pa.array(wanted, pa.string())))
        for one, row in zip(hits[column].to_pylist(), hits["row"].to_pylist(), strict=True):
            found.setdefault(one, row)
    return found
