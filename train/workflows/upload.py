"""`embed-tune embed VECTORS --to STORE`: vectors that `embed` made before go into a store; nothing is encoded."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.storage import digest
from train.console import quiet_libraries, say
from train.errors import ConfigError
from train.vectors.embed_result import EmbedResult
from train.vectors.files import VectorFile, as_table, open_vectors, refuse_not_finite
from train.vectors.shards import Parts
from train.vectors.stores.destination import Destination
from train.vectors.stores.open import upload_to
from train.vectors.stores.protocol import Upload

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class UploadRequest:
    """What is to be uploaded.

    Attributes:
        file: that `embed` wrote.
        to: the store.
        with_text: keep the texts beside the vectors.
        part: vectors after which it is recorded how far it is.
        overwrite: make the collection anew instead of adding to it.
    """

    file: Path
    to: Destination
    with_text: bool
    part: int
    overwrite: bool


def upload_vectors(request: UploadRequest, *, debug: bool = False) -> EmbedResult:
    """Put the vectors of a file into a store.

    Args:
        request: which, and where.
        debug: show what libraries log.

    Raises:
        ConfigError: the store does not take their precision, or there are no texts to keep.
        DataError: the file is damaged, or an id recurs in it.
        ModelError: it is not known which model made them, or those in the store are another one's.
        RunError: the store refuses, cannot be reached or written, or what is there is not ours.
    """
    quiet_libraries(debug)
    began = time.perf_counter()
    found = open_vectors(request.file)
    refuse_not_finite(found)
    if request.with_text and found.texts is None:
        raise ConfigError(f"{request.file} holds no texts", hint="leave out --with-text, or embed the texts again with it")
    say(f"{request.file}: vectors of {found.info.label}, which are uploaded as they are")
    with _alone(request.to):
        stored = upload_to(request.to, _upload(found, request))
    seconds = time.perf_counter() - began
    return EmbedResult(found.info, seconds=seconds, kept=found.info.rows, store=str(request.to), stored=stored)


@contextmanager
def _alone(to: Destination) -> Iterator[None]:
    """Keep other programs from writing the same index, as `embed` does. A Qdrant sees to this itself."""
    if to.kind != "faiss":
        yield
        return
    parts = Parts(Path(to.place))
    try:
        parts.hold()
        yield
    finally:
        parts.leave()


def _upload(found: VectorFile, request: UploadRequest) -> Upload:
    texts = found.texts if request.with_text else None

    def tables(first: int) -> Iterator[pa.Table]:
        for start in range(first * request.part, found.info.rows, request.part):
            rows = slice(start, start + request.part)
            kept = None if texts is None else texts[rows].to_pylist()
            yield as_table(found.ids[rows].to_pylist(), kept, np.asarray(found.stored[rows]))

    parts = -(-found.info.rows // request.part)
    facts = [
        replace(found.info, rows=0).as_json(),
        request.part,
        found.ids.to_pylist(),
        None if texts is None else texts.to_pylist(),
    ]
    key = digest(json.dumps(facts) + digest(np.ascontiguousarray(found.stored).data.cast("B")))
    return Upload(found.info, key, parts, tables, request.overwrite)
