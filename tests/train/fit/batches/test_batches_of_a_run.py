"""Runs whose batches are chosen by what the rows have in common: said, trained, judged, and resumed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from tests.support.forked import ForkServer
from train.config.load import load_config
from train.config.schema import ModelConfig
from train.encode.local import Encoder
from train.encode.open import open_model
from train.fit.batches.row_vectors import row_vectors
from train.fit.batches.similar import STEPS
from train.plan.datasets import load_datasets, training_rows

TOPICS = "ants bees cats dogs eels frogs goats hens ibex jays koalas lions".split()  # noqa: SIM905  (as in test_mixtures)


@pytest.fixture
def encoder(tiny_model: Path) -> Encoder:
    return open_model(ModelConfig(name=str(tiny_model), device="cpu")).local


def test_the_vector_of_a_row_is_the_mean_of_its_texts(encoder: Encoder, tmp_path: Path) -> None:
    table = Dataset.from_dict({"anchor": ["a b", "c", "a b"], "positive": ["d e f", "g", "g"], "row": ["1", "2", "3"]})
    found = row_vectors(table, encoder, 64, False, tmp_path)
    texts = encoder.encode(table["anchor"][:], "query").numpy() + encoder.encode(table["positive"][:], "document").numpy()
    expected = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    assert found.dtype == np.int16 and np.abs(found / STEPS - expected).max() < 1 / STEPS
    (cut,) = row_vectors(Dataset.from_dict({"anchor": ["a b c d e"], "positive": ["f"]}), encoder, 4, False, tmp_path)
    (short,) = row_vectors(Dataset.from_dict({"anchor": ["a b"], "positive": ["f"]}), encoder, 64, False, tmp_path)
    assert np.array_equal(cut, short)  # four tokens, two of them special


def test_vectors_are_kept_for_the_same_texts_and_base_alone(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"anchor": ["A b", "c"], "positive": ["d", "e"]}
    first = vectors_of(rows, encoder, tmp_path)
    assert not np.array_equal(first, vectors_of(rows | {"positive": ["d", "f"]}, encoder, tmp_path))
    vectors_of(rows | {"anchor": ["a b", "c"]}, encoder, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3  # a capital letter makes another text
    monkeypatch.setattr(Encoder, "_encode", lambda *_: pytest.fail("encoded once more"))
    assert np.array_equal(vectors_of(rows, encoder, tmp_path), first)


@pytest.mark.parametrize("left", [0, -9, 40])
def test_damaged_vectors_are_made_again(encoder: Encoder, tmp_path: Path, left: int) -> None:
    rows = {"anchor": ["a b", "c"], "positive": ["d", "e"]}
    first = vectors_of(rows, encoder, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:left])
    assert np.array_equal(vectors_of(rows, encoder, tmp_path), first)
    assert np.array_equal(np.load(file), first)


def test_vectors_that_cannot_be_kept_serve_all_the_same(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the place of a folder", encoding="utf-8")
    assert len(vectors_of({"anchor": ["a"], "positive": ["b"]}, encoder, tmp_path / "file")) == 1


def vectors_of(rows: dict[str, list[str]], encoder: Encoder, folder: Path) -> np.ndarray:
    return row_vectors(Dataset.from_dict(rows), encoder, 64, False, folder)


@pytest.fixture(scope="module")
def judgements(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 queries and 36 documents on 12 topics: each query finds the three documents of its topic relevant, and some others."""
    folder = tmp_path_factory.mktemp("data")
    rows = [
        f"what about {TOPICS[query % 12]} at {query},{TOPICS[document % 12]} are {document} times as good"
        for query in range(36)
        for document in range(36)
        if document % 12 in {query % 12, (query * 5 + 1) % 12}
    ]
    (folder / "judged.csv").write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ("joint", "judged: batches of documents with all their rows, each text once (as set)"),
        ("similar", "judged: batches of similar rows (as set); "),
    ],
)
def test_such_a_run_ends_with_a_report_and_goes_on_as_it_began(
    server: ForkServer, judgements: Path, tiny_model: Path, tmp_path: Path, batches: str, said: str
) -> None:
    words = [
        "train",
        "--data",
        str(judgements / "judged.csv"),
        f"model.name={tiny_model}",
        "model.device=cpu",
        f"training.batches={batches}",
        "training.epochs=2",
        "training.batch_size=8",
        "training.precision=fp32",
        "training.learning_rate=1e-3",
        "training.keep_all_checkpoints=true",
        "evaluation.resamples=200",
        "evaluation.cross_validation=off",
        "run_name=run",
        "--verbose",
    ]
    done = server.run(words, tmp_path, fault=("keep_states",))
    assert done["code"] == 0, done["output"]
    assert said in done["output"]
    recorded = json.loads((tmp_path / "checkpoints" / "run" / "environment.json").read_text())["recipe"]
    assert sum(reason.startswith(said) for reason in recorded) == 1
    run = tmp_path / "checkpoints" / "run"
    lines = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    assert lines[-1]["train_rows"] > 0

    last = (run / f"checkpoint-{lines[-1]['step']}" / "model.safetensors").read_bytes()
    shutil.rmtree(run / f"checkpoint-{lines[-1]['step']}")
    shutil.rmtree(run / "model")
    (run / "report.json").unlink()
    again = server.run(["train", "--resume", "checkpoints/run"], tmp_path)
    assert again["code"] == 0, again["output"]
    assert (run / f"checkpoint-{lines[-1]['step']}" / "model.safetensors").read_bytes() == last


def test_batches_that_the_rows_cannot_have_are_refused_in_words(server: ForkServer, tiny_model: Path, tmp_path: Path) -> None:
    rows = [f"the {TOPICS[i % 12]} {i},a {TOPICS[i * 7 % 12]} {i},{i * 13 % 50 / 50}" for i in range(60)]
    (tmp_path / "sts.csv").write_text("\n".join(["sentence1,sentence2,score", *rows]), encoding="utf-8")
    words = ["train", "--dry-run", "--data", "sts.csv", f"model.name={tiny_model}", "model.device=cpu", "training.batches=joint"]
    done = server.run(words, tmp_path)
    assert done["code"] == 0, done["output"]
    assert "sts: note: training.batches=joint does not suit scored rows: rows are drawn at random" in done["output"]
    assert "sts: batches of" not in done["output"]


def test_what_max_rows_cuts_off_is_no_negative_of_what_is_left(judgements: Path, tmp_path: Path) -> None:
    settings = [f"output_dir={tmp_path}", "data.max_rows=40", "evaluation.cross_validation=off"]
    config = load_config(None, data=str(judgements / "judged.csv"), overrides=settings)
    (one,) = training_rows(config, load_datasets(config)).values()
    assert len(one.table) == 40
    relevance = one.alike
    assert relevance is not None
    numbers = dict(zip(relevance.documents[:, 0].tolist(), one.table["positive"], strict=True))
    pairs = set(relevance.all_pairs.tolist())
    for number, query in dict(zip(relevance.queries.tolist(), one.table["anchor"], strict=True)).items():
        asked = int(query.split()[-1])
        wanted = {asked % 12, (asked * 5 + 1) % 12}
        found = {document for other, document in numbers.items() if number * relevance.size + other in pairs}
        assert found == {document for document in numbers.values() if int(document.split()[2]) % 12 in wanted}
