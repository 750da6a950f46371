"""Segments: sorted by key, each text once, the same bytes for the same texts."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.encode.tokens import segments
from train.encode.tokens.segments import Segment, places, prune, read
from train.errors import RunError


def segment(texts: dict[bytes, list[int]]) -> Segment:
    return Segment.of(
        np.array(list(texts), dtype="S16"),
        np.array([i for ids in texts.values() for i in ids], dtype=np.int32),
        np.array([len(ids) for ids in texts.values()]),
    )


def content(one: Segment | None) -> dict[bytes, list[int]]:
    assert one is not None
    ends = zip(one.offsets[:-1], one.offsets[1:], strict=True)
    return {bytes(key): one.ids[a:b].tolist() for key, (a, b) in zip(one.keys, ends, strict=True)}


# keys that end in zero bytes, which NumPy leaves out when it prints them, and keys that begin alike
KEYS = st.sampled_from([b"a" * 16, b"a" * 15, b"a" * 14, b"b" * 15 + b"\1", b"\0" * 15 + b"\1", b"\xff" * 16])
TEXTS = st.dictionaries(KEYS, st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5), min_size=1)


@given(texts=TEXTS, more=TEXTS)
def test_merging_keeps_the_first_of_each_text(texts: dict, more: dict) -> None:
    merged = Segment.merge([segment(texts), segment(more)])
    assert content(merged) == dict(sorted((more | texts).items()))
    assert list(content(merged)) == sorted(more | texts)


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_order_does_not_depend_on_how_many_are_moved_at_a_time(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "GATHER_ROWS", rows)
    texts = {bytes([60 - i]) * 16: list(range(i, 2 * i + 1)) for i in range(7)}
    assert content(segment(texts)) == texts


def test_a_written_segment_reads_the_same(tmp_path: Path) -> None:
    texts = {b"b" * 16: [1, 2, 3], b"a" * 15: [2**31 - 1], b"\0" * 15 + b"\1": [0, 0]}
    written = segment(texts).write(tmp_path / "space")
    assert content(written) == content(read(written.path)) == texts
    assert not written.ids.flags.owndata  # mapped
    assert segment(dict(reversed(texts.items()))).write(tmp_path / "space").path == written.path
    assert len(list((tmp_path / "space").iterdir())) == 1


def test_a_segment_that_vanished_on_its_way_is_said(tmp_path: Path) -> None:
    written = segment({b"a" * 16: [1]}).write(tmp_path)
    on_its_way = pickle.dumps(written)
    written.delete()
    with pytest.raises(RunError, match="deleted or damaged"):
        pickle.loads(on_its_way)
    assert content(pickle.loads(pickle.dumps(written))) == {b"a" * 16: [1]}


def test_places() -> None:
    assert places(np.array([7, 2]), np.array([2, 3])).tolist() == [7, 8, 2, 3, 4]
    assert places(np.array([], dtype=int), np.array([], dtype=int)).tolist() == []


def test_prune_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert prune(tmp_path / "nowhere", 0) == 0
