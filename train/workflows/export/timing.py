"""How fast an export is beside plain Sentence Transformers: in one process, in turns, so that what disturbs one disturbs both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from train.encode.contract import Role
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.runtime import threads
from train.machine import processor

ROUNDS = 7
"""Turns of each; an odd number has a median that was measured."""
SINGLE, MANY, BATCH = 24, 96, 32
"""Single texts of a turn, texts of a turn in batches, and texts of a batch (Sentence Transformers' default)."""
WARM_UP = 3

Encode = Callable[[list[str]], Any]


@dataclass(frozen=True)
class Speed:
    """What one of both takes.

    Attributes:
        p50_ms, p95_ms: milliseconds of a single text, over all turns.
        texts_per_second: in batches, the median of the turns.
        best_ms: milliseconds of the fastest single text: what nothing else disturbed, where the machine has other work.
    """

    p50_ms: float
    p95_ms: float
    best_ms: float
    texts_per_second: float


@dataclass(frozen=True)
class Timing:
    """Both, and how they compare.

    Attributes:
        export: of the export.
        stock: of Sentence Transformers with the same weights in fp32.
        single_share: time of a single text as a share of stock's: the median of the turns, the least and the most of them.
        batch_times: texts a second in batches as a multiple of stock's, likewise.
        threads: of each.
        tokens: of a single text, the median.
        processor: what it was measured on.
    """

    export: Speed
    stock: Speed
    single_share: tuple[float, float, float]
    batch_times: tuple[float, float, float]
    threads: int
    tokens: float
    processor: str

    def to_dict(self) -> dict[str, Any]:
        """Return its entry of export.json."""
        return {
            **self.__dict__,
            "export": self.export.__dict__,
            "stock": self.stock.__dict__,
            "single_share": list(self.single_share),
            "batch_times": list(self.batch_times),
            "rounds": ROUNDS,
        }

    def __str__(self) -> str:
        own, stock = self.export, self.stock
        return (
            f"a single text of {self.tokens:.0f} tokens takes {own.p50_ms:.1f} ms (95% within {own.p95_ms:.1f}),"
            f" {self.single_share[0]:.2f} of the {stock.p50_ms:.1f} ms of Sentence Transformers; {own.texts_per_second:,.0f}"
            f" texts a second in batches, {self.batch_times[0]:.1f} times as many ({self.threads} threads)"
        )


def time_in_turns(exported: ExportedEncoder, stock: Any, texts: Sequence[str], role: Role) -> Timing:
    """Time an export and a SentenceTransformer in turns.

    Args:
        exported: the export.
        stock: the SentenceTransformer that it was made from.
        texts: at least one; taken again from the start where there are too few.
        role: of the texts.
    """
    prompt = exported.contract.prompt(role)
    ways: dict[str, Encode] = {
        "export": lambda some: exported.encode(some, role, False),
        "stock": lambda some: stock.encode(some, prompt=prompt or None, batch_size=BATCH, show_progress_bar=False),
    }
    single = [texts[number % len(texts)] for number in range(SINGLE)]
    many = [texts[number % len(texts)] for number in range(MANY)]
    singles: dict[str, list[list[float]]] = {name: [] for name in ways}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for encode in ways.values():
        for text in single[:WARM_UP]:
            encode([text])
        encode(many[:BATCH])
    for number in range(ROUNDS):
        for name in list(ways) if number % 2 else reversed(list(ways)):
            singles[name].append([1000 * _seconds(ways[name], [text]) for text in single])
            rates[name].append(MANY / _seconds(ways[name], many))
    lengths = [len(one.ids) for one in exported.tokenizer.encode_batch([prompt + text for text in single])]
    return Timing(
        **{name: _speed(singles[name], rates[name]) for name in ways},
        single_share=_spread([median(a) / median(b) for a, b in zip(singles["export"], singles["stock"], strict=True)]),
        batch_times=_spread([a / b for a, b in zip(rates["export"], rates["stock"], strict=True)]),
        threads=threads(),
        tokens=float(median(lengths)),
        processor=processor(),
    )


def _seconds(encode: Encode, texts: list[str]) -> float:
    began = time.perf_counter()
    encode(texts)
    return time.perf_counter() - began


def _speed(singles: list[list[float]], rates: list[float]) -> Speed:
    best, p50, p95 = np.percentile(np.concatenate(singles), [0, 50, 95])
    return Speed(float(p50), float(p95), float(best), float(median(rates)))


def _spread(values: list[float]) -> tuple[float, float, float]:
    return float(median(values)), min(values), max(values)
