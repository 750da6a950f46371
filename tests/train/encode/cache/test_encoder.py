"""The cached encoder gives the encoder's vectors, computes each once, and survives whatever happens to the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.progress import Tick, bars
from tests.support.redis_server import RedisServer
from tests.train.encode.cache.conftest import CountingEncoder, vector_of
from train.encode.cache.cache import VectorCache
from train.encode.cache.codec import pack
from train.encode.cache.encoder import CachedEncoder
from train.encode.cache.open import open_cache, open_shared_cache
from train.encode.cache.protocol import StoreError
from train.encode.cache.redis_store import RedisStore
from train.encode.cache.sqlite_store import FILE, FileStore
from train.errors import ConfigError


def expected(texts: Sequence[str]) -> np.ndarray:
    return np.stack([vector_of(text) for text in texts])


def cached(folder: Path, name: str = "one", said: list[str] | None = None) -> tuple[CachedEncoder, CountingEncoder]:
    inner = CountingEncoder(name)
    return CachedEncoder(inner, VectorCache(FileStore(folder), (said if said is not None else []).append)), inner


def test_each_distinct_text_is_computed_once_in_its_life(tmp_path: Path) -> None:
    first, inner = cached(tmp_path)
    texts = ["a", "b", "a", "c", "d"]
    assert np.array_equal(first.encode(texts, "query").numpy(), expected(texts))
    assert inner.asked == [["a", "b", "c"], ["d"]]  # windows of three
    assert (first.cache.counters.hits, first.cache.counters.misses, first.cache.counters.written) == (0, 4, 4)
    second, fresh = cached(tmp_path)
    assert np.array_equal(second.encode(["d", "e", "a"], "query").numpy(), expected(["d", "e", "a"]))
    assert fresh.asked == [["e"]] and second.cache.counters.hits == 2


def test_roles_and_models_share_nothing(tmp_path: Path) -> None:
    one, inner = cached(tmp_path)
    one.encode(["a"], "query")
    one.encode(["a"], "document")
    other, others = cached(tmp_path, "another")
    other.encode(["a"], "query")
    assert inner.asked == [["a"], ["a"]] and others.asked == [["a"]]


def test_missing_names_what_would_be_computed_and_counts_nothing(tmp_path: Path) -> None:
    one, inner = cached(tmp_path)
    one.encode(["a", "b"], "query")
    before = (one.cache.counters.hits, one.cache.counters.misses)
    assert one.missing(["c", "a", "c", "d"], "query") == ["c", "d"]
    assert (one.cache.counters.hits, one.cache.counters.misses) == before and inner.asked == [["a", "b"]]


def test_no_text_gives_no_vector(tmp_path: Path) -> None:
    assert cached(tmp_path)[0].encode([], "query").shape == (0, 16)


@given(st.lists(st.lists(st.text(max_size=3), max_size=12), max_size=4))
@settings(max_examples=30, deadline=None)
def test_any_calls_give_what_the_encoder_gives(tmp_path_factory: pytest.TempPathFactory, calls: list[list[str]]) -> None:
    one, inner = cached(tmp_path_factory.mktemp("any"))
    for texts in calls:
        found = one.encode(texts, "document").numpy()
        assert found.shape == (len(texts), 16)
        assert all(np.array_equal(row, vector_of(text)) for row, text in zip(found, texts, strict=True))
    computed = [text for texts in inner.asked for text in texts]
    assert len(computed) == len(set(computed)) == len({text for texts in calls for text in texts})


def test_damaged_and_short_values_are_computed_again_and_mended(tmp_path: Path) -> None:
    one, _ = cached(tmp_path)
    one.encode(["a", "b", "c"], "query")
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        rows = connection.execute("SELECT id, value FROM vectors ORDER BY id").fetchall()
        damaged = bytes([*rows[0][1][:-1], rows[0][1][-1] ^ 1])
        connection.execute("UPDATE vectors SET value = ? WHERE id = ?", (damaged, rows[0][0]))
        connection.execute("UPDATE vectors SET value = ? WHERE id = ?", (rows[1][1][:20], rows[1][0]))
    again, inner = cached(tmp_path)
    assert np.array_equal(again.encode(["a", "b", "c"], "query").numpy(), expected(["a", "b", "c"]))
    assert inner.asked == [["a", "b"]] and again.cache.counters.damaged == 2
    third, untouched = cached(tmp_path)
    third.encode(["a", "b", "c"], "query")
    assert untouched.asked == [] and third.cache.counters.damaged == 0


class Broken(CountingEncoder):
    """The same model on a device that gives NaN for texts with an x, and infinity for those with a y."""

    def encode(self, texts: Sequence[str], role: str, progress: bool | None = None) -> torch.Tensor:  # type: ignore[override]
        vectors = super().encode(texts, role, progress).clone()  # type: ignore[arg-type]
        for row, text in enumerate(texts):
            if "x" in text or "y" in text:
                vectors[row, 3] = torch.nan if "x" in text else -torch.inf
        return vectors


def test_what_is_not_finite_is_never_kept(tmp_path: Path, redis_server: RedisServer) -> None:
    for store in (lambda: FileStore(tmp_path), lambda: RedisStore(f"{redis_server.url}?namespace=finite")):
        broken = CachedEncoder(Broken(), VectorCache(store(), print))
        texts = ["a", "x1", "b", "y1", "x2"]
        assert not np.isfinite(broken.encode(texts, "query").numpy()).all()
        assert broken.cache.counters.written == 2
        sound, said = CountingEncoder(), list[str]()
        other = CachedEncoder(sound, VectorCache(store(), said.append))
        assert np.array_equal(other.encode(texts, "query").numpy(), expected(texts))
        assert sound.asked == [["x1", "y1", "x2"]] and other.cache.counters.damaged == 0 and not said


def put(folder: Path, values: Sequence[object]) -> None:
    """Write values instead of those in the file, in their order."""
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        numbers = [number for (number,) in connection.execute("SELECT id FROM vectors ORDER BY id")]
        connection.executemany("UPDATE vectors SET value = ? WHERE id = ?", zip(values, numbers, strict=True))


def test_what_is_read_is_checked_and_said_once(tmp_path: Path) -> None:
    texts = ["sound", "nan", "infinite", "longer", "cut", "words", "number", "half", "empty"]
    one, _ = cached(tmp_path)
    one.encode(texts, "query")
    broken = [np.full(16, value, dtype=np.float32) for value in (np.nan, np.inf)]
    put(
        tmp_path,
        [
            pack(vector_of("sound")[None])[0],
            *(pack(vector[None])[0] for vector in broken),  # as earlier versions kept them
            pack(np.ones((1, 32), dtype=np.float32))[0],
            pack(np.ones((1, 16), dtype=np.float32))[0][:-3],
            "a text",
            7,
            pack(np.ones((1, 16), dtype=np.float32))[0][:12] + np.ones(16, dtype=np.float16).tobytes(),
            b"",
        ],
    )
    said: list[str] = []
    again, inner = cached(tmp_path, said=said)
    assert again.missing(texts, "query") == texts[1:]
    assert np.array_equal(again.encode(texts, "query").numpy(), expected(texts))
    assert [text for asked in inner.asked for text in asked] == texts[1:] and again.cache.counters.damaged == 8
    assert len(said) == 1 and "8 vectors are damaged in the cache" in said[0] and str(tmp_path / FILE) in said[0]
    third, untouched = cached(tmp_path)
    third.encode(texts, "query")
    assert untouched.asked == []


class Dying(CountingEncoder):
    """Kills the server after the second window."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.server = server

    def encode(self, texts: Sequence[str], role: str, progress: bool | None = None) -> torch.Tensor:  # type: ignore[override]
        if len(self.asked) == 2:
            self.server.kill()
        return super().encode(texts, role, progress)  # type: ignore[arg-type]


