"""Parquet, read by record batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data.errors import DataError, reason
from data.sources.readers.base import Reader, Row, readable

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class ParquetReader(Reader):
    """A Parquet file, read by record batches."""

    unit = "row"

    def _open(self) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with readable(self.path, self.place):
            try:
                return pq.ParquetFile(self.path)
            except pa.ArrowInvalid as error:
                what = f"not a readable Parquet file ({reason(error, most=120)})"
                raise DataError(what, where=self.place, hint="write the file again") from None

    def columns(self) -> list[str]:
        """Return the top-level columns."""
        return list(self._open().schema_arrow.names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows, with `columns` only."""
        import pyarrow as pa

        file = self._open()
        # pyarrow reads a dot as a path into a nested column
        wanted = None if not columns or any("." in c for c in columns) else [c for c in columns if c in self.columns()]
        number = 0
        try:
            for batch in file.iter_batches(batch_size=1000 if wanted else 100, columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield number, values
        except (pa.ArrowInvalid, OSError) as error:
            what = f"broken Parquet data ({reason(error, most=120)})"
            raise DataError(what, where=self.where(number + 1), hint="write the file again") from None
