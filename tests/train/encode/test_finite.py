"""Vectors that are no numbers are refused where they come into being, in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from train.config.schema import ModelConfig
from train.encode.finite import checked_vectors
from train.encode.local import Encoder
from train.encode.open import open_model
from train.errors import ConfigError, ModelError, NotFinite
from train.vectors.quantization import quantise

TEXTS = ["a drill", "a pump", "a saw"]


@pytest.fixture
def encoder(tiny_model: Path) -> Encoder:
    return open_model(ModelConfig(name=str(tiny_model), device="cpu")).local


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_named(encoder: Encoder, tiny_model: Path, value: float) -> None:
    with torch.no_grad():
        next(encoder.model.parameters())[:] = value
    with pytest.raises(NotFinite) as refused:
        encoder.encode(TEXTS, "query")
    assert refused.value.what == f"{tiny_model} gives vectors that are not finite (NaN or infinity): those of 3 of 3 texts"
    assert "word_embeddings" in str(refused.value.hint) and refused.value.text == "a drill"


def test_a_computation_that_overflows_is_told_from_weights_that_are_broken(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = torch.ones(3, 32)
    found[1, 5] = torch.inf
    monkeypatch.setattr(Encoder, "_encode", lambda *_: found)
    with pytest.raises(NotFinite, match="those of 1 of 3 texts") as refused:
        encoder.encode(TEXTS, "query")
    assert "model.device=cpu" in str(refused.value.hint) and refused.value.text == "a pump"


def test_large_numbers_are_sound(encoder: Encoder) -> None:
    large = torch.full((3, 32), 3e38)  # their sum is too large for a float32
    assert checked_vectors(large, TEXTS, 32, "a model", encoder.model) is large


@pytest.mark.parametrize("shape", [(3, 1), (1, 32), (2, 32), (3, 16)])
def test_vectors_of_another_shape_are_refused(encoder: Encoder, shape: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match=r"where \[3, 32\] was due"):
        checked_vectors(torch.zeros(shape), TEXTS, 32, "a model", encoder.model)


def test_what_does_not_fit_into_half_precision_is_no_infinity_in_a_file() -> None:
    with pytest.raises(ConfigError, match="70,000 does not fit into float16"):
        quantise(np.array([[1.0, -70_000.0]], dtype=np.float32), "float16")