def test_a_server_that_is_killed_in_the_middle_costs_one_warning(tmp_path: Path) -> None:
    server, said = RedisServer(tmp_path), list[str]()
    try:
        cache = VectorCache(RedisStore(server.url), said.append)
        one = CachedEncoder(Dying(server), cache)
        texts = [f"text {i}" for i in range(20)]
        assert np.array_equal(one.encode(texts, "query").numpy(), expected(texts))
        assert np.array_equal(one.encode(texts, "query").numpy(), expected(texts))
        assert len(said) == 1 and "takes longer" in said[0]
        assert cache.counters.written == 6 and cache.counters.failures == 2  # a write, then a read; then it is left alone
    finally:
        server.kill()


def test_a_server_that_answers_nothing_any_more_costs_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.encode.cache.redis_store.PATIENCE", 0.2)
    server, said = RedisServer(tmp_path), list[str]()
    try:
        cache = VectorCache(RedisStore(server.url), said.append)
        one = CachedEncoder(CountingEncoder(), cache)
        texts = [f"text {i}" for i in range(20)]
        one.encode(texts, "query")
        server.freeze()
        assert np.array_equal(one.encode(texts, "query").numpy(), expected(texts))
        assert np.array_equal(one.encode(texts, "document").numpy(), expected(texts))
        assert len(said) == 1 and cache.counters.failures == 1 and cache.counters.written == 20
    finally:
        server.kill()


