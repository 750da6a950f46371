"""The page of a made-up run that has every picture."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.support.pages import extras_of, page_arguments, typed
from train.report.page import render
from train.report.pictures.similarities import QueryNearness, Similarities
from train.runs.records import RunReport


def page_with_pictures() -> str:
    """Return the page: queries and scored pairs, parts, seeds, a cross-validation, a panel with tried shares, a training log."""
    chance = random.Random(5)
    report, log, examples, extras = page_arguments()
    first, second = report["datasets"]
    first |= {"slices": _slices(), "seeds": _seeds()}
    second["cross_validation"] = _crossed()
    shares = (0, 0.25, 0.5, 0.75, 1)
    tried = [{"share": s, "dev": 0.4 + 0.12 * s - 0.05 * s * s, "panel": 0.7 - 0.06 * s * s + 0.01 * s} for s in shares]
    report["selection"] = {"step": 60, "share": 0.5, "dev": 0.45, "tried": tried}
    report["panel"] = {"parts": [_panel_part()], "base_choosing": 0.7}
    training = [
        SimpleNamespace(
            step=i, loss=2 * math.exp(-i / 18) + 0.6 + chance.gauss(0, 0.07), learning_rate=2e-5 * (1 - i / 61), losses={}
        )
        for i in range(1, 61)
    ]
    gold = tuple(chance.choice(range(6)) + 0.2 * chance.random() for _ in range(500))
    pairs = tuple(tuple(min(1.0, 0.2 + g / 5 * slope + chance.gauss(0, 0.1)) for g in gold) for slope in (0.5, 0.65))
    similarities = {
        "docs": Similarities(queries=(_near(chance, 0.58), _near(chance, 0.68)), threshold=0.57),
        "pairs two": Similarities(gold=gold, pairs=(pairs[0], pairs[1]), threshold=0.6),
    }
    more = replace(extras_of(extras), training=training, similarities=similarities)
    return render(RunReport.model_validate(report), typed(log), examples, more)


def _near(chance: random.Random, middle: float) -> QueryNearness:
    relevant = tuple(min(0.98, chance.gauss(middle, 0.12)) for _ in range(300))
    wrong = tuple(min(0.97, chance.gauss(0.5, 0.08)) for _ in relevant)
    both = zip(relevant, wrong, strict=True)
    ranks = tuple(1 if a > b else 2 + int(chance.expovariate(1 / (400 * (b - a) + 0.5))) for a, b in both)
    return QueryNearness(relevant, wrong, ranks)


def _slices() -> list[dict[str, Any]]:
    parts = [("documents", "taught", 0.12), ("documents", "new", 0.02)]
    parts += [("query length", "1 to 4 words", 0.06), ("query length", "more", -0.04)]
    return [
        {"by": by, "name": name, "n": 400, "base": 0.5, "tuned": 0.5 + delta, "delta": delta}
        | {"ci95": [delta - 0.03, delta + 0.03], "p_value": 0.001 if abs(delta) > 0.03 else 0.3}
        for by, name, delta in parts
    ]


def _seeds() -> dict[str, Any]:
    found = ((42, 0.02), (43, 0.0), (44, 0.01))
    seeds = [{"seed": i, "dev": 0.5, "tuned": 0.6 + x, "delta": 0.07 + x, "shipped": i == 42} for i, x in found]
    figures = {"base": 0.532, "tuned": 0.61, "delta": 0.08, "sd": 0.01, "ci95": [0.06, 0.1], "item_ci95": [0.065, 0.095]}
    return {"seeds": seeds, "n": 1225, "p_value": 0.001, "verdict": "improved"} | figures


def _crossed() -> dict[str, Any]:
    parts = [{"n": 49, "base": 0.5, "tuned": 0.5 + d, "delta": d} for d in (0.05, 0.01, -0.01, 0.06, 0.04)]
    figures = {"base": 0.5, "tuned": 0.53, "delta": 0.03, "ci95": [-0.005, 0.06], "p_value": 0.1, "verdict": "no_evidence"}
    return {"folds": 5, "n": 244, "parts": parts} | figures


def _panel_part() -> dict[str, Any]:
    figures = {"base": 0.7, "tuned": 0.69, "delta": -0.01, "ci95": [-0.02, 0.0], "p_value": 0.05, "not_worse": True}
    return {"name": "news", "kind": "pair", "metric": "ndcg@10", "n": 200} | figures
