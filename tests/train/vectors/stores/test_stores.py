"""Qdrant (its local mode) and FAISS: hits equal those of all dot products, ids are stable, other models are refused."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import DataError
from tests.support.stores import content, info_of, put, upload_of
from train.errors import ConfigError, EmbedTuneError, ModelError, RunError
from train.vectors.stores.destination import Destination, parse_destination
from train.vectors.stores.open import open_store, refuse_unfitting, upload_to
from train.vectors.stores.record import refuse_recurring

D = 16
NAMES = [f"d{row}" for row in range(35)]
STORES = ["qdrant:store/docs", "faiss:docs.faiss"]

pytestmark = pytest.mark.usefixtures("in_tmp")


def made(seed: int, count: int = 35) -> np.ndarray:
    """Vectors of different lengths, so that cosine and dot product differ."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, D)) * rng.uniform(0.2, 5, (count, 1))).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("word", STORES)
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_hits_are_those_of_all_products(word: str, similarity: str, precision: str) -> None:
    documents, queries = made(1), made(2, 4)
    assert put(word, upload_of(documents, NAMES, similarity=similarity, precision=precision)) == 35
    scores = unit(queries) @ unit(documents).T if similarity == "cosine" else queries @ documents.T
    with open_store(parse_destination(word)) as store:
        found = store.search(queries, 5)
    order = np.argsort(-scores, axis=1)[:, :5]
    assert [[hit.id for hit in line] for line in found] == [[NAMES[row] for row in line] for line in order]
    off = 1e-5 if precision == "float32" else 2e-2
    np.testing.assert_allclose([[h.score for h in line] for line in found], np.take_along_axis(scores, order, axis=1), atol=off)


def test_faiss_counts_equal_bits() -> None:
    documents, queries = made(1), made(2, 4)
    put("faiss:bits.faiss", upload_of(documents, NAMES, precision="ubinary"))
    with open_store(Destination("faiss", "bits.faiss")) as store:
        found = store.search(queries, 35)
    for query, line in zip(queries, found, strict=True):
        equal = {name: float(((query > 0) == (row > 0)).mean()) for name, row in zip(NAMES, documents, strict=True)}
        assert {hit.id: hit.score for hit in line} == pytest.approx(equal)
        assert [hit.score for hit in line] == sorted((hit.score for hit in line), reverse=True)


