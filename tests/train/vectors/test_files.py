"""Vector files: what was written is read; other and damaged files are refused; a file is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from data.errors import DataError
from train.vectors.files import (
    VectorInfo,
    as_table,
    info_of_array,
    open_vectors,
    refuse_not_finite,
    side_files,
    vectors_in_memory,
    write_vectors,
)
from train.vectors.quantization import PRECISIONS, Precision, calibrate, quantise

VECTORS = np.random.default_rng(0).standard_normal((20, 16)).astype(np.float32)
IDS = [f"doc-{i}" for i in range(19)] + ["ü\n\u2028"]


def info(precision: Precision, rows: int = 20) -> VectorInfo:
    ranges = calibrate(VECTORS) if precision in ("int8", "uint8") else None
    return VectorInfo("m", {"name": "m"}, "document", "digest", precision, 16, "cosine", True, rows, ranges)


def parts(precision: Precision, texts: bool = False) -> Iterator[pa.Table]:
    codes = quantise(VECTORS, precision, calibrate(VECTORS))
    for start in range(0, 20, 8):
        part = slice(start, start + 8)
        yield as_table(IDS[part], [f"text {one}" for one in IDS[part]] if texts else None, codes[part])


@pytest.mark.parametrize("suffix", [".parquet", ".npy"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_was_written_is_read(tmp_path: Path, precision: Precision, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_vectors(path, info(precision), parts(precision, texts=True))
    found = open_vectors(path)
    assert found.stored.tobytes() == quantise(VECTORS, precision, calibrate(VECTORS)).tobytes()
    assert found.ids.to_pylist() == IDS and found.texts is not None and found.texts[3].as_py() == "text doc-3"
    expected = info(precision)
    assert found.info.as_json() == expected.as_json() and found.info.bytes == found.stored.nbytes
    assert isinstance(found.stored, np.memmap) == (suffix == ".npy"), "a NumPy file need not fit into memory"


def test_any_reader_of_parquet_understands_it(tmp_path: Path) -> None:
    import pandas as pd

    write_vectors(tmp_path / "v.parquet", info("float32"), parts("float32"))
    frame = pd.read_parquet(tmp_path / "v.parquet")
    assert list(frame.columns) == ["id", "vector"]
    np.testing.assert_array_equal(np.stack(frame["vector"]), VECTORS)


@pytest.mark.parametrize("suffix", [".parquet", ".npy"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_vectors(path, info("float32"), parts("float32"))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def broken() -> Iterator[pa.Table]:
        yield next(parts("float32"))
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_vectors(path, info("float32"), broken())
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_file_of_an_earlier_version_says_nothing_of_columns() -> None:
    written = {**info("int8").as_json(), "columns": ("body",), "id_column": "key"}
    read = VectorInfo.from_json(json.loads(json.dumps(written)))
    assert read.columns == ("body",) and read.id_column == "key"
    earlier = {key: value for key, value in written.items() if key not in ("columns", "id_column")}
    read = VectorInfo.from_json(earlier)
    assert read.columns == () and read.id_column is None and read.ranges is not None


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def other_rows(path: Path) -> None:
    write_vectors(path, info("float32", rows=21), parts("float32"))


def no_description(path: Path) -> None:
    import pyarrow.parquet as pq

    if path.suffix == ".npy":
        side_files(path)[0].unlink()
    else:
        pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)


def another_precision(path: Path) -> None:
    write_vectors(path, info("float16"), parts("float32"))


def a_newer_format(path: Path) -> None:
    import pyarrow.parquet as pq

    description = side_files(path)[0]
    content = {**info("float32").as_json(), "format": 99}
    if path.suffix == ".npy":
        description.write_text(json.dumps(content))
    else:
        pq.write_table(pq.read_table(path).replace_schema_metadata({"embed-tune": json.dumps(content)}), path)


@pytest.mark.parametrize("suffix", [".parquet", ".npy"])
@pytest.mark.parametrize("ruin", [cut, no_description, a_newer_format])
def test_damaged_and_other_files_are_refused(tmp_path: Path, ruin: Any, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_vectors(path, info("float32"), parts("float32"))
    ruin(path)
    with pytest.raises(DataError, match=r"(?s)v\.(parquet|npy).*embed-tune embed"):
        open_vectors(path)


@pytest.mark.parametrize("ruin", [other_rows, another_precision])
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, ruin: Any) -> None:
    ruin(tmp_path / "v.parquet")
    with pytest.raises(DataError, match="its description says"):
        open_vectors(tmp_path / "v.parquet")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("a")
    for name, words in (("v.csv", "not a file of vectors"), ("none.npy", "no such file")):
        with pytest.raises(DataError, match=words):
            open_vectors(tmp_path / name)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_not_searched(value: float) -> None:
    vectors = np.ones((3, 8), dtype=np.float32)
    refuse_not_finite(vectors_in_memory(vectors, info_of_array(vectors, "a model")))
    vectors[1, 4] = value
    with pytest.raises(DataError, match=r"the vectors in memory: the vector of '2' is not finite \(NaN or infinity\)"):
        refuse_not_finite(vectors_in_memory(vectors, info_of_array(vectors, "a model")))
