"""A collection of Qdrant, on a server or in a folder (the client's local mode).

The name that the user gives is an alias: a collection is made under a name of its own and filled, and the alias is then put on
it, which Qdrant does at once. Ids are UUIDs of version 5, made from ours, which stand in the payload; the record is in the
collection's metadata (servers from 1.16 on keep it).
"""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import reason
from train.console import say
from train.encode.api.credentials import in_own_network
from train.errors import RunError
from train.vectors.stores.destination import Destination
from train.vectors.stores.protocol import StoreHit, Upload, floats_in, texts_in
from train.vectors.stores.record import KEY, StoreRecord, foreign

if TYPE_CHECKING:
    import pyarrow as pa
    from qdrant_client import QdrantClient

API_KEY = "QDRANT_API_KEY"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "embed-tune")
"""Of our ids: the point of the id "a" is uuid5(NAMESPACE, "a"), in every collection."""
REQUEST_BYTES = 8 << 20
"""Of the points of one request; a server takes 32 MB unless told otherwise (its setting `max_request_size_mb`)."""
NUMBER_BYTES = 12
"""That a number of a vector takes in JSON."""
TIMEOUT = 120
"""Seconds that a request may take."""


def point_id(identity: str) -> str:
    """Return the id under which Qdrant has one of ours."""
    return str(uuid.uuid5(NAMESPACE, identity))


