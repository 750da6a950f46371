"""How much faster the Redis cache gives vectors than the model computes them.

    python -m tests.benchmarks.cache_speed --vectors 100000 --rounds 4

Run it from the repository's root; it needs redis-server and no data. Vectors of 384 dimensions are written to a server of its own
and read back, and must be equal bit for bit. Then reading a part of them and encoding short texts (8 to 24 one-token words) with
all-MiniLM-L6-v2 take turns; only the ratio of their speeds means anything on a busy machine. Reading goes the whole way that a
command goes, hashing the model's weights included. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.workloads import BenchmarkError, draw_texts
from tests.support.redis_server import RedisServer
from train.config.schema import ModelConfig
from train.encode.cache.cache import VectorCache
from train.encode.cache.encoder import CachedEncoder
from train.encode.cache.redis_store import RedisStore
from train.encode.open import open_model

DIMENSIONS = 384
ENCODED = 512
"""Texts encoded in a turn; they are new in each."""
READ = 20_000
"""Vectors read in a turn."""


def main() -> None:
    """Write, read back, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        try:
            print(json.dumps(measure(server.url, asked.vectors, asked.rounds)))
        finally:
            server.kill()


def measure(url: str, count: int, rounds: int) -> dict[str, float | bool]:
    """Seconds and rates of writing, reading and encoding, and the ratio of the last two."""
    cache = VectorCache(RedisStore(url), say)
    encoder = open_model(ModelConfig()).local
    cached, space = CachedEncoder(encoder, cache), encoder.space("document")
    texts = [f"text number {i}" for i in range(count)]
    vectors = np.random.default_rng(0).standard_normal((count, DIMENSIONS)).astype(np.float32)
    began = time.perf_counter()
    for start in range(0, count, 8192):
        cache.write(space, texts[start : start + 8192], vectors[start : start + 8192])
    written = time.perf_counter() - began
    began = time.perf_counter()
    back, found = cache.read(space, texts, DIMENSIONS)
    read = time.perf_counter() - began
    exact = bool(found.all()) and back.tobytes() == vectors.tobytes()
    verdict = "equal bit for bit" if exact else "NOT EQUAL"
    say(f"{count:,} vectors: written in {written:.2f} s, read back in {read:.2f} s, {verdict}")
    ratios = []
    rng = np.random.default_rng(1)
    for number in range(rounds + 1):
        part = [texts[i] for i in rng.integers(0, count, READ)]
        began = time.perf_counter()
        cached.encode(part, "document")
        reading = (time.perf_counter() - began) / READ
        fresh = draw_texts(encoder.model.tokenizer, rng.integers(10, 27, ENCODED).tolist(), rng)
        began = time.perf_counter()
        encoder.encode(fresh, "document")
        encoding = (time.perf_counter() - began) / ENCODED
        if number:  # the first turn warms up
            ratios.append(encoding / reading)
            say(f"read {1 / reading:,.0f}/s, encode {1 / encoding:,.0f}/s: {ratios[-1]:.0f} times")
    if cache.counters.misses:
        raise BenchmarkError(f"{cache.counters.misses} vectors were not found, so that they were computed")
    return {
        "vectors": count,
        "equal": exact,
        "write_per_second": round(count / written),
        "read_per_second": round(count / read),
        "ratio_median": round(statistics.median(ratios), 1),
        "ratio_least": round(min(ratios), 1),
    }


if __name__ == "__main__":
    run_as_program(main)
