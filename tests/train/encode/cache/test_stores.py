"""What both stores promise, and what is peculiar to each. The Redis server is a real one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.redis_server import RedisServer
from train.config.load import load_config
from train.encode.cache.protocol import StoreError, VectorStore
from train.encode.cache.redis_store import RedisStore
from train.encode.cache.sqlite_store import DAY, FILE, FileStore
from train.errors import ConfigError

KEYS = [bytes([i]) * 16 for i in range(5)]
VALUES = [b"value %d" % i for i in range(5)]


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "file":
        found: VectorStore = FileStore(tmp_path / "vectors")
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        found = RedisStore(f"{server.url}?namespace={tmp_path.name}")
    yield found
    found.close()


def test_what_was_put_comes_back(store: VectorStore) -> None:
    assert store.get_many(KEYS) == [None] * 5
    store.put_many(KEYS[:3], VALUES[:3])
    assert store.get_many([KEYS[2], KEYS[4], KEYS[0]]) == [VALUES[2], None, VALUES[0]]


def test_a_newer_value_takes_the_place_of_an_older_one(store: VectorStore) -> None:
    store.put_many(KEYS[:2], VALUES[:2])
    store.put_many(KEYS[1:3], [b"new", VALUES[2]])
    assert store.get_many(KEYS[:3]) == [VALUES[0], b"new", VALUES[2]]


def test_many_at_once_and_none(store: VectorStore) -> None:
    keys = [i.to_bytes(16, "big") for i in range(2345)]
    store.put_many(keys, [key * 3 for key in keys])
    assert store.get_many(keys) == [key * 3 for key in keys]
    store.put_many([], [])
    assert store.get_many([]) == []


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from train.encode.cache.sqlite_store import FileStore
from train.encode.cache.redis_store import RedisStore
kind, place, number = sys.argv[2:]
store = FileStore(Path(place)) if kind == "file" else RedisStore(place)
for start in range(0, 2000, 50):
    keys = [i.to_bytes(16, "big") for i in range(start, start + 50)]
    store.put_many(keys, [key * 2 for key in keys])
    assert store.get_many(keys) == [key * 2 for key in keys]
print("done", number)
"""


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_two_processes_share_a_store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = str(tmp_path / "shared") if kind == "file" else f"{request.getfixturevalue('redis_server').url}?namespace=two"
    words = [sys.executable, "-c", WRITER, str(ROOT), kind, place]
    writers = [subprocess.Popen([*words, str(i)], stdout=subprocess.PIPE, text=True) for i in (1, 2)]
    assert [writer.communicate(timeout=120)[0].strip() for writer in writers] == ["done 1", "done 2"]
    store: VectorStore = FileStore(Path(place)) if kind == "file" else RedisStore(place)
    assert store.get_many([i.to_bytes(16, "big") for i in range(2001)])[1999:] == [(1999).to_bytes(16, "big") * 2, None]


# the file


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, it is much longer than a header of one hundred bytes" * 4)
    said: list[str] = []
    store = FileStore(tmp_path, warn=said.append)
    store.put_many(KEYS, VALUES)
    assert store.get_many(KEYS) == VALUES
    assert len(said) == 1 and "renamed" in said[0]
    assert len(list(tmp_path.glob(f"{FILE}.broken-*"))) == 1


def test_damage_inside_a_file_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put_many([i.to_bytes(16, "big") for i in range(3000)], [b"x" * 500] * 3000)
    store.close()
    size = (tmp_path / FILE).stat().st_size
    with (tmp_path / FILE).open("r+b") as handle:
        handle.seek(8192)
        handle.write(os.urandom(size - 8192))
    said: list[str] = []
    again = FileStore(tmp_path, warn=said.append)
    assert again.get_many([i.to_bytes(16, "big") for i in range(3000)]).count(None) == 3000
    assert len(said) == 1 and "was broken" in said[0]
    again.put_many(KEYS, VALUES)
    assert again.get_many(KEYS) == VALUES


