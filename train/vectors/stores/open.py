"""The one way to open a store, and to see beforehand that vectors may go there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from train.console import say
from train.vectors.files import VectorInfo
from train.vectors.stores.destination import Destination
from train.vectors.stores.protocol import Store, Upload
from train.vectors.stores.record import refuse_recurring, refuse_unknown


@contextmanager
def open_store(destination: Destination) -> Iterator[Store]:
    """Open a store for the length of the block; nothing is made by opening it.

    Raises:
        ConfigError: its client is not installed.
        RunError: it cannot be reached, or another process uses it.
    """
    destination.refuse_without_client()
    store: Store
    if destination.kind == "qdrant":
        from train.vectors.stores.qdrant import QdrantStore

        store = QdrantStore(destination)
    else:
        from train.vectors.stores.faiss import FaissStore

        store = FaissStore(destination)
    try:
        yield store
    finally:
        store.close()


def refuse_unfitting(destination: Destination, info: VectorInfo, *, overwrite: bool) -> None:
    """See, before any work, that vectors may go to a store.

    Args:
        destination: where they are to go.
        info: what they will be.
        overwrite: whether what is there is to be replaced.

    Raises:
        ConfigError: the store does not take this precision.
        ModelError: the vectors that are there are another model's.
        RunError: the store cannot be reached, or what is there is not ours.
    """
    destination.refuse_precision(info.precision)
    refuse_unknown(info, str(destination))
    with open_store(destination) as store:
        if overwrite:
            if destination.is_server:
                store.count()  # which tells whether it can be reached
            return
        record = store.record()
        if record is not None:
            record.refuse_other(info, str(destination))


def upload_to(destination: Destination, upload: Upload) -> int:
    """Put vectors into a store, and return how many it then holds; see `Store.upload`.

    Raises:
        DataError: an id recurs.
        ModelError: what is there is another model's.
        RunError: the store refuses, cannot be reached or written, or what is there is not ours.
    """
    refuse_unfitting(destination, upload.info, overwrite=upload.overwrite)
    ids = (name for table in upload.tables(0) for name in table.column("id").to_pylist())
    refuse_recurring(ids, "the texts")
    say(f"uploading {upload.info.rows:,} vectors to {destination} …")
    with open_store(destination) as store:
        record = None if upload.overwrite else store.record()
        # of an upload that is repeated or goes on, what is there already is its own
        before = 0 if record is None or record.upload.key == upload.key else store.count()
        stored = store.upload(upload)
    if before and (replaced := before + upload.info.rows - stored) > 0:
        say(
            f"  note: {replaced:,} of the {before:,} vectors that were there had the same ids, and were replaced; texts that are"
            " to stay beside them need other ids (--id-column)"
        )
    return stored
