"""A Redis server, and an encoder whose vectors a test can work out by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.redis_server import RedisServer
from train.encode.contract import EncodingContract, Role

DIMENSIONS = 16


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


def vector_of(text: str) -> np.ndarray:
    """[16] float32 that look like anything, infinitely small and negative numbers included."""
    return np.frombuffer(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=64).digest(), dtype=np.uint32).astype(
        np.float32
    ) / np.float32(2**31) - np.float32(1)


@dataclass
class CountingEncoder:
    """A `TextEncoder` that remembers which texts it was asked for."""

    name: str = "one"
    window: int = 3
    asked: list[list[str]] = field(default_factory=list)

    @property
    def contract(self) -> EncodingContract:
        return EncodingContract("", "", "", "nowhere", "mean", True, 64, DIMENSIONS, "cosine")

    @property
    def similarity(self) -> str:
        return "cosine"

    def space(self, role: Role) -> str:
        return f"{self.name}-{role}"

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        self.asked.append(list(texts))
        return torch.from_numpy(np.stack([vector_of(text) for text in texts]))
