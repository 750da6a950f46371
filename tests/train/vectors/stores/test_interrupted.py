"""Uploads that break off, wherever: a new collection is there whole or not at all, and the same command ends with everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.forked import ForkServer
from tests.support.stores import Broken, break_at, content, put, upload_of
from train.vectors.stores.destination import parse_destination
from train.vectors.stores.open import open_store
from train.vectors.stores.protocol import Upload

pytestmark = pytest.mark.slow

D = 8
NAMES = [f"d{row}" for row in range(35)]
NEW = [*NAMES[20:], *(f"e{row}" for row in range(20))]
"""Fifteen that are there already and twenty others: four parts."""

QDRANT, FAISS = "train.vectors.stores.qdrant:QdrantStore", "train.vectors.stores.faiss"
POINTS = {
    "qdrant:store/docs": {
        "before anything": (f"{QDRANT}.upload", 1),
        "before the first part": (f"{QDRANT}._send", 1),
        "in the middle of the upload": (f"{QDRANT}._send", 3),
        "before the last record is written": (f"{QDRANT}._note", 5),
        "before the switch": (f"{QDRANT}._switch", 1),
        "after the switch": (f"{QDRANT}._sweep", 1),
    },
    "faiss:docs.faiss": {
        "before anything": (f"{FAISS}:FaissStore.upload", 1),
        "in the middle of the upload": (f"{FAISS}:_add", 3),
        "before the index is written": (f"{FAISS}:FaissStore._write", 1),
        "before the record is written": (f"{FAISS}:write_json", 1),
        "before the switch": ("data.storage:_share", 3),
        "after the switch": (f"{FAISS}:write_json", 2),
    },
}
CASES = [(word, point) for word, points in POINTS.items() for point in points]


def texts_of(names: list[str], said: str) -> list[str]:
    return [f"{said} {one}" for one in names]


def uploads(*, overwrite: bool) -> tuple[Upload, Upload]:
    """What is there, and what comes: with other texts, and of another model where it replaces the old."""
    rng = np.random.default_rng(1)
    old, new = (rng.standard_normal((35, D)).astype(np.float32) for _ in range(2))
    changed: dict[str, Any] = {"space": "cd" * 16} if overwrite else {}
    return upload_of(old, NAMES, texts_of(NAMES, "old")), upload_of(
        new, NEW, texts_of(NEW, "new"), overwrite=overwrite, **changed
    )


def elsewhere(word: str) -> str:
    return word.replace("docs", "whole").replace("store", "other")


@pytest.mark.usefixtures("in_tmp")
@pytest.mark.parametrize(("word", "point"), CASES)
@pytest.mark.parametrize("there", [True, False], ids=["an older one is there", "nothing is there"])
def test_a_collection_made_anew_is_the_old_or_the_new_one(
    word: str, point: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = uploads(overwrite=True)
    if there:
        put(word, old)
    put(elsewhere(word), new)
    before, whole = content(word), content(elsewhere(word))
    with monkeypatch.context() as patch:
        calls = break_at(patch, *POINTS[word][point])
        try:
            put(word, new)
        except Broken:
            assert calls() == POINTS[word][point][1]
        else:
            pytest.fail(f"it never came to {point}")
    assert content(word) in ([before, whole] if point == "after the switch" else [before])
    put(word, new)
    assert content(word) == whole


@pytest.mark.usefixtures("in_tmp")
@pytest.mark.parametrize(("word", "point"), [case for case in CASES if case != ("qdrant:store/docs", "before the switch")])
def test_what_is_added_arrives_with_the_next_attempt(word: str, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = uploads(overwrite=False)
    for place in (word, elsewhere(word)):
        put(place, old)
    before = content(word)
    put(elsewhere(word), new)
    whole = content(elsewhere(word))
    with monkeypatch.context() as patch, pytest.raises(Broken):
        break_at(patch, *POINTS[word][point])
        put(word, new)
    between = content(word)
    assert before and whole and between and between["space"] == before["space"]
    for name, vector in between["vectors"].items():
        assert vector in (before["vectors"].get(name), whole["vectors"].get(name))
    assert before["vectors"].keys() <= between["vectors"].keys(), "nothing that was there is lost"
    if word.startswith("faiss"):
        assert between in (before, whole)
    put(word, new)
    assert content(word) == whole


@pytest.mark.usefixtures("in_tmp")
@pytest.mark.parametrize("overwrite", [True, False])
def test_parts_that_have_arrived_in_qdrant_are_not_sent_again(overwrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    word = "qdrant:store/docs"
    old, new = uploads(overwrite=overwrite)
    put(word, old)
    with monkeypatch.context() as patch, pytest.raises(Broken):
        break_at(patch, f"{QDRANT}._send", 3)
        put(word, new)
    with open_store(parse_destination(word)) as store:
        found = store.record()
    assert found is not None and found.upload.whole is overwrite, "that an upload is under way is seen in the record"
    with monkeypatch.context() as patch:
        calls = break_at(patch, f"{QDRANT}._send", 99)
        put(word, new)
    assert calls() == 2
    with monkeypatch.context() as patch:
        calls = break_at(patch, f"{QDRANT}._send", 99)
        put(word, new)
    assert calls() == 4, "what was whole is sent again: points may have been deleted since"


KILLS: dict[str, dict[str, list[Any]]] = {
    "qdrant:store/docs": {
        "in the middle of encoding": ["die_at_part", 2],
        "in the middle of the upload": ["die_in_call", f"{QDRANT}._send", 3],
        "before the switch": ["die_in_call", f"{QDRANT}._switch", 1],
    },
    "faiss:docs.faiss": {
        "in the middle of encoding": ["die_at_part", 2],
        "in the middle of the upload": ["die_in_call", f"{FAISS}:_add", 3],
        # after four parts, the rows and the record
        "before the switch": ["die_in_call", "data.storage:_share", 7],
    },
}


@pytest.mark.parametrize(("word", "point"), [(word, point) for word in KILLS for point in KILLS[word]])
def test_a_kill_leaves_the_old_or_the_new_one(
    server: ForkServer, tmp_path: Path, tiny_model: Path, word: str, point: str
) -> None:
    kind, _, place = word.partition(":")
    (tmp_path / "old.txt").write_text("\n".join(f"old text {row}" for row in range(3)))
    (tmp_path / "new.txt").write_text("\n".join(f"new text of another kind {row}" for row in range(8)))
    shared = ["--part", "2", "--cache", "off", "--model", str(tiny_model), "model.device=cpu", "--with-text"]

    def embed(file: str, to: str, *words: str, **options: Any) -> dict[str, Any]:
        return server.run(["embed", file, "--to", to, *words, *shared], tmp_path, **options)

    assert embed("old.txt", word)["code"] == 0
    assert embed("new.txt", elsewhere(word))["code"] == 0
    here, there = f"{kind}:{tmp_path / place}", f"{kind}:{tmp_path}/{elsewhere(word).partition(':')[2]}"
    before, whole = content(here), content(there)
    died = embed("new.txt", word, "--overwrite", fault=KILLS[word][point])
    assert died["code"] == -9, died["output"]
    assert content(here) == before
    again = embed("new.txt", word, "--overwrite")
    assert again["code"] == 0, again["output"]
    if point != "in the middle of encoding":
        assert "8 of them already embedded" in again["output"]
    assert content(here) == whole
    assert not list(tmp_path.rglob("*.parts")) and not list(tmp_path.rglob("*.tmp"))
