"""`search`: hits with ids and texts, methods side by side, judged queries, vectors of another model."""

from __future__ import annotations

import io
import itertools
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from data.errors import DataError
from train.cli.app import main
from train.config.schema import ModelConfig
from train.console import heard_by
from train.encode.local import Encoder
from train.encode.open import open_model
from train.errors import ModelError
from train.resolve.vectors import SearchRequest, TextChoice, is_setting
from train.vectors.files import info_of_array, open_vectors, vectors_in_memory
from train.workflows.search import search_vectors

WORDS = "red green blue black white grey brown pink car house tree river cloud stone bird fish door lamp".split()  # noqa: SIM905
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A BEIR folder, its corpus embedded in three precisions, and a model with one other weight."""
    folder = tmp_path_factory.mktemp("search")
    rng = random.Random(0)
    documents = [" ".join(rng.choices(WORDS, k=6)) for _ in range(60)]
    beir = folder / "beir"
    (beir / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(documents)]
    queries = [{"_id": f"q{i}", "text": " ".join(documents[i].split()[:3])} for i in range(12)]
    for name, lines in (("corpus", corpus), ("queries", queries)):
        (beir / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [f"q{i}\td{i}\t1\n" for i in range(12)]
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    for precision, name in (("float32", "v.parquet"), ("ubinary", "bits.npy"), ("int8", "bytes.npy")):
        words = ["embed", str(beir / "corpus.jsonl"), "--out", str(folder / name), "--model", str(tiny_model)]
        main([*words, "--precision", precision, "--cache", "off", "--part", "30", "model.device=cpu"])
    other = SentenceTransformer(str(tiny_model), device="cpu")
    with torch.no_grad():
        next(other.parameters()).add_(0.01)
    other.save_pretrained(str(folder / "other"), create_model_card=False)
    shutil.copytree(tiny_model, folder / "copy")
    return folder


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(here)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def search(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        try:
            main(["search", *words, "--cache", "off", "--json", "model.device=cpu"])
        except SystemExit as stop:
            return {"code": stop.code, "error": capsys.readouterr().err}
        printed = capsys.readouterr()
        return {**json.loads(printed.out), "said": printed.err}

    return search


def texts_of(here: Path) -> list[str]:
    return [json.loads(line)["text"] for line in (here / "beir" / "corpus.jsonl").read_text().splitlines()]


def test_hits_are_those_of_all_dot_products(run: Run, here: Path, tiny_model: Path) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    documents = encoder.encode(texts_of(here), "document").numpy()
    scores = documents @ encoder.encode(["red car"], "query").numpy()[0]
    found = run("v.parquet", "red car", "--top", "5", "--documents", "beir/corpus.jsonl")
    hits = found["queries"][0]["hits"]
    assert [hit["id"] for hit in hits] == [f"d{row}" for row in np.argsort(-scores, kind="stable")[:5]]
    assert [hit["score"] for hit in hits] == pytest.approx(sorted(scores, reverse=True)[:5], abs=1e-5)
    assert [hit["text"] for hit in hits] == [texts_of(here)[int(hit["id"][1:])] for hit in hits]


def test_methods_are_those_that_the_file_allows_and_say_their_bytes(run: Run) -> None:
    ranges = 2 * 4 * 32
    sizes = {name: {one["method"]: one["bytes"] for one in run(name, "red")["methods"]} for name in ("v.parquet", "bits.npy")}
    assert sizes["v.parquet"] == {
        "exact": 60 * 128,
        "int8": 60 * 32 + ranges,
        "ubinary": 60 * 4,
        "ubinary+int8": 60 * 36 + ranges,
        "ubinary+float": 60 * 132,
    }
    assert sizes["bits.npy"] == {"ubinary": 60 * 4}
    assert sizes["v.parquet"]["exact"] == 32 * sizes["bits.npy"]["ubinary"]


def test_bits_are_scored_again_by_a_finer_file(run: Run) -> None:
    found = run("bits.npy", "red car", "--finer", "bytes.npy", "--method", "ubinary+int8", "--rescore", "60", "--top", "3")
    whole = run("bytes.npy", "red car", "--method", "int8", "--top", "3")
    assert found["method"] == "ubinary+int8"
    assert found["queries"][0]["hits"] == whole["queries"][0]["hits"]


def test_a_file_of_queries_is_read(run: Run) -> None:
    assert len(run("v.parquet", "--queries", "beir/queries.jsonl", "--top", "1")["queries"]) == 12


def test_judged_queries_give_what_evaluate_gives(run: Run, capsys: pytest.CaptureFixture[str], tiny_model: Path) -> None:
    from_file = run("v.parquet", "--data", "beir")["datasets"][0]
    embedded = run("--data", "beir", "--model", str(tiny_model))["datasets"][0]
    main(
        [
            "evaluate",
            str(tiny_model),
            "--data",
            "beir",
            "--cache",
            "off",
            "--json",
            "model.device=cpu",
            "evaluation.resamples=100",
        ]
    )
    judged = json.loads(capsys.readouterr().out)["datasets"][0]["metrics"]["ndcg@10"]["value"]
    for found in (from_file, embedded):
        assert (found["n"], found["documents"]) == (12, 60)
        values = {one["method"]: one["ndcg@10"] for one in found["methods"]}
        assert values["exact"] == pytest.approx(judged, abs=1e-6)
        assert values["ubinary+float"] == pytest.approx(judged, abs=1e-6), "with so many candidates nothing is lost"


def test_a_query_does_not_count_in_its_own_ranking(
    run: Run, here: Path, capsys: pytest.CaptureFixture[str], tiny_model: Path
) -> None:
    """Of paraphrases every text is a query and a document."""
    texts = [f"{one} {other} number {i}" for i, (one, other) in enumerate(itertools.pairwise(WORDS))]
    rows = [f"{one},{other}" for one, other in itertools.pairwise(texts)]
    (here / "paraphrases.csv").write_text("\n".join(["anchor,positive", *rows]), encoding="utf-8")
    found = run("--data", "paraphrases.csv", "--model", str(tiny_model))["datasets"][0]
    main(["evaluate", str(tiny_model), "--data", "paraphrases.csv", "--cache", "off", "--json", "model.device=cpu"])
    judged = json.loads(capsys.readouterr().out)["datasets"][0]["metrics"]["ndcg@10"]["value"]
    values = {one["method"]: one["ndcg@10"] for one in found["methods"]}
    assert values["exact"] == pytest.approx(judged, abs=1e-6)


def test_prompts_of_a_data_set_are_refused_rather_than_forgotten(run: Run, tiny_model: Path) -> None:
    found = run("--data", "beir", "--model", str(tiny_model), "data.prompts.anchor=ask: ")
    assert found["code"] == 2 and "data.prompts has no effect on search" in found["error"]


def test_the_text_of_a_hit_is_the_one_that_was_embedded(run: Run, here: Path, tiny_model: Path) -> None:
    """Chunks of one document have its id; and an id may look like the number of another line."""
    chunks = [f"doc{i // 4},part {i} about the {WORDS[i % 18]} {WORDS[i * 5 % 18]}" for i in range(20)]
    (here / "chunks.csv").write_text("\n".join(["id,text", *chunks]), encoding="utf-8")
    keyed = [f"{19 - i},{i % 3},number {i} is the {WORDS[i % 18]} {WORDS[i * 7 % 18]}" for i in range(20)]
    (here / "keyed.csv").write_text("\n".join(["key,kind,words", *keyed]), encoding="utf-8")
    shared = ["--model", str(tiny_model), "--cache", "off", "model.device=cpu"]
    main(["embed", str(here / "chunks.csv"), "--out", str(here / "chunks.parquet"), *shared])
    words = ["--column", "words", "--id-column", "key", *shared]
    main(["embed", str(here / "keyed.csv"), "--out", str(here / "keyed.parquet"), *words])
    for number in (0, 6, 13):
        text = chunks[number].split(",")[1]
        best = run("chunks.parquet", text, "--documents", "chunks.csv", "--top", "1")["queries"][0]["hits"][0]
        assert (best["id"], best["text"]) == (f"doc{number // 4}", text)
    text = keyed[5].split(",")[2]
    best = run("keyed.parquet", text, "--documents", "keyed.csv", "--top", "1")["queries"][0]["hits"][0]
    assert (best["id"], best["text"]) == ("14", text), "the columns are those that were chosen for embedding"
    found = run("chunks.parquet", "red car", "--documents", "beir/corpus.jsonl")
    assert found["code"] == 2 and "these are not the texts of chunks.parquet" in found["error"], found
    lines = (here / "beir" / "corpus.jsonl").read_text().splitlines()
    (here / "turned.jsonl").write_text("\n".join(reversed(lines)), encoding="utf-8")
    query = json.loads(lines[7])["text"]
    best = run("v.parquet", query, "--documents", "turned.jsonl", "--top", "1")["queries"][0]["hits"][0]
    assert (best["id"], best["text"]) == ("d7", query), "ids of their own are found in any order"


@pytest.mark.parametrize(
    ("word", "setting"),
    [
        ("model.device=cpu", True),
        ("model.query_prompt=find this: ", True),
        ("modl.device=cpu", True),
        ("vector_cache=off", True),
        ("os.environ=None raises KeyError", False),
        ("why is x=3", False),
        ("model.query_prompt=" + "long " * 100, True),
    ],
)
def test_what_is_a_setting_and_what_a_query(word: str, setting: bool) -> None:
    assert is_setting(word) is setting


def test_a_copy_of_the_model_may_search_and_another_model_may_not(run: Run) -> None:
    assert run("v.parquet", "red", "--model", "copy")["queries"][0]["hits"]
    refused = run("v.parquet", "red", "--model", "other")
    assert refused["code"] == 2 and "vectors of another model" in refused["error"]
    refused = run("v.parquet", "red", "model.document_prompt=x: ")
    assert refused["code"] == 2 and "other settings" in refused["error"]


MISTAKES = {
    "nothing": ([], "no vectors are named"),
    "no query": (["v.parquet"], "no query is given.*give one"),
    "no query beside a setting": (["v.parquet", "--cache", "kept"], "no query is given.*give one"),
    "a query that looks like a setting": (
        ["v.parquet", "os.environ=prod"],
        "os.environ=prod looks like a setting; put such a query into a file",
    ),
    "a missing file": (["none.npy", "red"], "no such file"),
    "a query without vectors": (["red car"], "no vectors are named"),
    "a method that needs more": (["bits.npy", "red", "--method", "exact"], "cannot be computed from ubinary"),
    "another file of the texts": (["v.parquet", "red", "--documents", "none.txt"], "no such file"),
    "a file that holds no vectors": (["beir/corpus.jsonl", "red"], "not a file of vectors"),
    "a corpus without vectors": (["v.parquet", "--data", "more"], "documents have no vector"),
    "scored pairs": (["--data", "pairs.csv"], "no documents to search"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_in_a_sentence(run: Run, here: Path, tiny_model: Path, name: str) -> None:
    shutil.copytree(here / "beir", here / "more", dirs_exist_ok=True)
    with (here / "more" / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "new", "title": "", "text": "one more"}\n')
    (here / "pairs.csv").write_text("sentence1,sentence2,score\n" + "".join(f"a {i},b {i},{i / 9}\n" for i in range(10)))
    words, expected = MISTAKES[name]
    done = run(*words, *(["--model", str(tiny_model)] if "--data" in words and len(words) == 2 else []))
    assert done["code"] == 2 and re.search(f"(?s){expected}", done["error"]), done["error"]
    assert "Traceback" not in done["error"]


def request_of(*queries: str, **given: Any) -> SearchRequest:
    """A search that is asked for from Python."""
    return SearchRequest(
        **{"vectors": Path("v.parquet"), "queries": queries, "overrides": ("vector_cache=off", "model.device=cpu"), **given}
    )


@pytest.fixture
def in_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(here)
    return here


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d\d$", "", text, flags=re.MULTILINE)


def timeless(content: dict[str, Any]) -> dict[str, Any]:
    for one in [*content.get("methods", []), *(method for data in content.get("datasets", []) for method in data["methods"])]:
        one["ms_per_query"] = 0
    return content


def test_the_command_prints_the_result_and_the_workflow_nothing(
    in_folder: Path, run: Run, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for request, words in (
        (request_of("red car", "blue"), ["v.parquet", "red car", "blue"]),
        (request_of(query_file=TextChoice("beir/queries.jsonl")), ["v.parquet", "--queries", "beir/queries.jsonl"]),
        (request_of(data=("beir",)), ["v.parquet", "--data", "beir"]),
    ):
        capsys.readouterr()
        with heard_by(None):
            result = search_vectors(request)
        printed = capsys.readouterr()
        assert printed.out + printed.err == ""
        asked = run(*words)
        assert "query:" not in asked.pop("said")
        assert timeless(result.to_dict()) == timeless(asked)
        main(["search", *words, "--cache", "off", "model.device=cpu"])
        assert without_times(capsys.readouterr().out).endswith(without_times(f"\n{result}\n"))


def test_a_result_is_words_and_a_table(in_folder: Path, tiny_model: Path) -> None:
    result = search_vectors(request_of(query_file=TextChoice("beir/queries.jsonl"), top=2))
    text = str(result)
    assert "query: " in text and "… and 7 more queries" in text and re.search(r"exact +7,680 +100\.0% +1\.000", text)
    frame = result.to_pandas()
    assert list(frame.columns) == ["query", "rank", "id", "score", "text"] and len(frame) == 24
    assert frame["rank"].tolist() == [1, 2] * 12 and frame["id"][0] == result.queries[0].hits[0].id
    judged = search_vectors(request_of(data=("beir",))).to_pandas()
    assert judged["method"].tolist()[0] == "exact" and judged["dataset"].tolist() == ["beir"] * 5


def test_a_notebook_shows_texts_as_texts(in_folder: Path, tiny_model: Path) -> None:
    view = search_vectors(request_of("<script>alert(1)</script>"))._repr_html_()
    assert "<script>" not in view and "&lt;script&gt;" in view and "<table" in view and "\x1b" not in view


def test_vectors_in_memory_are_searched(in_folder: Path, tiny_model: Path) -> None:
    from_file = search_vectors(request_of("red car"))
    opened = open_vectors(Path("v.parquet"))
    info, texts = info_of_array(opened.stored, str(tiny_model)), texts_of(in_folder)
    of_array = vectors_in_memory(opened.stored, info, opened.ids.to_pylist(), texts)
    for vectors in (opened, of_array):
        found = search_vectors(request_of("red car", vectors=vectors))
        assert [hit.id for hit in found.queries[0].hits] == [hit.id for hit in from_file.queries[0].hits]
        assert [hit.score for hit in found.queries[0].hits] == [hit.score for hit in from_file.queries[0].hits]
    assert found.file is None and found.queries[0].hits[0].text in texts
    assert vectors_in_memory(opened.stored, info).ids.to_pylist()[:2] == ["1", "2"]
    with pytest.raises(DataError, match="2 texts for 60 vectors"):
        vectors_in_memory(opened.stored, info, texts=["a", "b"])
    short = opened.stored[:, :16]
    with pytest.raises(ModelError, match="vectors of 16 dimensions, and the model's have 32"):
        search_vectors(request_of("red", vectors=vectors_in_memory(short, info_of_array(short, str(tiny_model)))))


def test_what_a_model_prints_does_not_reach_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Encoder.encode

    def loud(self: Encoder, *words: Any, **named: Any) -> Any:
        print("a library's chatter")
        return encode(self, *words, **named)

    monkeypatch.setattr(Encoder, "encode", loud)
    assert "chatter" in run("v.parquet", "red")["said"]


def test_texts_that_try_to_steer_the_terminal_are_shown_as_text(run: Run, here: Path, tiny_model: Path) -> None:
    (here / "bad.jsonl").write_text(json.dumps({"id": "x\u001b[31m", "text": "a \u001b]0;title\u0007 [bold]b[/bold]"}) + "\n")
    words = [
        "embed",
        "bad.jsonl",
        "--out",
        "bad.parquet",
        "--model",
        str(tiny_model),
        "--cache",
        "off",
        "--with-text",
        "--overwrite",
    ]
    main([*words, "model.device=cpu"])
    said = str(search_vectors(request_of("a", vectors=Path("bad.parquet"))))
    assert "\x1b" not in said and "[bold]b[/bold]" in said
