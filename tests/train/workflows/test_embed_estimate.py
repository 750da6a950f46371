"""`embed --estimate`: what it counts is right, what is there already is seen, and nothing is written or sent."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import KEY, api_server
from train.cli.app import main
from train.encode.api.prices import Price
from train.vectors.embed_estimate import COUNTED, Sample

TEXTS = [f"text number {i} about {'cats dogs birds'.split()[i % 3]} " + "and so on " * (i % 40) for i in range(60)]  # noqa: SIM905

Run = Callable[..., Any]


@pytest.fixture
def run(in_tmp: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    (in_tmp / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")

    def embed(*words: str, model: str = str(tiny_model), file: str = "texts.txt", cache: str = "off") -> Any:
        capsys.readouterr()
        try:
            main(["embed", file, "--model", model, "--part", "8", "--cache", cache, "--json", *words])
        except SystemExit as stop:
            return {"code": stop.code, "error": capsys.readouterr().err}
        return json.loads(capsys.readouterr().out)

    return embed


def everything() -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in Path().rglob("*")}


def test_tokens_and_bytes_are_those_of_the_model_and_nothing_is_written(run: Run, tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    before = everything()
    found = run("--estimate", "--out", "v.parquet", "model.device=cpu", cache="kept")
    assert everything() == before
    tokenizer = SentenceTransformer(str(tiny_model), device="cpu").tokenizer
    counted = sum(len(tokenizer(text.strip(), truncation=True, max_length=64)["input_ids"]) for text in TEXTS)
    assert (found["texts"], found["to_embed"], found["tokens"], found["tokens_exact"]) == (60, 60, counted, True)
    assert found["bytes"] == {"float32": 7680, "float16": 3840, "int8": 1920, "uint8": 1920, "binary": 240, "ubinary": 240}
    low, high = found["seconds_range"]
    assert 0 < low <= found["seconds"] <= high and found["texts_timed"] == 60 and found["usd"] is None


@pytest.mark.slow
def test_what_is_there_is_not_counted_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--out", "first.parquet", "model.device=cpu", cache="kept")
    with monkeypatch.context() as patch:
        patch.setattr("train.workflows.embed.write_vectors", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        run("--out", "v.parquet", "model.device=cpu")
    Path("texts.txt").write_text("\n".join([*TEXTS[:57], "other", "and another", TEXTS[59]]), encoding="utf-8")
    before = everything()
    found = run("--estimate", "--out", "v.parquet", "model.device=cpu")
    assert (found["in_parts"], found["in_cache"], found["to_embed"]) == (56, 0, 4)
    cached = run("--estimate", "model.device=cpu", cache="kept")
    assert (cached["in_parts"], cached["in_cache"], cached["to_embed"]) == (0, 58, 2)
    other = run("--estimate", "--out", "v.parquet", "--dimensions", "8", "model.device=cpu")
    assert other["to_embed"] == 60
    assert {path for path in everything() if "kept" not in path} == {path for path in before if "kept" not in path}


def test_what_an_api_would_charge_is_said_and_no_text_is_sent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.workflows.embed_estimate.price_of", lambda *_: Price(1000.0, "a page", "2026-01-01"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with api_server() as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/openai")
        found = run("--estimate", model="openai:text-embedding-3-small")
        assert not provider.requests
    assert found["usd"] == pytest.approx(found["tokens"] / 1000) and found["seconds"] is None
    assert found["tokens"] == sum(round(len(text.strip()) / 4) + 1 for text in TEXTS)


def test_mistakes(run: Run) -> None:
    Path("empty.txt").write_text("")
    assert "holds no texts" in run("--estimate", "model.device=cpu", file="empty.txt")["error"]
    assert "read only once" in run("--estimate", "model.device=cpu", file="-")["error"]


def test_a_sample_draws_each_text_with_the_same_chance() -> None:
    sample = Sample(100)
    for start in range(0, 20_000, 1000):
        sample.add("x" * (1 + i % 7) + f" {i}" for i in range(start, start + 1000))
    assert sample.count == 20_000 and len(set(sample.texts)) == len(sample.texts) == COUNTED
    numbers = sorted(int(text.split()[1]) for text in sample.texts)
    for quarter in range(4):  # 500 expected, standard deviation 19
        assert 400 < sum(quarter * 5000 <= one < (quarter + 1) * 5000 for one in numbers) < 600
    shown = sum(sample.sizes()) / COUNTED * sample.count
    assert shown == pytest.approx(sample.characters, rel=0.02)


def test_texts_that_are_cut_count_as_far_as_they_are_read() -> None:
    sample = Sample(100)
    sample.add(["", "a" * 50, "b" * random.Random(1).randrange(1000, 2000)])
    assert sample.characters == 1 + 50 + 100
