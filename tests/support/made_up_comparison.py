"""Models made up for the tests: their queries' values are drawn, everything else is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.storage import digest
from train.config.schema import ModelConfig
from train.encode.contract import EncodingContract
from train.evaluate.score import Scores
from train.evaluate.tasks import RetrievalTask, ScoredTask, Task
from train.resolve.facts import ModelFacts
from train.resolve.models import Candidate
from train.workflows.compare.machine import Machine
from train.workflows.compare.pricing import PriceTag
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.speed import Speed
from train.workflows.compare.worker import Failure, Outcome

QUERIES = 200


def task(name: str = "faq", queries: int = QUERIES) -> RetrievalTask:
    """Return a task in which each query has one document."""
    ids = [str(i) for i in range(queries)]
    texts = [f"question {i}" for i in ids]
    return RetrievalTask(name, "test", ids, texts, ids, [f"answer {i}" for i in ids], {i: {i: 1.0} for i in ids})


def scored_task(name: str = "sts", pairs: int = 120) -> ScoredTask:
    scores = np.linspace(0, 1, pairs)
    return ScoredTask(name, "test", [f"one {i}" for i in range(pairs)], [f"other {i}" for i in range(pairs)], scores)


def speed(p95: float = 10.0, rate: float = 100.0, memory: float | None = 600.0, **changes: Any) -> Speed:
    found = Speed(
        load_seconds=None if memory is None else 0.8,
        latency_p50_ms=0.8 * p95,
        latency_p95_ms=p95,
        latency_texts=100,
        texts_per_second=rate,
        best_batch=32,
        by_batch={8: 0.7 * rate, 32: rate},
        tokens_per_second=None if memory is None else 20 * rate,
        tokens_per_text=None if memory is None else 20.0,
        truncated=None if memory is None else 0.02,
        memory_mb=memory,
        device="api" if memory is None else "cpu",
        machine=Machine("api" if memory is None else "cpu", "A processor", 2, 2, "2.13"),
        busy=0.1,
        measured_at="2026-11-25T12:00:00+00:00",
    )
    return replace(found, **changes)


def contract(dimensions: int = 384) -> EncodingContract:
    return EncodingContract("", "", "", "nowhere", "mean", True, 256, dimensions, "cosine")


def scores_of(one: Task, quality: float, seed: int) -> Scores:
    """Return values whose mean is near `quality`; models share how hard a query is, so that pairs matter."""
    hard = np.random.default_rng(99).normal(0, 0.12, len(one))
    own = np.random.default_rng(seed).normal(0, 0.05, len(one))
    if isinstance(one, ScoredTask):
        similarities = one.scores * quality + (1 - quality) * np.random.default_rng(seed).random(len(one))
        return Scores("spearman", {"spearman": quality, "pearson": quality}, similarities=similarities)
    values = np.clip(quality + hard + own - own.mean() - hard.mean(), 0, 1)
    per_query = {"ndcg@10": values, "mrr@10": values * 0.9}
    return Scores("ndcg@10", {name: float(found.mean()) for name, found in per_query.items()}, per_query)


def judged(
    tasks: dict[str, Task],
    label: str,
    quality: float,
    *,
    seed: int = 0,
    dimensions: int = 384,
    timed: Speed | None = None,
    price: float | None = 0.0,
    api: Any = None,
    licence: str | None = "apache-2.0",
    text: str | None = None,
    same_as: str | None = None,
) -> tuple[Candidate, Outcome, PriceTag]:
    """Return one model with everything; with `text` put wherever a text of somebody else can stand."""

    def say(words: str) -> str:
        return words if text is None else text

    facts = ModelFacts(
        say(f"owner/{label}"), 22_700_000, 90_800_000, dimensions, 256, licence and say(licence), (say("en"),), api is None,
        {"licence": say("the card of the model")},
    )  # fmt: skip
    outcome = Outcome(
        facts=facts,
        contract=contract(dimensions),
        origin={"name": say(label), "kind": "folder", "revision": say("1110a243"), "sha256": say(digest(same_as or label))},
        notes=(say("mean pooling was added"),),
        spaces={"query": f"{same_as or label}-q", "document": f"{same_as or label}-d"},
        scores={name: scores_of(one, quality, seed) for name, one in tasks.items()},
        speed=timed,
        speed_kept=False,
        hits=10,
        computed=390,
        seconds=3.0,
        trouble=None if text is None else text,
    )
    tag = PriceTag(price, None if price is None else price / 10, 100_000, say("somewhere, 2026-11-25"))
    return (
        Candidate(say(label), ModelConfig(name=label, api=api), Path("checkpoints/x") if label == "tuned" else None),
        outcome,
        tag,
    )


def seven(text: str | None = None) -> tuple[dict[str, Task], Comparison]:
    """Seven models of all kinds on one data set, and two that failed."""
    tasks: dict[str, Task] = {"faq": task()}
    models = [
        judged(tasks, "all-MiniLM-L6-v2", 0.717, seed=1, timed=speed(12.0, 420.0, 610.0), text=text),
        judged(tasks, "checkpoints/tuned", 0.829, seed=2, timed=speed(12.5, 415.0, 612.0), text=text and text + "2"),
        judged(tasks, "intfloat/multilingual-e5-large", 0.826, seed=3, dimensions=1024, timed=speed(310.0, 11.0, 2900.0),
               licence="mit", text=text and text + "3"),
        judged(tasks, "random-bert-base", 0.021, seed=4, dimensions=768, timed=speed(95.0, 40.0, 1100.0), licence=None),
        judged(tasks, "openai:text-embedding-3-small", 0.79, seed=5, dimensions=1536, timed=speed(240.0, 900.0, None), price=0.02,
               api="openai", licence="proprietary"),
        judged(tasks, "voyage-3.5-lite", 0.822, seed=6, dimensions=1024, timed=speed(180.0, 800.0, None), price=0.02,
               api="voyage", licence="proprietary"),
        judged(tasks, "cohere:embed-english-v3.0", 0.801, seed=7, dimensions=1024, timed=speed(205.0, 700.0, None), price=0.1,
               api="cohere", licence="proprietary"),
    ]  # fmt: skip
    failures = {text or "nosuch/model": Failure(text or "there is no such model", text or "check the spelling")}
    return tasks, compare_all(tasks, models, failures, seed=0, resamples=500)


def report_of(comparison: Comparison) -> dict[str, Any]:
    """Return what the page reads of compare.json besides the models."""
    return {
        "samples": {"single": {"texts": 100, "role": "query"}, "many": {"texts": 512, "role": "document"}},
        "resamples": 500,
        "environment": {
            "packages": {"embed-tune": "0.1.0", "torch": "2.13"},
            "processor": "A processor",
            "cores": 2,
            "threads": 2,
        },
        "command": "embed-tune compare a b --data faq.csv",
        "finished_at": "2026-11-25T12:00:00+00:00",
    }
