"""Vector files: what `embed` writes and `search` reads.

A Parquet file has the columns `id`, `text` (if asked for) and `vector`, a list of fixed size, one row group a part. A NumPy file
`x.npy` is an array [N, W] that any program can map into memory; ids and texts lie beside it in `x.npy.rows.parquet`. What the
vectors are (model, space, role, precision, ranges) stands in the Parquet file's metadata ("embed-tune") or in `x.npy.json`.

Shapes: N vectors, D dimensions, W stored numbers of a vector (D, or D / 8 for bits).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data.errors import DataError, reason
from data.storage import atomic_path
from train.encode.contract import Role
from train.vectors.quantization import (
    PRECISIONS,
    Precision,
    Ranges,
    bytes_per_vector,
    dequantise,
    dtype,
    ranges_as_json,
    ranges_from_json,
    width,
)

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".parquet", ".npy")
KEY = b"embed-tune"
FORMAT = 1
"""Raised when earlier versions could not read the file any more."""
MADE_BY = "name a file that `embed-tune embed` wrote, together with what it wrote beside it"


@dataclass(frozen=True)
class VectorInfo:
    """What a file of vectors holds.

    Attributes:
        label: what the user called the model.
        model: settings with which the model can be opened again (fields of `ModelConfig`).
        role: under which the texts were encoded.
        space: see `train.encode.fingerprint`; empty for vectors in memory of which it is not known.
        precision: of what is stored.
        dimensions: D.
        similarity: how two vectors are compared.
        normalized: whether the vectors had unit length before they were quantised.
        rows: N.
        ranges: of int8 and uint8.
        columns: of the file of texts that were chosen; none for those with the usual names.
        id_column: of that file, if it was chosen.
        contract: how the model encodes (fields of `EncodingContract`); None in files of earlier versions.
        run: name of the run that trained the model, where it is known.
    """

    label: str
    model: Mapping[str, Any]
    role: Role
    space: str
    precision: Precision
    dimensions: int
    similarity: Literal["cosine", "dot"]
    normalized: bool
    rows: int
    ranges: Ranges | None = None
    columns: tuple[str, ...] = ()
    id_column: str | None = None
    contract: Mapping[str, Any] | None = None
    run: str | None = None

    @property
    def width(self) -> int:
        """W."""
        return width(self.precision, self.dimensions)

    @property
    def bytes(self) -> int:
        """Of all stored vectors, without ids and ranges."""
        return self.rows * bytes_per_vector(self.precision, self.dimensions)

    def as_json(self) -> dict[str, Any]:
        """Return what is written into a file."""
        own = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        ranges = None if self.ranges is None else ranges_as_json(self.ranges)
        contract = None if self.contract is None else dict(self.contract)
        return {"format": FORMAT, **own, "model": dict(self.model), "ranges": ranges, "contract": contract}

    @classmethod
    def from_json(cls, content: Any) -> VectorInfo:
        """Read what `as_json` gave.

        Raises:
            ValueError: it is not of that form.
        """
        try:
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r} is not known to this version")
            # files of earlier versions lack them
            added = {name: content.get(name) for name in ("columns", "id_column", "contract", "run")}
            given = {one.name: content[one.name] for one in dataclasses.fields(cls) if one.name not in added}
        except (TypeError, KeyError) as error:
            raise ValueError(f"{error} is missing") from None
        role = Role(given["role"])  # a ValueError where it is none
        ranges = None if given["ranges"] is None else ranges_from_json(given["ranges"])
        if not isinstance(given["model"], dict) or not isinstance(given["model"].get("name"), str):
            raise ValueError("it does not say which model made it")
        if given["precision"] not in PRECISIONS:
            raise ValueError(f"precision {given['precision']!r} is not known to this version")
        added["columns"] = tuple(added["columns"] or ())
        return cls(**{**given, "role": role, "ranges": ranges, **added})


@dataclass(frozen=True)
class VectorFile:
    """An opened file of vectors, or vectors in memory.

    Attributes:
        path: of the file; None for vectors in memory.
        info: what it holds.
        stored: [N, W], in memory or mapped.
        ids: N ids.
        texts: N texts, where the file has them.
    """

    path: Path | None
    info: VectorInfo
    stored: np.ndarray
    ids: pa.Array
    texts: pa.Array | None = field(default=None)

    @property
    def place(self) -> str:
        """Where the vectors are, for messages."""
        return "the vectors in memory" if self.path is None else str(self.path)

    def floats(self) -> np.ndarray:
        """Return what the stored numbers stand for, float32 [N, D]: bits are the signs of the vector's numbers."""
        return dequantise(np.asarray(self.stored), self.info.precision, self.info.dimensions, self.info.ranges)