@pytest.mark.parametrize("word", STORES)
def test_vectors_of_another_file_that_are_replaced_are_said(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As where the ids of two files are their line numbers."""
    first, second = upload_of(made(1), NAMES), upload_of(made(3, 12), [*NAMES[:7], "e1", "e2", "e3", "e4", "e5"])
    for upload, words in ((first, None), (first, None), (second, "7 of the 35 vectors that were there"), (second, None)):
        upload_to(parse_destination(word), upload)
        said = capsys.readouterr().out
        assert "were replaced" not in said if words is None else words in said


@pytest.mark.parametrize("word", STORES)
def test_an_id_is_replaced_and_never_doubled(word: str) -> None:
    documents, fresh = made(1), made(3, 12)
    put(word, upload_of(documents, NAMES, [f"text {one}" for one in NAMES]))
    assert put(word, upload_of(fresh, [*NAMES[:7], "e1", "e2", "e3", "e4", "e5"])) == 40
    assert put(word, upload_of(fresh, [*NAMES[:7], "e1", "e2", "e3", "e4", "e5"])) == 40
    found = content(word)
    assert found is not None and len(found["vectors"]) == 40
    with open_store(parse_destination(word)) as store:
        hits = store.search(np.concatenate([fresh[:1], documents[20:21]]), 1)
    assert [line[0].id for line in hits] == ["d0", "d20"]
    assert [line[0].text for line in hits] == [None, "text d20"], "a text goes with the vector that it belonged to"


def test_ids_of_points_and_numbers_can_be_computed_elsewhere() -> None:
    from qdrant_client import QdrantClient

    put("qdrant:store/docs", upload_of(made(1), NAMES))
    client = QdrantClient(path="store")
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "embed-tune")
    found = client.retrieve("docs", [str(uuid.uuid5(namespace, "d3"))])
    assert [one.payload for one in found] == [{"id": "d3"}]
    client.close()


@pytest.mark.parametrize("word", STORES)
def test_the_record_says_model_contract_run_and_date(word: str) -> None:
    contract = {"query_prompt": "query: ", "pooling": "mean"}
    put(word, upload_of(made(1), NAMES, contract=contract))
    with open_store(parse_destination(word)) as store:
        found = store.record()
    assert found is not None and found.upload.whole
    assert (found.info.label, found.info.run, found.info.space, found.info.contract) == ("mine", "first", "ab" * 16, contract)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*\+00:00", found.date)


OTHERS = {
    "another model": (
        {"space": "cd" * 16, "label": "yours", "run": None},
        "mine (space abababab, run first)",
        "yours (space cdcdcdcd)",
    ),
    "another role": ({"role": "query"}, "role document", "these have query"),
    "another precision": ({"precision": "float16"}, "--precision float32", "float16"),
    "another similarity": ({"similarity": "dot"}, "similarity cosine", "dot"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("word", STORES)
def test_other_vectors_are_refused_with_both_named(word: str, name: str) -> None:
    changed, there, new = OTHERS[name]
    put(word, upload_of(made(1), NAMES))
    before, other = content(word), info_of(made(2), **changed)
    with pytest.raises(ModelError) as refused:
        refuse_unfitting(parse_destination(word), other, overwrite=False)
    assert there in str(refused.value) and new in str(refused.value) and "--overwrite" in str(refused.value)
    assert content(word) == before
    refuse_unfitting(parse_destination(word), other, overwrite=True)


@pytest.mark.parametrize("word", STORES)
def test_overwrite_leaves_nothing_of_before(word: str) -> None:
    put(word, upload_of(made(1), NAMES))
    for seed in (4, 4, 5):  # the same again, too: the name of its collection is taken by then
        assert put(word, upload_of(made(seed, 5), NAMES[:5], overwrite=True, space="cd" * 16)) == 5
    found = content(word)
    assert found is not None and list(found["vectors"]) == NAMES[:5] and found["space"] == "cd" * 16
    if word.startswith("qdrant"):
        from qdrant_client import QdrantClient

        client = QdrantClient(path="store")
        assert len(client.get_collections().collections) == 1, "the collection of before is gone"
        client.close()
    else:
        assert len(list(Path().glob("docs.faiss*"))) == 3


def foreign_qdrant() -> None:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path="store")
    client.create_collection("docs", models.VectorParams(size=2, distance=models.Distance.DOT))
    client.create_collection("docs.old", models.VectorParams(size=2, distance=models.Distance.DOT))
    client.close()


def foreign_faiss() -> None:
    import faiss

    faiss.write_index(faiss.IndexFlatL2(2), "docs.faiss")


@pytest.mark.parametrize(("word", "make"), zip(STORES, [foreign_qdrant, foreign_faiss], strict=True))
def test_what_is_not_ours_is_refused_unless_it_may_go(word: str, make: Any) -> None:
    make()
    with pytest.raises(RunError, match="embed-tune did not make it"):
        refuse_unfitting(parse_destination(word), info_of(made(1)), overwrite=False)
    assert put(word, upload_of(made(1), NAMES, overwrite=True)) == 35
    if word.startswith("qdrant"):
        from qdrant_client import QdrantClient

        client = QdrantClient(path="store")
        assert "docs.old" in {one.name for one in client.get_collections().collections}, "only what we made is swept away"
        client.close()


def test_an_index_that_another_program_changed_is_not_ours_any_more() -> None:
    put("faiss:docs.faiss", upload_of(made(1), NAMES))
    foreign_faiss()
    with pytest.raises(RunError, match="is not recorded"), open_store(Destination("faiss", "docs.faiss")) as store:
        store.record()


def test_a_record_that_is_damaged_is_said() -> None:
    put("faiss:docs.faiss", upload_of(made(1), NAMES))
    whole = json.loads(Path("docs.faiss.json").read_text())
    Path("docs.faiss.json").write_text(json.dumps({**whole, "role": "nobody"}))
    with pytest.raises(RunError, match="its record cannot be read"), open_store(Destination("faiss", "docs.faiss")) as store:
        store.record()


def test_ids_that_recur_are_refused() -> None:
    refuse_recurring(iter(["a", "b"]), "here")
    with pytest.raises(DataError, match=r"here.*2 ids come more than once.*texts 1 and 5"):
        refuse_recurring(iter(["a", "b", "c", "b", "a"]), "here")


def test_an_open_folder_is_said() -> None:
    from qdrant_client import QdrantClient

    put("qdrant:store/docs", upload_of(made(1), NAMES))
    client = QdrantClient(path="store")
    with (
        pytest.raises(RunError, match="another process has the folder open"),
        open_store(parse_destination("qdrant:store/docs")) as one,
    ):
        one.record()
    client.close()


def test_a_look_makes_nothing() -> None:
    for word in STORES:
        with open_store(parse_destination(word)) as store:
            assert store.record() is None and store.count() == 0
    assert not list(Path().iterdir())


WORDS = {
    "qdrant:store/docs": ("store", "docs"),
    "qdrant:/a/b/docs": ("/a/b", "docs"),
    "qdrant:http://localhost:6333/docs": ("http://localhost:6333", "docs"),
    "qdrant:https://x.cloud:6333/docs": ("https://x.cloud:6333", "docs"),
    "faiss:a/b.faiss": ("a/b.faiss", ""),
}
WRONG = ["docs", "milvus:docs", "qdrant:docs", "qdrant:a/", "qdrant:http://localhost:6333", "qdrant:ftp://h/docs", "qdrant:a/b:c"]
WRONG += ["faiss:a.index", "faiss:.faiss", "qdrant:https://me:secret@host/docs"]
# they begin as addresses do, and would make a folder of that name, `//docs` one at the root of the disk
WRONG += ["qdrant:http://[::1/docs", "qdrant:https:/host/docs", "qdrant://docs", "qdrant:HTTP:/host/docs"]


@pytest.mark.parametrize("word", WORDS)
def test_a_destination_is_read_and_written_alike(word: str) -> None:
    found = parse_destination(word)
    assert (found.place, found.collection) == WORDS[word] and str(found) == word
    assert found.is_server is ("://" in word)


def test_the_home_folder_is_meant_by_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_destination("faiss:~/docs.faiss").place == str(tmp_path / "docs.faiss")  # no shell expands it behind a colon


@pytest.mark.parametrize("word", WRONG)
def test_another_destination_is_refused(word: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_destination(word)
    assert "secret" not in str(refused.value) and refused.value.hint


@pytest.mark.parametrize(
    ("kind", "precision"), [("qdrant", "int8"), ("qdrant", "ubinary"), ("faiss", "int8"), ("faiss", "binary")]
)
def test_a_precision_that_would_be_compared_wrongly_is_refused(kind: Any, precision: str) -> None:
    with pytest.raises(EmbedTuneError, match=f"--precision {precision} does not fit {kind}"):
        Destination(kind, "a", "b").refuse_precision(precision)
