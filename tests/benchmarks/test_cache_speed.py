"""The benchmark of the cache reads what it wrote, and computes nothing that it says it read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import cache_speed
from tests.benchmarks.workloads import BenchmarkError
from tests.support.redis_server import RedisServer
from train.encode.cache.cache import VectorCache

pytestmark = pytest.mark.slow  # it loads the packaged model


def test_it_writes_reads_back_and_takes_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_speed, "READ", 300)
    monkeypatch.setattr(cache_speed, "ENCODED", 4)
    server = RedisServer(tmp_path)
    try:
        figures = cache_speed.measure(server.url, 500, 2)
        assert figures["vectors"] == 500 and figures["equal"] is True
        assert 0 < figures["ratio_least"] <= figures["ratio_median"]
        monkeypatch.setattr(VectorCache, "write", lambda *_: None)
        with pytest.raises(BenchmarkError, match="were not found"):
            cache_speed.measure(f"{server.url}?namespace=empty", 500, 1)
    finally:
        server.kill()
