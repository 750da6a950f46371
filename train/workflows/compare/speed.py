"""How fast a model is on this machine, on the user's own texts, and how much memory that takes.

Latency is that of single texts, one after the other, through Sentence Transformers' own `encode`, as a service would call it.
Throughput is that of calls of several texts each through this project's encoder, as `embed` makes them. Both tokenise every
text and read no cache.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from train.config.compare import MeasureConfig
from train.console import now
from train.encode.contract import Role
from train.encode.local import Encoder
from train.encode.protocol import TextEncoder
from train.encode.tokens.store import TokenStore
from train.machine import resident_peak_mb
from train.workflows.compare.machine import Machine

FEWEST = 10
"""Single texts that are timed however long they take."""
WARM_UP = 3
"""Texts that are encoded before the clock starts."""
BUSY = 0.5
"""Load of a core, by other programs, from which times are called unreliable."""


@dataclass(frozen=True)
class Samples:
    """Texts of the user's data on which speed is measured.

    Attributes:
        single, single_role: what latency is measured on: queries where there are some.
        many, many_role: what throughput is measured on: documents where there are some.
    """

    single: tuple[str, ...]
    single_role: Role
    many: tuple[str, ...]
    many_role: Role


Span = tuple[float, float]
"""The two ends of an interval."""
SPANS = {
    "latency_p50_ms": "latency_p50_ci95",
    "latency_p95_ms": "latency_p95_ci95",
    "texts_per_second": "texts_per_second_ci95",
}
"""Figures that have intervals, and what these are called."""


@dataclass(frozen=True)
class Round:
    """What was measured of one model in one round: milliseconds of a single text, and texts a second at the best batch."""

    p50_ms: float
    p95_ms: float
    texts_per_second: float


@dataclass(frozen=True)
class Speed:
    """What was measured of one model.

    Attributes:
        load_seconds: from nothing to ready, in a process that has the libraries loaded; None behind an API.
        latency_p50_ms, latency_p95_ms: milliseconds of a single text, that half and 95% of texts did not exceed.
        latency_texts: single texts that were timed.
        texts_per_second, best_batch: the best of the batch sizes that were tried.
        by_batch: batch size → texts a second.
        tokens_per_second: of real tokens at the best batch; None where they cannot be counted.
        tokens_per_text: mean, special tokens and prompt included.
        truncated: share of the texts that are longer than the model reads; None where they cannot be counted.
        memory_mb: peak, of the GPU where one is used, else of the whole process with all libraries; None behind an API.
        device: cpu, cuda, mps or api.
        machine: on which it was measured.
        busy: load of a core by other programs at the beginning, 0 for none; None where it cannot be known.
        measured_at: UTC, ISO 8601.
        latency_p50_ci95, latency_p95_ci95, texts_per_second_ci95: 95% intervals over the rounds; None where there were too few.
        rounds: in which it was timed again, taking turns with other models; the figures are their medians. 0 for one visit.
        session: the same for models that took turns.
    """

    load_seconds: float | None
    latency_p50_ms: float
    latency_p95_ms: float
    latency_texts: int
    texts_per_second: float
    best_batch: int
    by_batch: Mapping[int, float]
    tokens_per_second: float | None
    tokens_per_text: float | None
    truncated: float | None
    memory_mb: float | None
    device: str
    machine: Machine
    busy: float | None
    measured_at: str
    latency_p50_ci95: Span | None = None
    latency_p95_ci95: Span | None = None
    texts_per_second_ci95: Span | None = None
    rounds: int = 0
    session: str = ""

    def span(self, name: str) -> Span | None:
        """Return the 95% interval of a figure; None where none is known."""
        found: Span | None = getattr(self, SPANS[name]) if name in SPANS else None
        return found

    @property
    def disturbed(self) -> bool:
        """Tell whether other programs were at work, so that times are longer than they need be."""
        return self.busy is not None and self.busy > BUSY

    def as_json(self) -> dict[str, Any]:
        """Return it for files."""
        return {**asdict(self), "by_batch": {str(size): rate for size, rate in self.by_batch.items()}}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Speed:
        """Read what `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        by_batch = {int(size): float(rate) for size, rate in found["by_batch"].items()}
        spans = {name: None if found[name] is None else tuple(map(float, found[name])) for name in SPANS.values()}
        return cls(**{**found, **spans, "by_batch": by_batch, "machine": Machine(**found["machine"])})


def busy_now() -> float | None:
    """Return how many programs wanted to run in the last minute, for each core; None where the system does not say."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (OSError, AttributeError):
        return None


def measure_speed(
    encoder: TextEncoder,
    samples: Samples,
    settings: MeasureConfig,
    *,
    load_seconds: float | None,
    busy: float | None,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Time a model.

    Args:
        encoder: the model, without a cache before it.
        samples: at least one text of each kind.
        settings: how thoroughly.
        load_seconds, busy: see `Speed`.
        clock: seconds, from any beginning.
    """
    machine, seconds = Machine.here(encoder), settings.seconds / (2 if settings.rounds else 1)
    millis = _latencies(encoder, samples, settings.latency_texts, seconds, clock)
    # a model behind an API makes its own requests of the texts it gets, several at a time, and each text costs money
    sizes = [len(samples.many)] if machine.device == "api" else settings.batch_sizes
    rates: dict[int, float] = {}
    for size in sizes:
        rates[size] = _throughput(encoder, samples, size, seconds / len(sizes), clock)
        if size >= len(samples.many):
            break
    best = max(rates, key=lambda size: rates[size])
    counts = token_counts(encoder, samples)
    tokens_per_text = None if counts is None else float(np.minimum(counts, encoder.contract.max_tokens).mean())
    return Speed(
        load_seconds=load_seconds,
        latency_p50_ms=float(np.percentile(millis, 50)),
        latency_p95_ms=float(np.percentile(millis, 95)),
        latency_texts=len(millis),
        texts_per_second=rates[best],
        best_batch=best,
        by_batch=rates,
        tokens_per_second=None if tokens_per_text is None else rates[best] * tokens_per_text,
        tokens_per_text=tokens_per_text,
        truncated=None if counts is None else float((counts > encoder.contract.max_tokens).mean()),
        memory_mb=peak_memory(encoder),
        device=machine.device,
        machine=machine,
        busy=busy,
        measured_at=now(),
    )


def measure_round(
    encoder: TextEncoder,
    samples: Samples,
    settings: MeasureConfig,
    batch: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Round:
    """Time a model once more, at the batch size that was the best: all rounds together take as long as the first visit."""
    seconds = settings.seconds / 2 / max(1, settings.rounds)
    millis = _latencies(encoder, samples, settings.latency_texts, seconds, clock)
    rate = _throughput(encoder, samples, batch, seconds, clock)
    return Round(float(np.percentile(millis, 50)), float(np.percentile(millis, 95)), rate)


def token_counts(encoder: TextEncoder, samples: Samples) -> np.ndarray | None:
    """Count the tokens [N] of each text of the throughput's sample with its prompt, not cut; None where nobody can tell."""
    tokenizer = getattr(getattr(encoder, "model", None), "tokenizer", None)
    if not callable(tokenizer):
        return None
    prompt = encoder.contract.prompt(samples.many_role)
    try:
        ids = tokenizer([prompt + text for text in samples.many], truncation=False, padding=False)["input_ids"]
    except (TypeError, ValueError, KeyError):
        return None  # a tokenizer of another kind
    return np.array([len(row) for row in ids])


def peak_memory(encoder: TextEncoder) -> float | None:
    """Return the most memory in MiB that the model's process, or the model on its GPU, has used; None behind an API."""
    model = getattr(encoder, "model", None)
    if model is None:
        return None
    if model.device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(model.device) / 2**20
    return resident_peak_mb()


def _latencies(encoder: TextEncoder, samples: Samples, count: int, seconds: float, clock: Callable[[], float]) -> list[float]:
    """Return the milliseconds of single texts, of as many as the time allows."""
    single = replace(encoder, store=None) if isinstance(encoder, Encoder) else encoder
    return [1000 * one for one in _one_by_one(single, samples, count, seconds, clock)]


def _one_by_one(
    encoder: TextEncoder, samples: Samples, count: int, seconds: float, clock: Callable[[], float]
) -> Iterator[float]:
    """Measure the seconds of single texts."""
    for text in samples.single[:WARM_UP]:
        encoder.encode([text], samples.single_role, False)
    began = clock()
    for number in range(count):
        text = samples.single[number % len(samples.single)]
        before = clock()
        encoder.encode([text], samples.single_role, False)
        after = clock()
        yield after - before
        if number + 1 >= FEWEST and after - began > seconds:
            return


def _throughput(encoder: TextEncoder, samples: Samples, size: int, seconds: float, clock: Callable[[], float]) -> float:
    """Measure the texts a second in calls of `size` texts, over the sample or as much of it as the time allows."""
    fresh = _untokenised(encoder)
    done, began = 0, clock()
    for part in _calls(samples.many, size):
        fresh.encode(part, samples.many_role, False)
        done += len(part)
        if clock() - began > seconds:
            break
    return done / max(clock() - began, 1e-9)


def _untokenised(encoder: TextEncoder) -> TextEncoder:
    """Return the same model without memory of the texts that it has tokenised."""
    if isinstance(encoder, Encoder) and encoder.store is not None:
        return replace(encoder, store=TokenStore(encoder.model))
    return encoder


def _calls(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
