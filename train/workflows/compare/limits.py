"""What the user's limits say of a model. What is not known of a model does not keep a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from train.config.compare import LimitsConfig
from train.workflows.compare import units
from train.workflows.compare.results import Contender


@dataclass(frozen=True)
class Breach:
    """A limit that a model does not keep.

    Attributes:
        key: of the limit in the settings.
        value: what the model has instead, in words; "" where the limit says it all.
    """

    key: str
    value: str


def breaches(one: Contender, limits: LimitsConfig) -> list[Breach]:
    """Return every limit that a model does not keep."""
    # a model behind an API takes no memory here worth counting
    memory = 0.0 if one.is_api else one.timed("memory_mb")
    found = [
        _above("max_latency_ms", limits.max_latency_ms, one.timed("latency_p95_ms"), units.millis),
        _below("min_throughput", limits.min_throughput, one.timed("texts_per_second"), units.rate),
        _above("max_memory_mb", limits.max_memory_mb, memory, units.megabytes),
        _above("max_dims", limits.max_dims, one.dimensions, units.number),
        _above("max_price", limits.max_price, one.price.usd_per_million, units.usd),
        Breach("local_only", "") if limits.local_only and one.is_api else None,
        _licence(one, limits.licences),
    ]
    return [one for one in found if one is not None]


def _above(key: str, limit: float | None, value: float | None, write: units.Write) -> Breach | None:
    if limit is None or (value is not None and value <= limit):
        return None
    return Breach(key, units.UNKNOWN if value is None else write(value))


def _below(key: str, limit: float | None, value: float | None, write: units.Write) -> Breach | None:
    if limit is None or (value is not None and value >= limit):
        return None
    return Breach(key, units.UNKNOWN if value is None else write(value))


def _licence(one: Contender, allowed: list[str]) -> Breach | None:
    licence = one.facts.licence
    if not allowed or (licence is not None and licence.lower() in (name.lower() for name in allowed)):
        return None
    return Breach("licences", licence or units.UNKNOWN)


def in_words(limits: LimitsConfig) -> dict[str, str]:
    """Put the limits that are set into words, by their keys."""
    listed: list[tuple[str, Callable[[Any], str]]] = [
        ("max_latency_ms", lambda v: f"at most {units.short(units.millis(v))} for 95 of 100 single texts"),
        ("min_throughput", lambda v: f"at least {units.rate(v)}"),
        ("max_memory_mb", lambda v: f"at most {units.megabytes(v)} of memory"),
        ("max_dims", lambda v: f"at most {units.dimensions(v)}"),
        ("max_price", lambda v: f"at most {units.per_million(v)}"),
        ("local_only", lambda _: "no model behind an API"),
        ("licences", lambda v: f"licence {' or '.join(v)}"),
        ("tolerance", lambda v: f"{v:g} of quality may be given up for a cheaper model"),
    ]
    given = [(key, getattr(limits, key), write) for key, write in listed]
    return {
        key: write(value)
        for key, value, write in given
        if value not in (None, False, [], 0.0) or (key, value) == ("max_price", 0.0)
    }
