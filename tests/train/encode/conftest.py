"""The small model, and what goes through its tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from tests.support.tokenising import count


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu")


@pytest.fixture
def asked(model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All texts that went through the model's tokenizer, but for those on which a store tries the model out."""
    return count(model, monkeypatch)
