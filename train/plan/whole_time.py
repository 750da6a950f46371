"""How long everything that a run will do takes, from the speed at which this machine encodes: said before the run begins."""

from __future__ import annotations

import time
from collections.abc import Mapping

from train.console import say
from train.encode.contract import Role
from train.encode.pace import LONGEST
from train.plan.phases import phases_of
from train.plan.plan import Plan
from train.runs.phases import Work
from train.runs.progress import paced
from train.wording import joined

SAMPLE = 96
"""Texts that are encoded to learn the speed; the first third of them warms up."""

GROUPS = {
    "training": ("training", "dev", "choice"),
    "judging": ("base", "test", "comparing", "report"),
    "other work": ("base_panel", "panel"),
    "references": ("references",),
    "further seeds": ("seeds",),
    "cross-validation": ("folds",),
}
"""Parts of a run as people say them, and the phases that they are made of."""


def expected(plan: Plan, pace: float, step_seconds: float | None = None) -> dict[str, float]:
    """Return the seconds of each part of a run.

    Args:
        plan: of the run.
        pace: characters that the base encodes a second.
        step_seconds: of an optimiser step, where it was measured.
    """
    work = Work(phases_of(plan, inner=False), pace)
    if step_seconds is not None:
        training = work.phase("training")
        training.characters, training.seconds = 0.0, step_seconds
    seconds = {name: work.whole_seconds(one) for name, one in work.phases.items()}
    return {part: total for part, names in GROUPS.items() if (total := sum(seconds.get(name, 0.0) for name in names)) > 0}


def encoding_pace(plan: Plan) -> float | None:
    """Return the characters that the base encodes a second, measured on a few texts of the run; None where there are none."""
    texts: list[str] = []
    for prepared in plan.datasets.values():
        table, column = (prepared.corpus, "text") if prepared.corpus is not None else (prepared.splits.get("test"), "sentence1")
        texts += [] if table is None else table[: SAMPLE // len(plan.datasets)][column]
    if len(texts) < 3:
        return None
    warm = len(texts) // 3
    plan.encoder.encode(texts[:warm], Role.DOCUMENT, False)
    began = time.perf_counter()
    plan.encoder.encode(texts[warm:], Role.DOCUMENT, False)
    return sum(min(len(text), LONGEST) for text in texts[warm:]) / max(time.perf_counter() - began, 1e-6)


def say_time(plan: Plan) -> None:
    """Say how long the run will take."""
    if (pace := encoding_pace(plan)) is not None:
        paced(pace)
        say(in_words(expected(plan, pace)))


def in_words(parts: Mapping[str, float]) -> str:
    """Return the time of a run in words: the whole, and what it is made of, which adds up to it as it is said."""
    shown = {part: rounded(seconds) for part, seconds in parts.items() if seconds >= 1}
    whole = sum(shown.values()) if shown else sum(parts.values())
    shares = [f"{_time(seconds)} of {part}" for part, seconds in shown.items()]
    return f"estimated time: about {_time(whole)} in all" + (f": {joined(shares)}" if len(shares) > 1 else "")


def rounded(seconds: float) -> float:
    """Return a time no more exact than an estimate is: whole seconds, tens of them from 10 on, minutes, tenths of an hour."""
    for least, unit in ((5400, 360), (90, 60), (10, 10)):
        if seconds >= least:
            return round(seconds / unit) * unit
    return round(seconds)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
