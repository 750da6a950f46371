"""A working directory with small data and models, and finished runs in it, shared by the tests of the commands."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

from tests.support.forked import ForkServer

RESAMPLES = "evaluation.resamples=200"
FILES = {"report.json", "report.html", "per_query.parquet"}
"""What `evaluate --output` leaves."""


def write_data(folder: Path) -> None:
    """80 pairs, 60 scored pairs, and the scored pairs as a folder with splits."""
    rng = random.Random(1)
    words = ["red", "green", "blue", "black", "white", "grey", "brown", "pink"]
    things = ["car", "house", "tree", "river", "cloud", "stone", "bird", "fish", "door", "lamp"]
    draws = [(rng.choice(words), rng.choice(things)) for _ in range(80)]
    lines = [f"which {a} {b} number {i}?,the {b} that is {a} {i}" for i, (a, b) in enumerate(draws)]
    (folder / "pairs.csv").write_text("question,answer\n" + "\n".join(lines) + "\n", encoding="utf-8")
    head = "sentence1,sentence2,score\n"
    scored = [f"a {a} {b} {i},the {b} {i if i % 3 else 'x'},{i % 3 / 2}\n" for i, (a, b) in enumerate(draws[:60])]
    (folder / "scored.csv").write_text(head + "".join(scored), encoding="utf-8")
    (folder / "split").mkdir()
    for name, rows in (("train", scored[:30]), ("dev", scored[30:40]), ("test", scored[40:])):
        (folder / "split" / f"{name}.csv").write_text(head + "".join(rows), encoding="utf-8")


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A working directory with data, a model, and a ruined copy of it."""
    import torch

    folder = tmp_path_factory.mktemp("work")
    write_data(folder)
    shutil.copytree(tiny_model, folder / "tiny")
    ruined = SentenceTransformer(str(tiny_model), device="cpu")
    with torch.no_grad():  # the same vector for every word: no text is like its own answer any more
        table = ruined[0].auto_model.embeddings.word_embeddings.weight
        table.copy_(table.mean(dim=0).expand_as(table))
    ruined.save_pretrained(str(folder / "ruined"), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def runs(work: Path, server: ForkServer) -> Path:
    """The folder of two finished runs on pairs.csv, the second on fewer rows."""
    train = ["train", "--data", "pairs.csv", "model.name=tiny", "model.device=cpu", "training.precision=fp32", RESAMPLES]
    for words in (["run_name=first", "training.max_steps=4"], ["run_name=second", "training.max_steps=2", "data.max_rows=40"]):
        done = server.run([*train, *words], work)
        assert done["code"] == 0, done["output"]
    return work / "checkpoints"


@pytest.fixture
def here(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(work)
    return work


def as_json(capfd: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command prints on standard output, which must be JSON and nothing else."""
    from train.cli.app import main

    main([*words, "--json"])
    return json.loads(capfd.readouterr().out)


def evaluate(server: ForkServer, folder: Path, *words: str) -> dict[str, Any]:
    return server.run(["evaluate", *words, "model.device=cpu", RESAMPLES], folder)


def report_of(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))
