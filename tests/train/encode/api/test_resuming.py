"""What was paid for is kept: after a failure only the rest is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.api_server import ApiServer, Fault
from train.encode.api.encoder import ApiEncoder
from train.encode.cache.encoder import CachedEncoder
from train.encode.cache.open import open_cache
from train.errors import ModelError

Connect = Callable[..., ApiEncoder]


def sent(api: ApiServer) -> list[str]:
    return [text for body in api.requests for text in body.get("input") or body["texts"]]


def test_a_run_that_failed_goes_on_where_it_was(connect: Connect, api: ApiServer, provider: str, tmp_path: Path) -> None:
    texts = [f"text number {i}" for i in range(300)]  # three windows of 4 × 32
    whole = connect(provider, "small-model").encode(texts, "document").numpy()
    api.plan = [None] * 5 + [Fault(status=401)] * 100
    cache = open_cache(str(tmp_path), tmp_path, pytest.fail)
    assert cache is not None
    with pytest.raises(ModelError, match="401"):
        CachedEncoder(connect(provider, "small-model"), cache).encode(texts, "document")
    api.plan.clear()
    encoder = CachedEncoder(connect(provider, "small-model"), cache)
    api.requests.clear()
    assert encoder.missing(texts, "document") == texts[128:]
    found = encoder.encode(texts, "document").numpy()
    assert sorted(sent(api)) == sorted(texts[128:])
    assert np.array_equal(found, whole)
    api.requests.clear()
    assert np.array_equal(encoder.encode(texts, "document").numpy(), whole) and not api.requests
    cache.close()


def test_a_wrong_answer_is_not_kept(connect: Connect, api: ApiServer, tmp_path: Path) -> None:
    def shorter(answer: dict[str, Any]) -> None:
        for row in answer["data"]:
            row["embedding"] = [0.5] * 8

    cache = open_cache(str(tmp_path), tmp_path, pytest.fail)
    assert cache is not None
    encoder = CachedEncoder(connect("openai"), cache)
    api.plan = [Fault(change=shorter)]
    with pytest.raises(ModelError, match="8 dimensions"):
        encoder.encode(["a", "b"], "document")
    assert encoder.missing(["a", "b"], "document") == ["a", "b"]
    cache.close()
