"""`embed … --to STORE` as a command: what arrives, what is refused before anything is encoded, and files of vectors."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.stores import content
from train.cli.app import app, main
from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.errors import ConfigError, RunError
from train.vectors.shards import Parts
from train.vectors.stores.destination import parse_destination
from train.vectors.stores.open import open_store

TEXTS = [f"the {a} {b} number {i}" for i, (a, b) in enumerate([("red", "car"), ("blue", "boat"), ("green", "tree")] * 7)]
STORES = ["qdrant:store/docs", "faiss:docs.faiss"]

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(in_tmp: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: what `--json` prints, and under "said" the rest. Mistakes are under "error"."""
    (in_tmp / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")

    def embed(*words: str, model: bool = True) -> dict[str, Any]:
        capsys.readouterr()
        own = ["--model", str(tiny_model), "model.device=cpu", "--cache", "off"] if model else []
        try:
            main(["embed", *words, *own, "--part", "8", "--json"])
        except SystemExit as stop:
            return {"code": stop.code, "error": capsys.readouterr().err}
        printed = capsys.readouterr()
        return {**json.loads(printed.out), "said": printed.err}

    return embed


def vectors_of(tiny_model: Path, role: str) -> np.ndarray:
    return open_model(ModelConfig(name=str(tiny_model), device="cpu")).local.encode(TEXTS, role).numpy()


@pytest.mark.parametrize("word", STORES)
def test_a_file_of_texts_arrives(run: Run, word: str, tiny_model: Path) -> None:
    done = run("texts.txt", "--to", word)
    assert (done["file"], done["store"], done["stored"], done["rows"]) == (None, word, 21, 21)
    found = content(word)
    assert found is not None
    assert "number" not in str(found["vectors"]), "texts go there only if they are asked for"
    arrived = np.array([found["vectors"][str(row + 1)][0] for row in range(21)])
    np.testing.assert_allclose(arrived, vectors_of(tiny_model, "document"), atol=1e-5)
    with open_store(parse_destination(word)) as store:
        record = store.record()
    assert record is not None and record.info.contract is not None
    assert record.info.contract["max_tokens"] == 64 and record.info.label == str(tiny_model)
    assert not list(Path().rglob("*.parts"))


@pytest.mark.slow
@pytest.mark.parametrize("word", STORES)
def test_texts_go_there_if_asked_for(run: Run, word: str) -> None:
    run("texts.txt", "--to", word, "--with-text")
    with open_store(parse_destination(word)) as store:
        hits = store.search(np.ones((1, 32), dtype=np.float32), 21)
    assert {hit.text for hit in hits[0]} == set(TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize("word", STORES)
@pytest.mark.parametrize("suffix", ["parquet", "npy"])
def test_a_file_of_vectors_gives_the_same_without_a_model(
    run: Run, word: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("texts.txt", "--to", word)
    direct = content(word)
    run("texts.txt", "--out", f"v.{suffix}", "--with-text")
    monkeypatch.setattr("train.encode.open.open_model", None)
    done = run(f"v.{suffix}", "--to", word, "--overwrite", model=False)
    assert done["stored"] == 21 and "uploaded as they are" in done["said"]
    assert content(word) == direct
    again = run(f"v.{suffix}", "--to", word, "--precision", "float16", model=False)
    assert again["code"] == 2 and "made already" in again["error"]


@pytest.mark.parametrize("word", STORES)
def test_another_space_is_refused_before_a_text_is_encoded(run: Run, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run("texts.txt", "--to", word)
    before = content(word)
    monkeypatch.setattr("train.vectors.embed_job.Work.make", None)
    refused = run("texts.txt", "--to", word, "model.document_prompt=passage: ")
    assert refused["code"] == 2 and "another model, other weights or other settings" in refused["error"]
    assert content(word) == before
    if word.startswith("qdrant"):
        assert not list(Path().rglob("*.parts"))


def test_only_one_process_writes_an_index(run: Run) -> None:
    run("texts.txt", "--out", "v.npy")
    parts = Parts(Path("docs.faiss"))
    parts.hold()
    for words in (["texts.txt"], ["v.npy"]):
        refused = run(*words, "--to", "faiss:docs.faiss", model=words == ["texts.txt"])
        assert refused["code"] == 2 and "another process is writing" in refused["error"]
    assert not Path("docs.faiss").exists()


MISTAKES = {
    "both": (["--out", "v.npy"], "at once"),
    "bytes": (["--precision", "int8"], "does not fit"),
    "no store": (["--to", "pinecone:docs"], "no store of that name"),
    "single texts": (["--text", "a"], "at once"),
}


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("word", STORES)
def test_mistakes_end_in_a_sentence_and_leave_nothing(run: Run, word: str, name: str) -> None:
    words, said = MISTAKES[name]
    done = run("texts.txt", "--to", word, *words)
    assert done["code"] == 2 and said in done["error"]
    assert [path.name for path in Path().iterdir()] == ["texts.txt"]


def test_ids_that_recur_are_found_before_a_text_is_encoded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.vectors.embed_job.Work.make", None)
    Path("t.jsonl").write_text('{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n{"id": "a", "text": "three"}\n')
    done = run("t.jsonl", "--to", "faiss:docs.faiss")
    assert done["code"] == 2 and "texts 1 and 3" in done["error"]


def test_a_client_that_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.vectors.stores.destination.importlib.util.find_spec", lambda name: None)
    done = run("texts.txt", "--to", "faiss:docs.faiss")
    assert done["code"] == 2 and "pip install faiss-cpu" in done["error"]


def test_a_search_looks_at_the_store_before_it_imports_what_takes_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "train.workflows.search_store", None)
    with pytest.raises(ConfigError, match="name a collection"):
        app(["search", "qdrant:docs", "a query"], standalone_mode=False)
    monkeypatch.setattr("train.vectors.stores.destination.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs the client faiss-cpu"):
        app(["search", "faiss:docs.faiss", "a query"], standalone_mode=False)


@pytest.mark.slow
def test_what_the_documentation_shows_finds_what_our_exact_search_finds(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.support.doc_pages import ROOT, blocks

    rows = [json.dumps({"id": f"d{row}", "text": text}) for row, text in enumerate(TEXTS)]
    Path("corpus.jsonl").write_text("\n".join(rows), encoding="utf-8")
    run("corpus.jsonl", "--to", "qdrant:store/docs")
    run("corpus.jsonl", "--out", "vectors.parquet")
    run("vectors.parquet", "--to", "faiss:docs.faiss", model=False)
    capsys.readouterr()
    main(["search", "vectors.parquet", "how do I restart a pod", "--top", "3", "--method", "exact", "--json", "model.device=cpu"])
    expected = [(hit["id"], hit["score"]) for hit in json.loads(capsys.readouterr().out)["queries"][0]["hits"]]
    names: dict[str, Any] = {}
    shown = [one.text for one in blocks(ROOT / "docs" / "vectors.md") if one.language == "python"]
    for block, needs in zip(shown, ["QdrantClient", "faiss", "csv"], strict=False):
        assert needs in block
        exec(compile(block, "vectors.md", "exec"), names)
        assert [one for one, _ in names["hits"]] == [one for one, _ in expected]
        assert [score for _, score in names["hits"]] == pytest.approx([score for _, score in expected], abs=1e-5)
    first, vector = next(csv.reader(Path("docs.csv").read_text(encoding="utf-8").splitlines()))
    assert first == "d0" and len(json.loads(vector)) == 32


@pytest.mark.slow
@pytest.mark.parametrize("word", STORES)
def test_a_store_is_searched_as_a_file_is(run: Run, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("texts.txt", "--to", word, "--with-text", "model.query_prompt=find: ")
    run("texts.txt", "--out", "v.parquet", "--with-text", "model.query_prompt=find: ")
    capsys.readouterr()
    asked = ["blue boat", "a tree", "--top", "4", "model.device=cpu", "--cache", "off", "--json"]
    main(["search", word, *asked])
    found = json.loads(capsys.readouterr().out)
    main(["search", "v.parquet", *asked, "--method", "exact"])
    expected = json.loads(capsys.readouterr().out)
    assert (found["store"], found["documents"]) == (word, 21)
    for one, other in zip(found["queries"], expected["queries"], strict=True):
        assert [hit["score"] for hit in one["hits"]] == pytest.approx([hit["score"] for hit in other["hits"]], abs=1e-5)
        assert [hit["text"] for hit in one["hits"]] == [hit["text"] for hit in other["hits"]]
    main(["search", word, "blue boat", "model.device=cpu", "--min-similarity", "0.99999"])
    assert "nothing is near enough" in capsys.readouterr().out


@pytest.mark.slow
def test_a_search_with_another_model_or_in_nothing_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("texts.txt", "--to", "faiss:docs.faiss")
    refused = {
        ("faiss:docs.faiss", "a", "model.document_prompt=p: "): "another model",
        ("faiss:none.faiss", "a"): "is not there",
        ("faiss:docs.faiss",): "no query is given",
        ("faiss:docs.faiss", "a", "--method", "exact"): "searches by itself",
    }
    for words, said in refused.items():
        with pytest.raises(SystemExit) as stop:
            main(["search", *words, "model.device=cpu"])
        assert stop.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("word", STORES)
def test_from_python_it_is_the_same(in_tmp: Path, tiny_model: Path, word: str) -> None:
    import embed_tune

    given = {"model.device": "cpu", "vector_cache": "off"}
    made = embed_tune.embed(str(tiny_model), TEXTS, to=word, with_text=True, settings=given)
    assert (made.store, made.stored, made.file) == (word, 21, None)
    with pytest.raises(RunError, match="are in"):
        made.open()
    found = embed_tune.search(word, [TEXTS[4]], top=2, settings=given)
    assert found.queries[0].hits[0].id == "5" and found.queries[0].hits[0].text == TEXTS[4]
    with pytest.raises(ConfigError, match="searches by itself"):
        embed_tune.search(word, [TEXTS[4]], method="exact")
