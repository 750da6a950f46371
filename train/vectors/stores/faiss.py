"""An index of FAISS in a file, with what belongs to it beside it.

`FILE.faiss` is an IndexIDMap2 that compares by inner product (or by differing bits); vectors that are compared by cosine are
brought to unit length first. FAISS knows no ids but numbers: `record.number_of` gives that of an id, and the file that the record
names under `rows` has number, id and text. `FILE.faiss.json` is the record. It holds the digest of the index that it describes,
and while an index is being replaced also the record of the older one: whichever of the two is there, its record is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import reason
from data.storage import atomic_path, file_digest, write_json
from train.errors import RunError
from train.vectors.files import VectorInfo, stored_in
from train.vectors.quantization import width
from train.vectors.stores.destination import Destination
from train.vectors.stores.protocol import StoreHit, Upload, floats_in, texts_in, unit
from train.vectors.stores.record import ANEW, StoreRecord, foreign, number_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class _Rows:
    """Ids and texts by number, in the order in which they came."""

    ids: dict[int, str]
    texts: dict[int, str]

    def table(self) -> pa.Table:
        import pyarrow as pa

        columns = {"number": pa.array(self.ids.keys(), pa.int64()), "id": pa.array(self.ids.values(), pa.string())}
        if self.texts:
            columns["text"] = pa.array([self.texts.get(number) for number in self.ids], pa.string())
        return pa.table(columns)


class FaissStore:
    """See the module.

    Args:
        destination: the file.
    """

    def __init__(self, destination: Destination) -> None:
        self._shown = str(destination)
        self._file = Path(destination.place)
        self._beside = self._file.with_name(f"{self._file.name}.json")

    def record(self) -> StoreRecord | None:
        """Return the record of the index; None where there is none. See `Store.record`."""
        content = self._content()
        return None if content is None else StoreRecord.from_json(content, self._shown)

    def count(self) -> int:
        """Return how many vectors the index holds."""
        content = self._content()
        return 0 if content is None else len(self._rows(content).ids)

    def close(self) -> None:
        """Do nothing: a file is open only while it is read."""

    def upload(self, upload: Upload) -> int:
        """Make the index with the vectors in it, and put it in the place of the older one. See `Store.upload`."""
        content = self._content(trusted=not upload.overwrite)
        with _in_words(self._shown):
            if content is None or upload.overwrite:
                index, rows = _new_index(upload.info), _Rows({}, {})
            else:
                index, rows = self._index(upload.info), self._rows(content)
            for table in upload.tables(0):
                _add(index, rows, table, upload.info)
            self._write(index, rows, upload, content)
        return len(rows.ids)

    def search(self, queries: np.ndarray, top: int) -> list[list[StoreHit]]:
        """Search exactly. See `Store.search`."""
        content = self._content()
        if content is None:
            raise RunError(f"{self._shown} is not there", hint="make it with embed-tune embed FILE --to …")
        info = StoreRecord.from_json(content, self._shown).info
        with _in_words(self._shown):
            index, rows = self._index(info), self._rows(content)
            scores, numbers = _found(index, queries, top, info)
        return [
            [StoreHit(rows.ids[n], float(s), rows.texts.get(n)) for s, n in zip(*line, strict=True) if n >= 0]
            for line in zip(scores.tolist(), numbers.tolist(), strict=True)
        ]

    def _content(self, *, trusted: bool = True) -> dict[str, Any] | None:
        """Return the record that belongs to the index as it is; None where there is no index.

        Args:
            trusted: refuse an index that has none; else it is taken for nothing.
        """
        if not self._file.is_file():
            return None
        try:
            content = json.loads(self._beside.read_text(encoding="utf-8")) if self._beside.is_file() else {}
        except (OSError, ValueError) as error:
            raise RunError(f"{self._beside} cannot be read ({reason(error)})", hint=ANEW) from None
        mark = file_digest(self._file)
        for one in (content, content.get("before") or {}):
            if one.get("index") == mark:
                return dict(one)
        if trusted:
            raise foreign(self._shown)
        return None

    def _rows(self, content: dict[str, Any]) -> _Rows:
        import pyarrow.parquet as pq

        table = pq.read_table(self._file.with_name(content["rows"]))
        numbers = table.column("number").to_pylist()
        texts = texts_in(table)
        kept = {} if texts is None else {n: text for n, text in zip(numbers, texts, strict=True) if text is not None}
        return _Rows(dict(zip(numbers, table.column("id").to_pylist(), strict=True)), kept)

    def _index(self, info: VectorInfo) -> Any:
        import faiss

        return (faiss.read_index_binary if info.precision == "ubinary" else faiss.read_index)(str(self._file))

    def _write(self, index: Any, rows: _Rows, upload: Upload, before: dict[str, Any] | None) -> None:
        """Put index, rows and record in place; the rename of the index is the moment at which the new one counts."""
        import faiss
        import pyarrow.parquet as pq

        self._file.parent.mkdir(parents=True, exist_ok=True)
        write = faiss.write_index_binary if upload.info.precision == "ubinary" else faiss.write_index
        with atomic_path(self._file) as temporary:
            write(index, str(temporary))
            mark = file_digest(temporary)
            beside = self._file.with_name(f"{self._file.name}.rows-{upload.key[:8]}{mark[:8]}.parquet")
            with atomic_path(beside) as rows_temporary:
                pq.write_table(rows.table(), rows_temporary)
            content = upload.record(upload.count, index=mark, rows=beside.name).as_json()
            older = None if before is None else {key: value for key, value in before.items() if key != "before"}
            write_json(self._beside, {**content, "before": older})
        write_json(self._beside, content)
        for other in self._file.parent.glob(f"{self._file.name}.rows-*.parquet"):
            if other != beside:
                other.unlink(missing_ok=True)


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    """Turn what FAISS raises into a sentence: it has no class of its own."""
    try:
        yield
    except RuntimeError as error:
        raise RunError(f"{place}: FAISS says {reason(error)}", hint=ANEW) from error


def _new_index(info: VectorInfo) -> Any:
    """Return an empty index for such vectors."""
    import faiss

    if info.precision == "ubinary":
        return faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(8 * width("ubinary", info.dimensions)))
    if info.precision == "float16":
        half = faiss.ScalarQuantizer.QT_fp16
        return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(info.dimensions, half, faiss.METRIC_INNER_PRODUCT))
    return faiss.IndexIDMap2(faiss.IndexFlatIP(info.dimensions))


def _add(index: Any, rows: _Rows, table: pa.Table, info: VectorInfo) -> None:
    """Add the vectors of a part, those of known ids instead of the older ones."""
    ids = table.column("id").to_pylist()
    numbers = np.fromiter(map(number_of, ids), dtype=np.int64, count=len(ids))
    texts = texts_in(table)
    if known := [number for number in numbers.tolist() if number in rows.ids]:
        index.remove_ids(np.array(known, dtype=np.int64))
    if info.precision == "ubinary":
        index.add_with_ids(np.ascontiguousarray(stored_in(table)), numbers)
    else:
        vectors = floats_in(table, info)
        index.add_with_ids(unit(vectors) if info.similarity == "cosine" else np.ascontiguousarray(vectors), numbers)
    for place, number in enumerate(numbers.tolist()):
        rows.ids[number] = ids[place]
        rows.texts.pop(number, None)
        if texts is not None:
            rows.texts[number] = texts[place]


def _found(index: Any, queries: np.ndarray, top: int, info: VectorInfo) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and numbers [Q, top], best first; −1 stands for no vector."""
    if info.precision == "ubinary":
        differing, numbers = index.search(np.packbits(queries > 0, axis=1), top)
        return 1 - differing / info.dimensions, numbers
    vectors = unit(queries) if info.similarity == "cosine" else np.ascontiguousarray(queries, dtype=np.float32)
    scores, numbers = index.search(vectors, top)
    return scores, numbers
