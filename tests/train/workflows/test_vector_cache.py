"""Judging and training with a vector cache: the same figures, without computing twice, never with another model's vectors."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer

from tests.support.forked import ForkServer
from tests.support.redis_server import RedisServer
from tests.train.conftest import RESAMPLES, as_json, evaluate, report_of
from train.encode.cache.sqlite_store import FILE
from train.workflows import evaluate as workflow

DATA = ["--data", "pairs.csv", "--data", "scored.csv", "model.device=cpu", RESAMPLES]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def scores(report: dict[str, Any]) -> list[Any]:
    return [(one["name"], one["value"], one["ci95"], one["metrics"]) for one in report["datasets"]]


@pytest.mark.parametrize("kind", ["folder", "redis"])
def test_judged_again_every_vector_comes_from_the_cache(
    kind: str, here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    place = (
        str(tmp_path / "kept") if kind == "folder" else f"{request.getfixturevalue('redis_server').url}?namespace=judged&ttl=1h"
    )
    without = as_json(capfd, "evaluate", "tiny", *DATA, "--cache", "off")
    first, again = (as_json(capfd, "evaluate", "tiny", *DATA, "--cache", place) for _ in range(2))
    assert scores(first) == scores(again) and scores(first)[0][1] == pytest.approx(scores(without)[0][1], abs=1e-9)
    assert (without["model"]["vectors_from_cache"], first["model"]["vectors_from_cache"]) == (0, 0)
    texts = {cell for name in ("pairs.csv", "scored.csv") for cell in _cells(here / name)}
    assert again["model"]["vectors_from_cache"] == again["cost"]["vectors_from_cache"] == len(texts)
    assert "vectors_from_cache" not in first["cost"]


def _cells(path: Path) -> list[str]:
    return [cell for line in path.read_text(encoding="utf-8").splitlines()[1:] for cell in line.split(",")[:2]]


def test_a_retrained_model_under_the_old_name_gets_its_own_vectors(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("tiny", tmp_path / "mine")
    words = ["evaluate", str(tmp_path / "mine"), *DATA, "--cache", str(tmp_path / "kept")]
    before = as_json(capfd, *words)
    model = SentenceTransformer(str(tmp_path / "mine"), device="cpu")
    with torch.no_grad():
        model[0].auto_model.embeddings.word_embeddings.weight[5:].neg_()
    shutil.rmtree(tmp_path / "mine")
    model.save_pretrained(str(tmp_path / "mine"), create_model_card=False)
    after = as_json(capfd, *words)
    assert after["model"]["vectors_from_cache"] == 0
    assert scores(after) == scores(as_json(capfd, *words[:-1], "off")) != scores(before)


def test_a_server_that_dies_between_two_models_costs_one_warning(
    here: Path, tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = as_json(capfd, "evaluate", "tiny", "ruined", *DATA, "--cache", "off")
    real = workflow.judge_model

    def then_kill(*given: Any) -> workflow.JudgedModel:
        judged = real(*given)
        redis_server.kill()
        return judged

    monkeypatch.setattr(workflow, "judge_model", then_kill)
    from train.cli.app import main

    main(["evaluate", "tiny", "ruined", *DATA, "--cache", redis_server.url, "--output", str(tmp_path / "out")])
    shown = " ".join(capfd.readouterr().out.split())
    assert shown.count("warning: the vector cache cannot be used") == 1 and "Traceback" not in shown
    assert [one["tuned"] for one in report_of(tmp_path / "out")["datasets"]] == pytest.approx(
        [one["tuned"] for one in expected["datasets"]], abs=1e-9
    )


def test_a_place_that_cannot_be_used_is_said_before_anything_is_made(server: ForkServer, work: Path) -> None:
    train = ["train", "--data", "pairs.csv", "model.name=tiny", "run_name=nowhere", "vector_cache=redis://127.0.0.1:1/0"]
    done = server.run(train, work)
    assert done["code"] == 2 and "the vector cache cannot be used" in done["output"] and "What to do" in done["output"]
    assert not (work / "checkpoints" / "nowhere").exists() and "audit" not in done["output"]
    judged = evaluate(server, work, "tiny", "--data", "pairs.csv", "--cache", "redis://127.0.0.1:1/0")
    assert judged["code"] == 2 and "Traceback" not in judged["output"] and "judging" not in judged["output"]


def test_a_second_run_takes_the_base_from_the_cache_and_says_so(server: ForkServer, work: Path, tmp_path: Path) -> None:
    words = ["train", "--data", "pairs.csv", "model.name=tiny", "model.device=cpu", "training.precision=fp32", RESAMPLES]
    words += ["--verbose", "training.max_steps=2", f"vector_cache={tmp_path / 'kept'}", f"output_dir={tmp_path}"]
    reports = []
    for name in ("one", "two"):
        done = server.run([*words, f"run_name={name}"], work)
        assert done["code"] == 0, done["output"]
        reports.append(report_of(tmp_path / name))
    assert (tmp_path / "kept" / FILE).is_file()
    assert "vectors_from_cache" not in reports[0]["cost"] and reports[1]["cost"]["vectors_from_cache"] > 80
    assert re.search(r"took \d+ s; (\d+) of \1 vectors came from the cache", done["output"])
    assert "vectors that came from the cache" in done["output"]
    assert reports[0]["datasets"] == reports[1]["datasets"], "and training is what it was"