class QdrantStore:
    """See the module.

    Args:
        destination: the collection.
    """

    def __init__(self, destination: Destination) -> None:
        self._to, self._shown, self._name = destination, str(destination), destination.collection
        self._opened = False

    def record(self) -> StoreRecord | None:
        """Return the record of the collection; None where there is none. See `Store.record`."""
        target = self._target()
        if target is None:
            return None
        found = self._record_of(target)
        if found is None:
            raise foreign(self._shown)
        return found

    def count(self) -> int:
        """Return how many vectors the collection holds."""
        target = self._target()
        return 0 if target is None else self._count(target)

    def close(self) -> None:
        """Close the client; a folder can be used by one process at a time."""
        if self._opened:
            self._client.close()

    def upload(self, upload: Upload) -> int:
        """Fill a collection aside and put the alias on it, or add to the one that is there. See `Store.upload`."""
        target = self._target()
        with self._in_words():
            if target is not None and not upload.overwrite:
                self._fill(target, upload)
            else:
                aside = self._aside(upload, target)
                self._fill(aside, upload)
                self._switch(aside, target)
            self._sweep()
            return self._count(self._name)

    def search(self, queries: np.ndarray, top: int) -> list[list[StoreHit]]:
        """Search as the collection is set up to; a server may search approximately. See `Store.search`."""
        with self._in_words():
            found = [self._client.query_points(self._name, query=query.tolist(), limit=top).points for query in queries]
        return [[_hit(one.id, one.score, one.payload or {}) for one in line] for line in found]

    @cached_property
    def _client(self) -> QdrantClient:
        from qdrant_client import QdrantClient

        folder = str(Path(self._to.place).expanduser())
        client = self._of_server() if self._to.is_server else QdrantClient(path=folder)
        self._opened = True
        return client

    def _of_server(self) -> QdrantClient:
        from qdrant_client import QdrantClient

        place, key = self._to.place, os.environ.get(API_KEY) or None
        if key is not None and place.startswith("http:") and not in_own_network(place):
            say(f"  note: the key in {API_KEY} goes to {place} unencrypted")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the client's own words for the same
            # what is needed of the server's version is tried out, see `_create`
            return QdrantClient(url=place, api_key=key, timeout=TIMEOUT, check_compatibility=False)

    def _target(self) -> str | None:
        """Return the collection that the name stands for; None where it stands for none."""
        if not self._to.is_server and not (Path(self._to.place).expanduser() / "meta.json").is_file():
            return None  # opening a folder would make it
        with self._in_words():
            for alias in self._client.get_aliases().aliases:
                if alias.alias_name == self._name:
                    return str(alias.collection_name)
            return self._name if self._name in self._collections() else None

    def _collections(self) -> list[str]:
        return [one.name for one in self._client.get_collections().collections]

    def _record_of(self, collection: str) -> StoreRecord | None:
        with self._in_words():
            content = (self._client.get_collection(collection).config.metadata or {}).get(KEY)
        return None if content is None else StoreRecord.from_json(content, self._shown)

    def _count(self, collection: str) -> int:
        with self._in_words():
            return int(self._client.count(collection, exact=True).count)

    def _aside(self, upload: Upload, target: str | None) -> str:
        """Return the collection in which the name's next one is made: one that an earlier attempt began, or a new one."""
        own = f"{self._name}.{upload.key[:12]}"
        name = own if own != target else f"{own}.2"
        if name in self._collections():
            found = self._record_of(name)
            if found is not None and found.upload.key == upload.key:
                return name
            self._client.delete_collection(name)
        self._create(name, upload)
        return name

    def _create(self, name: str, upload: Upload) -> None:
        from qdrant_client import models

        distance = models.Distance.COSINE if upload.info.similarity == "cosine" else models.Distance.DOT
        kind = models.Datatype.FLOAT16 if upload.info.precision == "float16" else None
        vectors = models.VectorParams(size=upload.info.dimensions, distance=distance, datatype=kind)
        self._client.create_collection(name, vectors_config=vectors, metadata=self._metadata(upload, 0))
        if self._record_of(name) is None:
            self._client.delete_collection(name)
            raise RunError(
                f"{self._shown}: this Qdrant keeps no metadata of collections, so the model could not be recorded",
                hint="update the server to 1.16 or later",
            )

    def _metadata(self, upload: Upload, done: int) -> dict[str, Any]:
        return {KEY: upload.record(done, collection=self._name).as_json()}

    def _note(self, collection: str, upload: Upload, done: int) -> None:
        """Record how many parts have arrived."""
        self._client.update_collection(collection, metadata=self._metadata(upload, done))

    def _fill(self, collection: str, upload: Upload) -> None:
        """Send the parts that have not arrived. How many have is recorded after each."""
        found = self._record_of(collection)
        same = found is not None and found.upload.key == upload.key
        aside = collection.startswith(f"{self._name}.") and self._target() != collection
        # a whole upload into the collection in use is sent again: points may have been deleted since
        done = found.upload.done if found is not None and same and (aside or not found.upload.whole) else 0
        if done == 0:
            self._note(collection, upload, 0)
        for number, table in enumerate(upload.tables(done), start=done + 1):
            self._send(collection, table, upload)
            self._note(collection, upload, number)

    def _send(self, collection: str, table: pa.Table, upload: Upload) -> None:
        """Send the points of a part, and wait until they are stored."""
        from qdrant_client import models

        ids, texts, vectors = table.column("id").to_pylist(), texts_in(table), floats_in(table, upload.info)
        payloads = [
            {"id": one} if texts is None else {"id": one, "text": text} for one, text in zip(ids, texts or ids, strict=True)
        ]
        for part in _requests(payloads, upload.info.dimensions):
            points = models.Batch(
                ids=[point_id(one) for one in ids[part]], vectors=vectors[part].tolist(), payloads=payloads[part]
            )
            self._client.upsert(collection, points, wait=True)

    def _switch(self, aside: str, target: str | None) -> None:
        """Let the name stand for the collection that was made; a collection that has the name itself is deleted first."""
        from qdrant_client import models

        made = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=aside, alias_name=self._name))
        gone = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=self._name))
        if target == self._name:
            self._client.delete_collection(self._name)
        changes: list[models.AliasOperations] = [made]
        if target not in (None, self._name):
            changes.insert(0, gone)
        self._client.update_collection_aliases(change_aliases_operations=changes)

    def _sweep(self) -> None:
        """Delete collections that we made for this name and that it does not stand for: older ones, and attempts given up."""
        target = self._target()
        for name in self._collections():
            if name != target and name.startswith(f"{self._name}."):
                found = self._record_of(name)
                if found is not None and found.own.get("collection") == self._name:
                    self._client.delete_collection(name)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turn what the client raises into a sentence in which no key stands."""
        from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

        try:
            yield
        except UnexpectedResponse as error:
            raise self._refused(error.status_code, reason(ValueError(error.content.decode("utf-8", "replace")))) from None
        except ApiException as error:
            raise RunError(
                f"{self._shown} cannot be reached ({self._clean(reason(error))})",
                hint="check the address, and that Qdrant runs there",
            ) from None
        except RuntimeError as error:
            if "already accessed" not in str(error):
                raise
            raise RunError(
                f"{self._shown}: another process has the folder open", hint="wait for it, or use a Qdrant server"
            ) from None
        except ValueError as error:
            raise RunError(
                f"{self._shown}: {self._clean(reason(error))}", hint="check the folder, or name another one"
            ) from error

    def _refused(self, status: int | None, said: str) -> RunError:
        if status in (401, 403):
            return RunError(
                f"{self._shown} does not accept the key (HTTP {status})",
                hint=f"put a key that may write into the environment variable {API_KEY}",
            )
        return RunError(
            f"{self._shown} refused (HTTP {status}: {self._clean(said)})", hint="correct what it names, then repeat the command"
        )

    @staticmethod
    def _clean(text: str) -> str:
        key = os.environ.get(API_KEY)
        return text.replace(key, "…") if key else text


def _hit(point: object, score: float, payload: dict[str, Any]) -> StoreHit:
    """Return a point that was found; one that somebody else put there has no id of ours."""
    return StoreHit(str(payload.get("id", point)), float(score), payload.get("text"))


def _requests(payloads: list[dict[str, str]], dimensions: int) -> Iterator[slice]:
    """Yield slices of points that fit into one request each."""
    start, size = 0, 0
    for place, payload in enumerate(payloads):
        own = dimensions * NUMBER_BYTES + sum(len(text.encode()) for text in payload.values()) + 100
        if place > start and size + own > REQUEST_BYTES:
            yield slice(start, place)
            start, size = place, 0
        size += own
    if payloads:
        yield slice(start, len(payloads))
