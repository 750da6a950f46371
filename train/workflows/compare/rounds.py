"""Speeds with intervals: every model is timed again in several rounds, the models taking turns, each time in a new process.

What disturbs a machine for a while then disturbs all models alike, and what differs from one start of a model to the next (where
its memory lies, how warm the processor is) is in the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TypeVar
from uuid import uuid4

from train.console import detail, now, say
from train.workflows.compare.speed import Round, Span, Speed

LEVEL = 0.95
ALIKE = 0.9
"""A speed of at least this share of another is as good, whatever the intervals say. No less can be told of speeds without an
interval (a model behind an API, a single measurement), nor of those that were not measured in turns."""

Model = TypeVar("Model")


def rank_interval(values: Sequence[float], level: float = LEVEL) -> Span | None:
    """Return an interval that holds the true median with at least that probability, whatever the distribution; None where there
    are too few values (for 95%, fewer than six).

    Its ends are values themselves, those whose ranks the sign test does not rule out.
    """
    ordered, n = sorted(values), len(values)
    outside, trimmed = 0.0, -1
    for rank in range(n // 2):
        outside += 2 * math.comb(n, rank) / 2**n
        if outside > 1 - level:
            break
        trimmed = rank
    return None if trimmed < 0 else (ordered[trimmed], ordered[n - 1 - trimmed])


def with_rounds(speed: Speed, rounds: Sequence[Round], session: str) -> Speed:
    """Return a speed with the medians of its rounds, and their intervals.

    Args:
        speed: of the first visit, which chose the batch size.
        rounds: the later ones.
        session: the same for all models that took turns.
    """
    if not rounds:
        return speed
    p50, p95, rate = ([getattr(one, name) for one in rounds] for name in ("p50_ms", "p95_ms", "texts_per_second"))
    found = median(rate)
    return replace(
        speed,
        latency_p50_ms=median(p50),
        latency_p95_ms=median(p95),
        texts_per_second=found,
        by_batch={**speed.by_batch, speed.best_batch: found},
        tokens_per_second=None if speed.tokens_per_text is None else found * speed.tokens_per_text,
        latency_p50_ci95=rank_interval(p50),
        latency_p95_ci95=rank_interval(p95),
        texts_per_second_ci95=rank_interval(rate),
        measured_at=now(),
        rounds=len(rounds),
        session=session,
    )


def in_rounds(speeds: Mapping[Model, Speed], number: int, time: Callable[[Model, int], Round | None]) -> dict[Model, Speed]:
    """Time models in rounds, taking turns; in every other round in the opposite order.

    Args:
        speeds: of the first visit, by model.
        number: of rounds.
        time: times a model in batches of that size; None where it fails.

    Returns:
        Their speeds with intervals.
    """
    if not speeds or not number:
        return dict(speeds)
    say(f"measuring the speed of {len(speeds)} models in {number} rounds …")
    found: dict[Model, list[Round]] = {model: [] for model in speeds}
    for place in range(number):
        detail(f"  round {place + 1}")
        for model in list(speeds) if place % 2 == 0 else reversed(list(speeds)):
            if (one := time(model, speeds[model].best_batch)) is not None:
                found[model].append(one)
    session = uuid4().hex
    return {model: with_rounds(speed, found[model], session) for model, speed in speeds.items()}


def is_quicker(one: Speed | None, other: Speed | None, *, single: bool = False) -> bool:
    """Tell whether a model is faster than another beyond what measuring leaves open; one of unknown speed is the slowest.

    Args:
        one, other: their speeds.
        single: of single texts (p95) rather than of many.
    """
    if one is None or other is None:
        return one is not None and other is None
    name = "latency_p95_ms" if single else "texts_per_second"
    mine, theirs = getattr(one, name), getattr(other, name)
    together = bool(one.session) and one.session == other.session
    (low, high), (other_low, other_high) = (_span(speed, name, together) for speed in (one, other))
    if single:
        return bool(mine < ALIKE * theirs) and high < other_low
    return bool(ALIKE * mine > theirs) and low > other_high


def _span(speed: Speed, name: str, together: bool) -> Span:
    """Return between what a figure lies; wider where it was not measured in turns with the other."""
    value = getattr(speed, name)
    low, high = speed.span(name) or (value, value)
    spare = 1.0 if together and speed.span(name) else math.sqrt(ALIKE)
    return low * spare, high / spare
