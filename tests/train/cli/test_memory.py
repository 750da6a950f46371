"""Memory that runs out ends in a sentence in every command and in the API, never in a traceback."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import embed_tune
from tests.support.mistakes import PAIRS
from train.cli.app import main
from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.errors import OutOfMemory

ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried to allocate 8589934592 bytes."
)
LONG = "a text of many words " * 100
ENCODING = {
    "evaluate": ["evaluate", "MODEL", "--data", "pairs.csv"],
    "mine": ["mine", "pairs.csv", "model.name=MODEL", "--out", "mined.jsonl"],
    "embed": ["embed", "texts.txt", "--model", "MODEL", "--out", "v.npy"],
    "embed a text": ["embed", "--text", LONG, "--model", "MODEL"],
    "search": ["search", "--data", "pairs.csv", "--model", "MODEL"],
    "train": ["train", "--data", "pairs.csv", "model.name=MODEL", "run_name=x", "training.max_steps=2"],
}


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    (in_tmp / "pairs.csv").write_text(PAIRS, encoding="utf-8")
    (in_tmp / "texts.txt").write_text(f"short\n{LONG}\n", encoding="utf-8")
    return in_tmp


@pytest.mark.parametrize(
    "error", [RuntimeError(ALLOCATOR), MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")], ids=type
)
def test_the_error_names_the_longest_text_and_what_to_lower(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    monkeypatch.setattr("train.encode.local.embed_columns", failing(error))
    with pytest.raises(OutOfMemory) as short:
        encoder.encode(["short", LONG], "query")
    asked = " (8,192.0 MiB more were asked for)" if isinstance(error, RuntimeError) and str(error) == ALLOCATOR else ""
    assert short.value.what == (f"cpu ran out of memory{asked} while {tiny_model} encoded 2 texts, the longest of 64 tokens")
    assert short.value.hint == "end other programs, or choose a smaller model"  # 64 tokens are few


def test_without_stored_tokens_the_batch_size_is_named_too(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu"), batch_size=32).local
    encoder.store = None
    encoder.contract = dataclasses.replace(encoder.contract, max_tokens=500)
    monkeypatch.setattr(encoder.model, "encode", failing(RuntimeError(ALLOCATOR)))
    with pytest.raises(OutOfMemory, match="the longest of 500 tokens, 32 at a time") as short:
        encoder.encode([LONG], "query")
    assert "model.max_tokens=256 or evaluation.batch_size=16" in str(short.value.hint)


def test_other_errors_stay_as_they_are(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    monkeypatch.setattr("train.encode.local.embed_columns", failing(RuntimeError("shapes do not fit")))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        encoder.encode(["a"], "query")


@pytest.mark.parametrize("words", ENCODING.values(), ids=list(ENCODING))
def test_a_command_that_encodes_ends_in_a_sentence(
    folder: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setattr("train.encode.local.embed_columns", failing(RuntimeError(ALLOCATOR)))
    with pytest.raises(SystemExit) as stop:
        main([*(word.replace("MODEL", str(tiny_model)) for word in words), "model.device=cpu"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and f"cpu ran out of memory (8,192.0 MiB more were asked for) while {tiny_model} encoded" in said
    assert "What to do: end other programs" in said
    assert not (folder / "checkpoints" / "x").exists()


@pytest.mark.parametrize("error", [MemoryError(), OSError(12, "Cannot allocate memory")], ids=["host", "system"])
def test_memory_that_runs_out_elsewhere_ends_in_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    monkeypatch.setattr("train.workflows.check.check_data", failing(error))
    with pytest.raises(SystemExit) as stop:
        main(["check", "pairs.csv"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and "there is not enough memory" in said and "What to do: end other programs" in said
    with pytest.raises(OutOfMemory, match="there is not enough memory"):
        embed_tune.check("pairs.csv")
