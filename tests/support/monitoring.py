"""Windows of texts and what `embed-tune monitor` finds in them, for its tests."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import embed_tune
from train.resolve.monitor import MonitorRequest, MonitorTask
from train.resolve.vectors import TextChoice
from train.workflows.monitor.monitor import watch_window
from train.workflows.monitor.results import MonitorResult

KITCHEN = ["bake bread", "boil eggs", "roast a chicken", "season soup", "knead dough", "fry onions", "grill fish", "steam rice"]
GARDEN = [
    "prune roses",
    "plant tulips",
    "water tomatoes",
    "mow the lawn",
    "repot orchids",
    "trim hedges",
    "sow carrots",
    "graft apples",
]
ASKED = [
    "how do I {} without a mess",
    "what is the best way to {}",
    "can you {} in winter",
    "how long does it take to {}",
    "which tools do I need to {}",
    "what goes wrong when people {}",
]
WHO = ["for my family", "with children", "on a budget", "in a small flat", "after work", "before a party", "at night", "alone"]
FOREIGN = [
    "my router drops the wifi connection every {}",
    "the invoice of {} was charged twice",
    "reset the password of account {}",
    "the app crashes when I upload photo {}",
    "printer driver {} not found on windows",
    "database migration {} fails with a timeout",
]


def asked(count: int, seed: int) -> list[str]:
    """Different questions about kitchen and garden."""
    rng = random.Random(seed)
    every = [f"{how.format(what)} {who}?" for how in ASKED for what in (*KITCHEN, *GARDEN) for who in WHO]
    return rng.sample(every, count)


def foreign(count: int) -> list[str]:
    return [FOREIGN[number % len(FOREIGN)].format(number) for number in range(count)]


def answer(question: str) -> str:
    return f"To be asked {question.rstrip('?')} is common: begin early and be patient."


def make_place(folder: Path, tiny_model: Path) -> None:
    """Fill a folder with a run on 400 pairs, and with windows of 120 new questions and of foreign texts."""
    questions = asked(520, 1)
    with (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *((one, answer(one)) for one in questions[:400])])
    (folder / "fresh.txt").write_text("\n".join(questions[400:]) + "\n", encoding="utf-8")
    (folder / "foreign.txt").write_text("\n".join([*questions[400:420], *foreign(60)]) + "\n", encoding="utf-8")
    embed_tune.fine_tune(
        folder / "pairs.csv",
        model=tiny_model,
        output_dir=folder,
        name="first",
        settings={
            "model.device": "cpu",
            "training.max_steps": 2,
            "training.precision": "fp32",
            "evaluation.resamples": 100,
            "evaluation.references": "off",
            "evaluation.panel": "off",
            "data.split.dev": 0.3,
            "data.split.test": 0.3,
        },
    )


def monitored(run: Path, window: Path, **given: Any) -> MonitorResult:
    choice = TextChoice(str(window), given.pop("columns", ()))
    return watch_window(MonitorTask.of(MonitorRequest(run, choice, **given)))


def levels(found: MonitorResult) -> dict[str, str]:
    return {one.name: one.level if one.told else "untold" for one in found.checks}