def vectors_in_memory(
    stored: np.ndarray, info: VectorInfo, ids: Sequence[str] | None = None, texts: Sequence[str] | None = None
) -> VectorFile:
    """Return vectors in memory as what `search` takes.

    Args:
        stored: [N, W] in the precision that `info` names.
        info: what they are.
        ids: N ids; by default the numbers of the rows, from 1.
        texts: N texts, if hits are to show them.

    Raises:
        DataError: shapes, types or numbers of rows do not fit together.
    """
    import pyarrow as pa

    names = [str(row) for row in range(1, len(stored) + 1)] if ids is None else list(ids)
    if texts is not None and len(texts) != len(stored):
        raise DataError(f"{len(texts):,} texts for {len(stored):,} vectors", hint="give one text per vector")
    kept = None if texts is None else pa.array(texts, pa.string())
    found = VectorFile(None, info, np.asarray(stored), pa.array(names, pa.string()), kept)
    try:
        _check(found)
    except ValueError as error:
        raise DataError(f"the vectors in memory do not fit together: {error}", hint="give an array [N, D] of float32") from None
    return found


def info_of_array(array: np.ndarray, model: str, role: Role = Role.DOCUMENT) -> VectorInfo:
    """Describe floats [N, D] that a model gave, of which nothing else is known.

    Args:
        array: [N, D] float32.
        model: the model that made them, as `--model` takes it.
        role: under which the texts were encoded.
    """
    rows, dimensions = array.shape
    return VectorInfo(model, {"name": model}, role, "", "float32", dimensions, "cosine", False, rows)


def as_table(ids: Sequence[str], texts: Sequence[str] | None, stored: np.ndarray) -> pa.Table:
    """Return a part of a file: ids, texts if they are to be kept, and stored vectors [N, W]."""
    import pyarrow as pa

    flat = pa.array(np.ascontiguousarray(stored).reshape(-1))
    columns = {"id": pa.array(ids, pa.string())}
    if texts is not None:
        columns["text"] = pa.array(texts, pa.string())
    columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, stored.shape[1])
    return pa.table(columns)


def stored_in(table: pa.Table) -> np.ndarray:
    """Return the stored vectors [N, W] of a part."""
    column = table.column("vector").combine_chunks()
    flat: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def side_files(path: Path) -> tuple[Path, Path]:
    """Return where the description of a NumPy file lies, and where its ids and texts."""
    return path.with_name(f"{path.name}.json"), path.with_name(f"{path.name}.rows.parquet")


