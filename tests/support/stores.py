"""Uploads made by hand, what a store then holds as plain values, and moments at which an upload breaks off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.storage import digest
from train.encode.contract import Role
from train.vectors.files import VectorInfo, as_table
from train.vectors.quantization import quantise
from train.vectors.stores.destination import Destination, parse_destination
from train.vectors.stores.open import open_store
from train.vectors.stores.protocol import Upload

PART = 10
"""Vectors of a part."""


class Broken(BaseException):
    """An upload that ends here; of a class that nothing catches."""


def info_of(vectors: np.ndarray, **changed: Any) -> VectorInfo:
    usual = {"label": "mine", "model": {"name": "mine"}, "role": Role.DOCUMENT, "space": "ab" * 16, "precision": "float32"}
    usual |= {"dimensions": vectors.shape[1], "similarity": "cosine", "normalized": False, "rows": len(vectors), "run": "first"}
    return VectorInfo(**{**usual, **changed})


def upload_of(
    vectors: np.ndarray, ids: list[str], texts: list[str] | None = None, *, overwrite: bool = False, **changed: Any
) -> Upload:
    """Return an upload of [N, D] float32 vectors in parts of ten."""
    info = info_of(vectors, **changed)
    stored = quantise(vectors, info.precision)
    starts = range(0, len(ids), PART)

    def tables(first: int) -> Iterator[Any]:
        for start in starts[first:]:
            rows = slice(start, start + PART)
            yield as_table(ids[rows], None if texts is None else texts[rows], stored[rows])

    return Upload(
        info, digest(json.dumps([info.as_json(), ids, texts]) + digest(stored.tobytes())), len(starts), tables, overwrite
    )


def put(word: str, upload: Upload) -> int:
    with open_store(parse_destination(word)) as store:
        return store.upload(upload)


def content(word: str) -> dict[str, Any] | None:
    """What a store holds, read by its own client: vector and payload by id, and the model; None where there is nothing."""
    to = parse_destination(word)
    return _in_faiss(Path(to.place)) if to.kind == "faiss" else _in_qdrant(to)


def _in_qdrant(to: Destination) -> dict[str, Any] | None:
    from qdrant_client import QdrantClient

    client = QdrantClient(path=to.place)
    try:
        if not client.collection_exists(to.collection):
            return None
        points, _ = client.scroll(to.collection, limit=1000, with_vectors=True)
        record = (client.get_collection(to.collection).config.metadata or {}).get("embed-tune")
        vectors = {one.payload.get("id", one.id): (np.round(one.vector, 5).tolist(), one.payload) for one in points}
        return {"vectors": dict(sorted(vectors.items())), "space": record and record["space"]}
    finally:
        client.close()


def _in_faiss(file: Path) -> dict[str, Any] | None:
    import faiss

    if not file.is_file():
        return None
    with open_store(Destination("faiss", str(file))) as store:
        found = store.record()  # by which a half replaced index would be found
    assert found is not None
    index = faiss.read_index(str(file))
    rows = pq.read_table(file.with_name(found.own["rows"])).to_pylist()
    vectors = {row["id"]: (np.round(index.reconstruct(row["number"]), 5).tolist(), row.get("text")) for row in rows}
    assert index.ntotal == len(vectors)
    return {"vectors": dict(sorted(vectors.items())), "space": found.info.space}


def break_at(monkeypatch: pytest.MonkeyPatch, function: str, call: int) -> Callable[[], int]:
    """Raise `Broken` in the place of the call of that number (from 1) of a function; returns how often it was called."""
    from tests.support.faults import found

    owner, name = found(function)
    stock, calls = getattr(owner, name), 0

    def broken(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Broken
        return stock(*args, **kwargs)

    monkeypatch.setattr(owner, name, broken)
    return lambda: calls
