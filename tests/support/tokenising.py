"""What the tests of the token store have in common: texts, the model's own ids, and a count of what it tokenises."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

from train.encode.token_limit import limited_tokens
from train.encode.tokens.eligibility import PROBES
from train.encode.tokens.store import TokenRows

TEXTS = [
    "one",
    "two words",
    "",
    "   ",
    "Ein längerer Satz, in dem es um nichts geht.",
    "two words",
    "日本語のテキスト",
    " ".join(str(i) for i in range(500)),
]


def count(model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    stock = model.preprocess

    def counted(texts: list[str], **options: Any) -> Any:
        found.extend([] if tuple(texts) == PROBES else texts)
        return stock(texts, **options)

    monkeypatch.setattr(model, "preprocess", counted)
    return found


def stock_ids(model: SentenceTransformer, text: str, prompt: str = "", max_tokens: int = 64) -> list[int]:
    """Return what the model itself gives for a text alone, which is never padded."""
    with limited_tokens(model, max_tokens):
        return model.preprocess([text], prompt=prompt or None)["input_ids"][0].tolist()


def as_lists(rows: TokenRows) -> list[list[int]]:
    return [ids.tolist() for ids in rows.take(range(len(rows))).split()]


def segments_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("tokens/*/*.arrow"))


def some_texts(number: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [
        f"{i} " + " ".join(rng.choices(["red", "green", "house", "river", "stone"], k=rng.randint(1, 12))) for i in range(number)
    ]
