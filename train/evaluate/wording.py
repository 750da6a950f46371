"""How metrics, figures and verdicts are written for people; the terminal table and the page share it."""

from __future__ import annotations

from collections.abc import Mapping

METRIC_NAMES = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "recall@10": "Recall@10",
    "recall@100": "Recall@100",
    "map@10": "MAP@10",
    "spearman": "Spearman",
    "pearson": "Pearson",
}
"""Usual spelling of the metrics."""

VERDICT_WORDS = {"improved": "better", "regressed": "worse", "mixed": "mixed", "no_evidence": "unclear"}
"""One word for each verdict, so that colour never is the only sign of it."""


def metric_name(metric: str) -> str:
    """A metric as people write it; unknown ones as they are."""
    return METRIC_NAMES.get(metric, metric)


def fraction(value: float) -> str:
    """A metric's value with three decimals: 0.532."""
    return f"{value:.3f}"


def change(value: float) -> str:
    """A difference with its sign and three decimals: +0.089; a difference that rounds to zero has the sign +."""
    return f"{round(value, 3) + 0.0:+.3f}"


def interval(ci95: tuple[float, float] | list[float]) -> str:
    """An interval of a difference: "+0.075 to +0.103"."""
    return f"{change(ci95[0])} to {change(ci95[1])}"


def p_value(value: float) -> str:
    """A p-value with three decimals, or "<0.001"."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def things(kind: str) -> str:
    """What is counted in a data set of that row kind."""
    return "pairs" if kind == "scored" else "queries"


def duration(seconds: float) -> str:
    """A time in the two largest units that fit: "42 s", "6 min 40 s", "3 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def cost_lines(cost: Mapping[str, float]) -> list[tuple[str, str]]:
    """The `cost` of a report as (what, how much), leaving out what was not measured."""
    units = (
        ("train_seconds", "training", duration),
        ("train_rows_per_second", "training speed", lambda value: f"{value:,.1f} rows/s"),
        ("train_tokens_per_second", "tokens (padding not counted)", lambda value: f"{value:,.0f} tokens/s"),
        ("eval_seconds", "evaluation", duration),
        ("total_seconds", "everything", duration),
        ("peak_memory_mb", "peak memory", lambda value: f"{value:,.0f} MB"),
    )
    return [(label, write(value)) for key, label, write in units if (value := cost.get(key)) is not None]
