"""What a run of the recipe benchmark found, in a line that outlives the run and holds no text and no score of a data set.

Intervals over several seeds and between arms need the test items to be drawn alike for all of them. So the line has the metric
on `RESAMPLES` samples of the test items, which are the same for all runs on a data set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from train.runs.finished import FinishedRun, Values
from train.runs.score_log import read_scores

RESAMPLES = 1000
UNIT = 1e5
"""Drawn values are whole numbers of this part of 1."""


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        data, arm, seed: what was run.
        settings: of the arm, as given.
        metric: of the verdict.
        n: test items.
        test_sha256: of the test items; runs on others cannot be compared.
        base, tuned: the metric of both models.
        dev_base, dev: of the base and of the winner, on dev.
        step, share: of the winner, see `Winner`.
        verdict: of the report.
        seconds: of the whole run.
        chosen: what the recipe chose, in words.
        commit: of the code.
        hardware: in words.
        base_draws, draws: [RESAMPLES] the metric on samples of the test items, in `UNIT`.
    """

    data: str
    arm: str
    seed: int
    settings: list[str]
    metric: str
    n: int
    test_sha256: str
    base: float
    tuned: float
    dev_base: float | None
    dev: float | None
    step: int
    share: float
    verdict: str
    seconds: float
    chosen: list[str]
    commit: str
    hardware: str
    base_draws: list[int]
    draws: list[int]

    @property
    def key(self) -> tuple[str, str, int]:
        """What was run."""
        return self.data, self.arm, self.seed


def measured(run: FinishedRun, data: str, arm: str, seed: int, settings: Sequence[str]) -> Measured:
    """What a finished run on one data set found."""
    name = str(run.report.primary)
    result = run.results[name]
    values = run.values(name, "cosine" if result.kind == "scored" else result.metric)
    first = read_scores(run.folder)[0]
    winner = run.report.selection
    environment = {} if run.environment is None else run.environment.to_dict()
    return Measured(
        data=data,
        arm=arm,
        seed=seed,
        settings=list(settings),
        metric=result.metric,
        n=len(values.items),
        test_sha256=result.test_sha256,
        base=result.base,
        tuned=result.tuned,
        dev_base=first.dev,
        dev=winner.dev,
        step=winner.step,
        share=winner.share,
        verdict=result.verdict,
        seconds=run.report.cost["total_seconds"],
        chosen=list(environment.get("recipe", [])),
        commit=str(environment.get("git_revision")),
        hardware=_hardware(environment),
        base_draws=_draws(values, values.base),
        draws=_draws(values, values.tuned),
    )


def read_record(path: Path) -> dict[tuple[str, str, int], Measured]:
    """The lines of a record by what was run; none if there is no such file. Of several on one run the last counts."""
    if not path.is_file():
        return {}
    lines = [Measured(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return {line.key: line for line in lines}


def append(path: Path, line: Measured) -> None:
    """Add a line; processes that measure side by side may share the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line), separators=(",", ":")) + "\n")


def _draws(values: Values, of: Sequence[float]) -> list[int]:
    """The metric of one model on samples of the items, drawn with replacement, that depend on their number alone."""
    rng, n = np.random.default_rng(0), len(values.items)
    items, gold = np.array(of, dtype=float), np.array(values.gold, dtype=float) if values.has_gold else None
    return [round(UNIT * _value(items, gold, rng.integers(0, n, n))) for _ in range(RESAMPLES)]


def _value(items: np.ndarray, gold: np.ndarray | None, rows: np.ndarray) -> float:
    return float(items[rows].mean()) if gold is None else float(stats.spearmanr(items[rows], gold[rows]).statistic)


def _hardware(environment: Mapping[str, Any]) -> str:
    gpus = environment.get("gpus") or []
    return ", ".join(map(str, gpus)) if gpus else f"{environment.get('processor')}, {environment.get('threads')} threads"