def test_a_file_that_another_process_replaced_is_left_alone(tmp_path: Path) -> None:
    said: list[str] = []
    one, other = (FileStore(tmp_path, warn=said.append) for _ in range(2))
    keys = [i.to_bytes(16, "big") for i in range(3000)]
    one.put_many(keys, [b"x" * 500] * 3000)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / FILE).open("r+b") as handle:  # both have it open
        handle.seek(4096)
        handle.write(os.urandom((tmp_path / FILE).stat().st_size - 4096))
    assert one.get_many(keys).count(None) == 3000  # sets it aside
    one.put_many(KEYS, VALUES)
    assert other.get_many(KEYS) == VALUES  # finds it broken, too, and takes the new one
    assert len(said) == 1 and len(list(tmp_path.glob(f"{FILE}.broken-*"))) == 1


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    keys = [i.to_bytes(16, "big") for i in range(400)]
    store.put_many(keys, [b"v" * 4000] * 400)
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("UPDATE vectors SET used = ?", (int(time.time()) // DAY - 3,))
    kept = FileStore(tmp_path)
    assert kept.get_many(keys[:100]).count(None) == 0  # used today
    kept.close()
    before = (tmp_path / FILE).stat().st_size
    pruned = FileStore(tmp_path, keep_bytes=before // 2)
    found = pruned.get_many(keys)
    assert found[:100].count(None) == 0 and 180 < found.count(None) < 260
    pruned.close()
    assert (tmp_path / FILE).stat().st_size < 0.6 * before


def test_a_file_that_is_written_all_the_time_stays_below_its_limit(tmp_path: Path) -> None:
    limit = 2_000_000
    store = FileStore(tmp_path, keep_bytes=limit)
    keys = [i.to_bytes(16, "big") for i in range(5000)]
    for start in range(0, 5000, 50):
        store.put_many(keys[start : start + 50], [b"v" * 1000] * 50)
        assert store.get_many(keys[start : start + 50]).count(None) == 0
    there = [value is not None for value in store.get_many(keys)]
    assert 1200 < sum(there) < 2000 and there == sorted(there), "the newest are kept"
    store.close()
    assert (tmp_path / FILE).stat().st_size < 1.2 * limit


def test_vectors_are_given_though_another_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.encode.cache.sqlite_store.PATIENCE", 0.1)
    store = FileStore(tmp_path)
    store.put_many(KEYS, VALUES)
    with closing(sqlite3.connect(tmp_path / FILE)) as other, other:
        other.execute("UPDATE vectors SET used = 0")  # so that reading wants to note the day
        other.commit()
        other.execute("BEGIN IMMEDIATE")
        assert store.get_many(KEYS) == VALUES
        with pytest.raises(StoreError, match="locked"):
            store.put_many(KEYS, VALUES)
    store.put_many(KEYS, VALUES)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"exists|directory"):
        FileStore(tmp_path / "file")


# Redis


def test_vectors_expire_where_that_is_asked(redis_server: RedisServer) -> None:
    from redis import Redis

    store = RedisStore(f"{redis_server.url}?namespace=expire&ttl=2h")
    store.put_many(KEYS[:1], VALUES[:1])
    client = Redis(port=redis_server.port)
    assert 7100 < int(client.ttl(b"expire:" + KEYS[0])) <= 7200
    RedisStore(f"{redis_server.url}?namespace=stay").put_many(KEYS[:1], VALUES[:1])
    assert client.ttl(b"stay:" + KEYS[0]) == -1  # Redis's word for never


def test_an_expired_vector_is_gone(redis_server: RedisServer) -> None:
    store = RedisStore(f"{redis_server.url}?namespace=soon&ttl=1s")
    store.put_many(KEYS, VALUES)
    assert store.get_many(KEYS) == VALUES
    deadline = time.monotonic() + 20
    while store.get_many(KEYS) != [None] * 5:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_namespaces_and_databases_are_apart(redis_server: RedisServer) -> None:
    RedisStore(f"{redis_server.url}?namespace=a").put_many(KEYS, VALUES)
    assert RedisStore(f"{redis_server.url}?namespace=b").get_many(KEYS) == [None] * 5
    assert RedisStore(f"redis://127.0.0.1:{redis_server.port}/1?namespace=a").get_many(KEYS) == [None] * 5


def test_the_password_comes_from_the_environment_and_is_never_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "open-sesame-7"
    server = RedisServer(tmp_path, password=secret)
    try:
        with pytest.raises(StoreError) as refused:
            RedisStore(server.url)
        monkeypatch.setenv("REDIS_PASSWORD", secret)
        store = RedisStore(server.url)
        store.put_many(KEYS, VALUES)
        assert store.get_many(KEYS) == VALUES
        server.kill()
        with pytest.raises(StoreError) as gone:
            store.get_many(KEYS)
        with pytest.raises(ConfigError) as written:
            RedisStore(f"redis://:{secret}@127.0.0.1:{server.port}/0")
        assert "REDIS_PASSWORD" in str(written.value)
        assert not any(secret in text for text in (str(refused.value), str(gone.value), str(written.value), store.name))
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("redis://127.0.0.1:port/0", "port or database"),
        ("redis://127.0.0.1:1/zero", "port or database"),
        ("redis://127.0.0.1/0?namspace=x", "'namspace'"),
        ("redis://127.0.0.1/0?ttl=soon", "ttl=soon"),
        ("redis://127.0.0.1/0?ttl=0", "ttl=0"),
        ("redis://127.0.0.1/0?ttl=", "ttl= "),
        ("redis://127.0.0.1/0?namespace=", "empty namespace"),
        ("redis://[::1/0", "malformed"),
    ],
)
def test_a_wrong_address_is_explained(url: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        RedisStore(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:open-sesame-7@127.0.0.1:1/0",
        "redis://me:open-sesame-7@127.0.0.1:1/0",
        "redis://:open-/sesame-7@127.0.0.1:1/0",
        "redis://:open-?sesame-7@127.0.0.1:1/0",
        "redis://127.0.0.1:1/0?password=open-sesame-7",
    ],
)
def test_an_address_with_a_password_is_refused_before_it_is_written_anywhere(url: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_PASSWORD") as refused:
        load_config(None, data="x.csv", overrides=[f"vector_cache={url}"])
    assert "sesame" not in str(refused.value)


def test_a_missing_server_skips_unless_that_is_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("EMBED_TUNE_REQUIRE_REDIS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        RedisServer(tmp_path)
    monkeypatch.setenv("EMBED_TUNE_REQUIRE_REDIS", "1")
    with pytest.raises(pytest.fail.Exception, match="asks for it"):
        RedisServer(tmp_path)
