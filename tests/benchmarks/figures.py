"""Figures of the benchmarks: rates, ratios with intervals over interleaved rounds, and tables."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.benchmarks.workloads import BenchmarkError

Slice = Mapping[str, Any]
"""What one arm reports of one slice."""


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95% interval of the mean (Student's t); None for fewer than two values."""
    from scipy import stats

    if len(values) < 2:
        return None
    half = float(stats.t.ppf(0.975, len(values) - 1)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return mean - half, mean + half


def speed_ratio(slower: Sequence[float], faster: Sequence[float]) -> dict[str, Any]:
    """How many times faster one arm was, from the seconds that both took in each round on the same work.

    Returns:
        `value`, the geometric mean of the rounds' ratios; `ci95`, its interval from the logarithms (None for one round); the rest
        are the rounds' own ratios.
    """
    rounds = [a / b for a, b in zip(slower, faster, strict=True)]
    logs = [math.log(ratio) for ratio in rounds]
    found = interval(logs)
    return {
        "value": math.exp(sum(logs) / len(logs)),
        "ci95": None if found is None else [math.exp(end) for end in found],
        "min": min(rounds),
        "max": max(rounds),
        "rounds": rounds,
    }


def ratios(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """D/A and D/B, and B/A, as far as the arms were there: how many times faster the first is."""
    wanted = [("D", "A"), ("D", "B"), ("B", "A")]
    return {f"{x}/{y}": speed_ratio(seconds[y], seconds[x]) for x, y in wanted if x in seconds and y in seconds}


def paired_difference(first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
    """first − second, pair by pair: the mean with its 95% interval."""
    values = [a - b for a, b in zip(first, second, strict=True)]
    found = interval(values)
    return {"mean": float(np.mean(values)), "ci95": None if found is None else list(found), "values": values}


def summary(slices: Sequence[Slice], peak_flops: Mapping[str, float]) -> dict[str, Any]:
    """One arm's figures over its slices.

    Args:
        slices: `seconds`, `rows`, `tokens`, `flops`, `slots`, `forwarded_tokens` and memory of each.
        peak_flops: the measured matrix peaks by precision, in FLOP/s.

    Returns:
        Rates by second, shares in 0..1; `padding_efficiency` is None where nothing passed the embedding layer, `peak_share`
        where nothing passed the last linear layer, so that the precision is not known.
    """
    total = {key: sum(one[key] for one in slices) for key in ("seconds", "rows", "tokens", "flops", "slots", "forwarded_tokens")}
    seconds, precision = total["seconds"], slices[-1]["precision"]
    return {
        "rows_per_second": total["rows"] / seconds,
        "tokens_per_second": total["tokens"] / seconds,
        "padding_efficiency": total["forwarded_tokens"] / total["slots"] if total["slots"] else None,
        "peak_share": total["flops"] / seconds / peak_flops[precision] if precision in peak_flops else None,
        "precision": precision,
        "flops_per_second": total["flops"] / seconds,
        "seconds_per_slice": [one["seconds"] for one in slices],
        "tokens_forwarded_per_token": total["forwarded_tokens"] / total["tokens"],
        "peak_memory_mb": max(one["peak_memory_mb"] for one in slices),
        "peak_total_mb": max(one["peak_total_mb"] for one in slices),
        "peak_is_exact": all(one["peak_is_exact"] for one in slices),
    }


def check_same_work(work: Mapping[str, Sequence[Slice]]) -> bool:
    """Whether all arms forwarded the same tokens in each slice (an arm may forward equal texts once, or for gradients twice).

    Raises:
        BenchmarkError: they got other rows, or rows in another order.
    """
    for number, slices in enumerate(zip(*work.values(), strict=True)):
        seen = {one["rows_hash"] for one in slices}
        if len(seen) > 1:
            raise BenchmarkError(f"the arms {', '.join(work)} did not get the same rows in slice {number}")
    return all(len({one["tokens_hash"] for one in slices}) == 1 for slices in zip(*work.values(), strict=True))


def orders(arms: Sequence[str], rounds: int) -> list[list[str]]:
    """Who goes when: A B D, D A B, B D A, …, so that no arm always follows the same one or comes first."""
    return [[arms[(place - number) % len(arms)] for place in range(len(arms))] for number in range(rounds)]


def table(columns: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """Rows of figures, one column an arm.

    Args:
        columns: arm → figure → value.
        labels: figure → what it is called; decides order and choice.
    """
    width = max(len(label) for label in labels.values())
    lines = [" " * width + "".join(f"{arm:>14}" for arm in columns)]
    for key, label in labels.items():
        lines.append(f"{label:<{width}}" + "".join(f"{_shown(figures.get(key)):>14}" for figures in columns.values()))
    return "\n".join(lines)


def ratio_lines(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each ratio with its interval in words."""
    lines = []
    for name, ratio in found.items():
        sure = "one round" if ratio["ci95"] is None else f"95% interval {ratio['ci95'][0]:.2f} to {ratio['ci95'][1]:.2f}"
        lines.append(f"{name}: {ratio['value']:.2f} times as fast ({sure}; rounds {ratio['min']:.2f} to {ratio['max']:.2f})")
    return lines


def last_line(content: Mapping[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        if 0 < abs(value) < 0.001:
            return f"{value:.1e}"
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.0f}"
    return str(value)
