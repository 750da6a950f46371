"""The token store on disk: damaged files, several writers, a full disk, and a bound on what it takes."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from sentence_transformers import SentenceTransformer

from tests.support import faults
from tests.support.tokenising import TEXTS, as_lists, segments_in, some_texts, stock_ids
from train.encode.tokens.store import MANY_SMALL, TokenStore


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_content(path: Path) -> None:
    path.write_text("no Arrow file at all", encoding="utf-8")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut_off, flip_a_bit, empty, other_content])
def test_a_damaged_segment_is_made_anew(
    model: SentenceTransformer, asked: list[str], damage: Callable[[Path], None], tmp_path: Path
) -> None:
    expected = as_lists(TokenStore(model, tmp_path).rows(TEXTS, max_tokens=64))
    [path] = segments_in(tmp_path)
    damage(path)
    asked.clear()
    assert as_lists(TokenStore(model, tmp_path).rows(TEXTS, max_tokens=64)) == expected
    assert set(asked) == set(TEXTS)
    asked.clear()
    assert as_lists(TokenStore(model, tmp_path).rows(TEXTS, max_tokens=64)) == expected
    assert not asked


def test_files_of_others_in_a_space_are_passed_over(model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    """Among them an Arrow file of another schema under the digest of its bytes, and a folder where a segment should be."""
    expected = as_lists(TokenStore(model, tmp_path).rows(TEXTS, max_tokens=64))
    [path] = segments_in(tmp_path)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, pa.schema([pa.field("x", pa.int64())])) as writer:
        writer.write_batch(pa.record_batch([pa.array([1])], names=["x"]))
    other = sink.getvalue().to_pybytes()
    (path.parent / f"{hashlib.blake2b(other, digest_size=16).hexdigest()}.arrow").write_bytes(other)
    (path.parent / "notes.txt").write_text("mine", encoding="utf-8")
    a_folder(path)
    said: list[str] = []
    for _ in range(2):
        asked.clear()
        assert as_lists(TokenStore(model, tmp_path, warn=said.append).rows(TEXTS, max_tokens=64)) == expected
        assert set(asked) == set(TEXTS)
    assert len(said) == 2  # the name is taken by a folder, so nothing can be written


def test_many_small_segments_become_one(model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    store, texts = TokenStore(model, tmp_path), some_texts(40)
    kept = [store.rows([text], max_tokens=64) for text in texts]
    assert len(segments_in(tmp_path)) <= MANY_SMALL + 1
    asked.clear()
    expected = as_lists(store.rows(texts, max_tokens=64))
    assert as_lists(TokenStore(model, tmp_path).rows(texts, max_tokens=64)) == expected
    assert not asked
    assert [as_lists(pickle.loads(pickle.dumps(rows)))[0] for rows in kept] == expected


def test_a_store_sees_what_another_wrote_meanwhile(model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    one, other = TokenStore(model, tmp_path), TokenStore(model, tmp_path)
    one.rows(["first"], max_tokens=64)
    other.rows(["second"], max_tokens=64)
    asked.clear()
    one.rows(["second", "first"], max_tokens=64)
    other.rows(["first", "second"], max_tokens=64)
    assert not asked


def tokenise_in_child(model: Path, folder: Path, first: int, begin: float) -> list[list[int]]:
    torch.set_num_threads(1)
    store = TokenStore(SentenceTransformer(str(model), device="cpu"), folder)
    time.sleep(max(0.0, begin - time.time()))  # all at once
    texts = some_texts(900)
    for start in range(first, first + 300, 20):
        rows = store.rows(texts[start : start + 100], max_tokens=64)
    return as_lists(rows)


def test_two_writers_at_once(tiny_model: Path, model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    begin = time.time() + 2
    with get_context("fork").Pool(2) as pool:
        found = pool.starmap(tokenise_in_child, [(tiny_model, tmp_path, first, begin) for first in (0, 150)], chunksize=1)
    texts = some_texts(900)
    rows = as_lists(TokenStore(model, tmp_path).rows(texts[:530], max_tokens=64))
    assert found == [rows[280:380], rows[430:530]]
    assert not asked
    assert rows[::53] == [stock_ids(model, text) for text in texts[:530:53]]
    assert not list(tmp_path.rglob("*.tmp"))


def on_a_full_disk(model: Path, folder: Path, size: int) -> tuple[list[list[int]], list[str]]:
    torch.set_num_threads(1)
    said: list[str] = []
    store = TokenStore(SentenceTransformer(str(model), device="cpu"), folder, warn=said.append)
    faults.limit_file_size(size)
    store.rows(TEXTS[:3], max_tokens=64)
    store.rows(TEXTS[3:], max_tokens=64)
    rows = pickle.loads(pickle.dumps(store.rows(TEXTS, max_tokens=64)))
    return as_lists(rows), said


@pytest.mark.parametrize("size", [0, 500])
def test_a_full_disk_is_said_once(tiny_model: Path, model: SentenceTransformer, size: int, tmp_path: Path) -> None:
    with get_context("fork").Pool(1) as pool:
        found, said = pool.apply(on_a_full_disk, (tiny_model, tmp_path, size))
    assert found == [stock_ids(model, text) for text in TEXTS]
    assert len(said) == 1
    assert "File too large" in said[0]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_made(model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    said: list[str] = []
    store = TokenStore(model, tmp_path / "file" / "store", warn=said.append)
    expected = as_lists(store.rows(TEXTS, max_tokens=64))
    asked.clear()
    assert as_lists(store.rows(TEXTS, max_tokens=64)) == expected
    assert not asked
    assert len(said) == 1


def age(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_what_was_not_used_for_long_goes_first(model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    store = TokenStore(model, tmp_path)
    for number, prompt in enumerate(["a ", "b ", "c "]):
        before = set(segments_in(tmp_path))
        store.rows(TEXTS, prompt, 64)
        [path] = set(segments_in(tmp_path)) - before
        age(path, days=10 - number)
        size = path.stat().st_size
    store.rows(TEXTS[:1], "a ", 64)  # the oldest is used again
    abandoned, fresh = path.with_name(".x.tmp"), path.with_name(".y.tmp")
    for temporary in (abandoned, fresh):
        temporary.write_bytes(b"half")
    age(abandoned, days=2)
    asked.clear()
    again = TokenStore(model, tmp_path, keep_bytes=2 * size + size // 2)
    assert len(segments_in(tmp_path)) == 2
    assert (abandoned.exists(), fresh.exists()) == (False, True)
    for prompt in ("a ", "c "):
        again.rows(TEXTS, prompt, 64)
    assert not asked
    again.rows(TEXTS, "b ", 64)
    assert set(asked) == set(TEXTS)
    TokenStore(model, tmp_path, keep_bytes=0)
    assert not segments_in(tmp_path)