def write_vectors(path: Path, info: VectorInfo, parts: Iterable[pa.Table]) -> None:
    """Write the parts one after the other, holding one at a time. The file at `path` appears last, whole.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    if path.suffix == ".npy":
        _write_npy(path, info, parts)
    else:
        with atomic_path(path) as temporary:
            _write_parquet(temporary, parts, {KEY: json.dumps(info.as_json())})


def _write_npy(path: Path, info: VectorInfo, parts: Iterable[pa.Table]) -> None:
    description, rows = side_files(path)
    header = {"descr": np.lib.format.dtype_to_descr(dtype(info.precision)), "fortran_order": False}
    with (
        atomic_path(path) as temporary,
        atomic_path(rows) as rows_temporary,
        atomic_path(description) as description_temporary,
    ):
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {**header, "shape": (info.rows, info.width)})

            def without_vectors() -> Iterator[pa.Table]:
                for part in parts:
                    file.write(stored_in(part).astype(dtype(info.precision), copy=False).tobytes())
                    yield part.drop_columns("vector")

            _write_parquet(rows_temporary, without_vectors(), {})
        description_temporary.write_text(json.dumps(info.as_json()), encoding="utf-8")


def _write_parquet(path: Path, parts: Iterable[pa.Table], metadata: Mapping[bytes, str]) -> None:
    """Write one row group per part. Vectors are not compressed: numbers of nearly random bits would become no smaller."""
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    try:
        for part in parts:
            if writer is None:
                schema = part.schema.with_metadata(dict(metadata))
                compression = {name: "zstd" for name in schema.names if name != "vector"}
                compression["vector.list.element"] = "none"
                writer = pq.ParquetWriter(path, schema, compression=compression, use_dictionary=False)
            writer.write_table(part.replace_schema_metadata(dict(metadata)), row_group_size=max(1, len(part)))
    finally:
        if writer is not None:
            writer.close()


def read_info(path: Path) -> VectorInfo:
    """Return what a file of vectors holds, without reading them.

    Raises:
        OSError, ValueError, pyarrow.ArrowException: it cannot be read, or has no description.
    """
    import pyarrow.parquet as pq

    if path.suffix == ".npy":
        return VectorInfo.from_json(json.loads(side_files(path)[0].read_text(encoding="utf-8")))
    metadata = pq.read_schema(path).metadata or {}
    if KEY not in metadata:
        raise ValueError("it has no description of its vectors")
    return VectorInfo.from_json(json.loads(metadata[KEY]))


ROWS_CHECKED = 1 << 14
"""Vectors that are looked at together."""


def open_vectors(path: Path) -> VectorFile:
    """Open a file of vectors. A NumPy file is mapped into memory, a Parquet file is read.

    Raises:
        DataError: there is none, it was not made by `embed`, or it is damaged.
    """
    import pyarrow as pa

    if path.suffix not in SUFFIXES or not path.is_file():
        what = "no such file" if not path.exists() else "not a file of vectors"
        raise DataError(what, where=str(path), hint=f"{MADE_BY} ({', '.join(SUFFIXES)})")
    try:
        found = _read_npy(path) if path.suffix == ".npy" else _read_parquet(path)
        _check(found)
    except FileNotFoundError as error:
        raise DataError(f"{Path(error.filename).name} is missing beside it", where=str(path), hint=MADE_BY) from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"not a complete file of vectors: {reason(error)}", where=str(path), hint=MADE_BY) from None
    return found


def refuse_not_finite(found: VectorFile) -> None:
    """Refuse floats among which is NaN or infinity: a search would rank them anyhow.

    Raises:
        DataError: naming the first such vector.
    """
    if found.stored.dtype.kind != "f":
        return
    for start in range(0, len(found.stored), ROWS_CHECKED):
        bad = np.flatnonzero(~np.isfinite(found.stored[start : start + ROWS_CHECKED]).all(axis=1))
        if len(bad):
            name = found.ids[start + int(bad[0])].as_py()
            raise DataError(
                f"the vector of {name!r} is not finite (NaN or infinity)", where=found.place, hint="embed the texts again"
            )


def _read_npy(path: Path) -> VectorFile:
    import pyarrow.parquet as pq

    _, rows = side_files(path)
    return _file(path, read_info(path), np.load(path, mmap_mode="r", allow_pickle=False), pq.read_table(rows))


def _read_parquet(path: Path) -> VectorFile:
    import pyarrow.parquet as pq

    info, table = read_info(path), pq.read_table(path)
    return _file(path, info, stored_in(table), table)


def _file(path: Path, info: VectorInfo, stored: np.ndarray, table: pa.Table) -> VectorFile:
    texts = table.column("text").combine_chunks() if "text" in table.column_names else None
    return VectorFile(path, info, stored, table.column("id").combine_chunks(), texts)


def _check(found: VectorFile) -> None:
    expected = (found.info.rows, found.info.width)
    if found.stored.shape != expected or found.stored.dtype != dtype(found.info.precision):
        raise ValueError(f"the array is {found.stored.shape} of {found.stored.dtype}, its description says {expected}")
    if len(found.ids) != found.info.rows:
        raise ValueError(f"{len(found.ids)} ids for {found.info.rows} vectors")
    if found.info.ranges is not None and found.info.ranges.shape != (2, found.info.dimensions):
        raise ValueError("the ranges are of other dimensions")