def test_a_server_that_is_full_goes_on_being_read(tmp_path: Path) -> None:
    from redis import Redis

    server, said = RedisServer(tmp_path), list[str]()
    try:
        inner = CountingEncoder()
        one = CachedEncoder(inner, VectorCache(RedisStore(server.url), said.append))
        one.encode(["a", "b"], "query")
        Redis(port=server.port).config_set("maxmemory", 1)
        inner.asked.clear()
        assert np.array_equal(one.encode(["a", "new"], "query").numpy(), expected(["a", "new"]))
        assert np.array_equal(one.encode(["b", "a", "newer"], "query").numpy(), expected(["b", "a", "newer"]))
        assert inner.asked == [["new"], ["newer"]] and len(said) == 1 and "maxmemory" in said[0]
    finally:
        server.kill()


def test_damaged_and_short_values_in_redis_are_computed_again_and_mended(redis_server: RedisServer) -> None:
    from redis import Redis

    url = f"{redis_server.url}?namespace=damaged"
    CachedEncoder(CountingEncoder(), VectorCache(RedisStore(url), print)).encode(["a", "b", "c", "d"], "query")
    client = Redis(port=redis_server.port)
    keys = sorted(client.scan_iter(b"damaged:*"))
    assert len(keys) == 4
    client.setrange(keys[0], 30, b"\xff\x00\xff")
    client.set(keys[1], b"")
    client.delete(keys[2])
    client.rpush(keys[2], b"a list")
    for damaged, computed in ((2, 3), (0, 0)):
        inner = CountingEncoder(window=9)
        one = CachedEncoder(inner, VectorCache(RedisStore(url), print))
        assert len(one.missing(["a", "b", "c", "d"], "query")) == computed and one.cache.counters.damaged == 0
        assert np.array_equal(one.encode(["a", "b", "c", "d"], "query").numpy(), expected(["a", "b", "c", "d"]))
        assert (one.cache.counters.damaged, sum(map(len, inner.asked))) == (damaged, computed)


def test_several_windows_have_a_bar_over_all_of_them(tmp_path: Path) -> None:
    one, _ = cached(tmp_path)
    drawn: list[tuple[str, int | None]] = []

    @contextmanager
    def draw(what: str, total: int | None, unit: str) -> Iterator[Tick]:
        drawn.append((what, total))
        yield lambda number: None

    with bars(draw):
        one.encode(["a", "b"], "query")
        assert drawn == []  # the encoder's own says all there is
        one.encode(["a", "c", "d", "e", "f"], "query")
        assert drawn == [("vectors not in the cache", 4)]
        one.encode(["g", "h", "i", "j"], "query", progress=False)
        assert len(drawn) == 1


class Flaky:
    """A store that works, fails, and works again."""

    name = "flaky"

    def __init__(self) -> None:
        self.broken, self.values = False, dict[bytes, bytes]()

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        if self.broken:
            raise StoreError("away")
        return [self.values.get(key) for key in keys]

    def put_many(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        if self.broken:
            raise StoreError("away")
        self.values.update(zip(keys, values, strict=True))

    def close(self) -> None:
        pass


def test_a_store_that_comes_back_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("train.encode.cache.cache.time.monotonic", lambda: clock[0])
    store, said, inner = Flaky(), list[str](), CountingEncoder()
    one = CachedEncoder(inner, VectorCache(store, said.append))
    one.encode(["a"], "query")
    store.broken = True
    one.encode(["a"], "query")
    store.broken = False
    one.encode(["a"], "query")  # still left alone
    clock[0] += 31
    one.encode(["a"], "query")
    assert inner.asked == [["a"]] * 3 and len(said) == 1


WRONG = [
    "postgres://here", "http://x", "redis://127.0.0.1:1/0", "REDIS://127.0.0.1:1/0", "redis://[::1", "redis:localhost", "redis",
    "", " ", "none", "False", "~nobody-of-this-name/x",
]  # fmt: skip


@pytest.mark.parametrize("place", WRONG)
def test_a_place_that_cannot_be_used_is_an_error_at_the_start(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="vector cache") as wrong:
        open_cache(place, tmp_path, print)
    assert "What to do" in str(wrong.value) and list(tmp_path.iterdir()) == []


def test_places(tmp_path: Path) -> None:
    assert open_cache("off", tmp_path, print) is None
    automatic = open_cache("auto", tmp_path, print)
    assert automatic is not None and Path(automatic.name) == tmp_path / "vectors" / FILE
    named = open_cache(str(tmp_path / "mine"), tmp_path, print)
    assert named is not None and Path(named.name) == tmp_path / "mine" / FILE
    said: list[str] = []
    (tmp_path / "in").write_text("the way")
    assert open_cache("auto", tmp_path / "in", said.append) is None and len(said) == 1
    with pytest.raises(ConfigError, match="cannot be used"):
        open_cache(str(tmp_path / "in"), tmp_path, print)


def test_a_file_is_not_shared_by_several_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert open_shared_cache("auto", tmp_path, print) is None
    named = open_shared_cache(str(tmp_path / "mine"), tmp_path, print)  # who names a folder has decided
    assert named is not None
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    automatic = open_shared_cache("auto", tmp_path, print)
    assert automatic is not None
