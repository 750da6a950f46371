"""A Qdrant behind an address: the same as in a folder; no message holds the key; large parts go in several requests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.qdrant_server import KEY, QdrantServer
from tests.support.stores import put, upload_of
from train.errors import RunError
from train.vectors.stores import qdrant
from train.vectors.stores.destination import parse_destination
from train.vectors.stores.open import open_store

NAMES = [f"d{row}" for row in range(35)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[QdrantServer]:
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    found = QdrantServer()
    yield found
    found.close()


def made(seed: int, count: int = 35) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)


def test_a_server_holds_and_finds_what_a_folder_does(server: QdrantServer, in_tmp: object) -> None:
    remote, here = f"qdrant:{server.url}/docs", "qdrant:store/docs"
    found = []
    for word in (remote, here):
        for overwrite in (False, True, False):
            assert put(word, upload_of(made(1), NAMES, NAMES, overwrite=overwrite)) == 35
        with open_store(parse_destination(word)) as store:
            record = store.record()
            assert record is not None and record.upload.whole and store.count() == 35
            found.append(store.search(made(2, 3), 4))
    assert [[(hit.id, hit.text) for hit in line] for line in found[0]] == [
        [(hit.id, hit.text) for hit in line] for line in found[1]
    ]
    assert len(server.local.get_collections().collections) == 1


def test_a_part_goes_in_requests_that_a_server_takes(server: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant, "REQUEST_BYTES", 4000)
    texts = ["short", "ü" * 900] * 17 + ["x" * 9000]
    assert put(f"qdrant:{server.url}/docs", upload_of(made(1), NAMES, texts)) == 35
    assert len([one for one in server.requests if one.endswith("/points")]) > 10
    assert server.largest < 2 * 9000, "only a text that is larger by itself makes a larger request"


FAULTS = {
    "no such key": (None, "does not accept the key (HTTP 401)", "QDRANT_API_KEY"),
    "only reading": (("PUT", 403), "does not accept the key (HTTP 403)", "QDRANT_API_KEY"),
    "too large": (("/points", 413), "refused (HTTP 413", "repeat the command"),
    "out of order": (("PATCH", 500), "refused (HTTP 500", "repeat the command"),
    "full at the switch": (("POST /collections/aliases", 507), "refused (HTTP 507", "repeat the command"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_refusal_ends_in_a_sentence_without_the_key_and_the_repetition_is_whole(
    server: QdrantServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server.fault, said, hint = FAULTS[name]
    word = f"qdrant:{server.url}/docs"
    if server.fault is None:
        monkeypatch.setenv("QDRANT_API_KEY", "another-key")
    with pytest.raises(RunError) as refused:
        put(word, upload_of(made(1), NAMES))
    assert said in str(refused.value) and hint in str(refused.value)
    assert "another-key" not in str(refused.value) and KEY not in str(refused.value)
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    assert not server.local.collection_exists("docs")
    server.fault = None
    assert put(word, upload_of(made(1), NAMES)) == 35


def test_a_server_that_could_not_record_the_model_is_refused(server: QdrantServer) -> None:
    server.keeps_metadata = False
    with pytest.raises(RunError, match="keeps no metadata"):
        put(f"qdrant:{server.url}/docs", upload_of(made(1), NAMES))
    assert not server.local.get_collections().collections


def test_nobody_at_the_address_is_said(server: QdrantServer) -> None:
    server.close()
    with pytest.raises(RunError, match="cannot be reached"), open_store(parse_destination(f"qdrant:{server.url}/docs")) as store:
        store.record()
