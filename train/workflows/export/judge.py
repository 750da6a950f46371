"""Whether an export is as good as its model: on the test of the run, with the statistics that every verdict has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import DataError
from data.spec import PromptSpec
from train.config.choices import Split
from train.deploy.exporting.proof import MOST
from train.encode.cache.cache import VectorCache
from train.encode.contract import Role
from train.encode.exported.encoder import ExportedEncoder
from train.encode.local import Encoder
from train.encode.prompts import prompted
from train.encode.protocol import TextEncoder
from train.encode.wrappers import wrapped
from train.errors import ConfigError
from train.evaluate.evaluator import compare, score_model
from train.evaluate.score import Scores
from train.evaluate.tasks import Task, build_task, texts_by_role
from train.plan.datasets import load_datasets
from train.runs.read import RunRecords
from train.wording import change, counted, interval, metric_name

CALIBRATION = 64
"""Texts of dev of each role on which int8 is chosen."""


@dataclass(frozen=True)
class Judged:
    """An export beside its model on one data set.

    Attributes:
        name: the data set.
        metric: the primary one.
        n: queries or pairs.
        kind: of the rows.
        original, export: values of the metric.
        delta: export - original.
        ci95: 95% interval of the difference.
        low95: its lower one-sided bound.
        margin: loss up to which it counts as not worse.
        not_worse: whether that is shown.
        same: the export gives the model's vectors up to rounding, so that there is nothing that a test could show.
    """

    name: str
    metric: str
    n: int
    kind: str
    original: float
    export: float
    delta: float
    ci95: tuple[float, float]
    low95: float | None
    margin: float
    not_worse: bool
    same: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return its entry of export.json."""
        return {**self.__dict__, "ci95": list(self.ci95)}

    def __str__(self) -> str:
        figures = (
            f"{self.name}: {metric_name(self.metric)} {self.original:.4f} → {self.export:.4f}, {change(self.delta)}"
            f" ({interval(self.ci95)}), {counted(self.n, self.kind)}"
        )
        if self.same and not self.not_worse:
            return f"{figures}: the same vectors up to rounding"
        if self.not_worse:
            bound = "" if self.low95 is None else f", the bound is {change(self.low95)}"
            return f"{figures}: not worse by {self.margin:g}{bound}"
        if self.low95 is None:
            return f"{figures}: not shown to be not worse by {self.margin:g}"
        return (
            f"{figures}: so few cannot rule out a loss of {-self.low95:.3f}, and {self.margin:g} is allowed"
            if self.few
            else (f"{figures}: not shown to be not worse by {self.margin:g}, the bound is {change(self.low95)}")
        )

    @property
    def few(self) -> bool:
        """Tell whether nothing was lost that matters, and only the number of queries is too small to show it."""
        return self.ci95[0] > -self.margin

    @property
    def kept(self) -> bool:
        """Tell whether the export is good enough here: not worse, or the same vectors, however few queries there are."""
        return self.not_worse or (self.same and self.delta > -self.margin)


@dataclass(frozen=True)
class Bench:
    """What exports of a run's model are judged on.

    Attributes:
        records: of the run.
        tasks: its tests, by data set name.
        prompts: with which the model reads them.
        scores: of the model.
        dev: texts by role, on which int8 may be chosen; they are used, and kept nowhere.
        cache: of vectors; None for none.
    """

    records: RunRecords
    tasks: Mapping[str, Task]
    prompts: Mapping[str, PromptSpec]
    scores: Mapping[str, Scores]
    dev: Mapping[Role, list[str]]
    cache: VectorCache | None = None

    def judge(self, exported: ExportedEncoder) -> list[Judged]:
        """Judge an export on every test."""
        settings = self.records.config
        same = exported.record.difference.largest <= MOST["fp32"]
        found = []
        for name, scores in _scored(self.tasks, self.prompts, exported, self.cache):
            one = compare(
                self.tasks[name],
                self.scores[name],
                scores,
                settings.training.seed,
                settings.evaluation.resamples,
                settings.evaluation.margin,
            )
            values = one.base, one.tuned, one.delta, one.ci95, one.low95, settings.evaluation.margin, bool(one.not_worse)
            found.append(Judged(name, one.metric, one.n, one.kind, *values, same=same))
        return found


def open_bench(records: RunRecords, encoder: Encoder, cache: VectorCache | None) -> Bench:
    """Read the data of a run again, as it was split, and score its model on test.

    Raises:
        ConfigError: no data set has a test.
        DataError: the data has changed since, or is not there.
    """
    prepared = load_datasets(records.config)
    for name, one in prepared.items():
        if one.fingerprint != records.environment.data.get(name):
            raise DataError(
                f"{name} is not what {records.folder.name} was trained and judged on: it has changed since",
                where=one.location,
                hint="put the old data back; or export without a judgement: --no-judge",
            )
    tasks = {name: build_task(one, Split.TEST) for name, one in prepared.items() if len(one.splits.get(Split.TEST, ()))}
    if not tasks:
        raise ConfigError(f"{records.folder.name} has no test", hint="export without a judgement: --no-judge")
    dev = {name: build_task(one, Split.DEV) for name, one in prepared.items() if len(one.splits.get(Split.DEV, ()))}
    shipped = records.report.selection.as_shipped
    specs = dict(zip(prepared, records.config.data.datasets, strict=True))
    prompts = {name: PromptSpec() if shipped else specs[name].prompts for name in tasks}
    scores = dict(_scored(tasks, prompts, encoder, cache))
    texts = {role: _spread(found) for role, found in texts_by_role(dev).items()}
    return Bench(records, tasks, prompts, scores, texts, cache)


def _scored(
    tasks: Mapping[str, Task], prompts: Mapping[str, PromptSpec], encoder: Encoder | ExportedEncoder, cache: VectorCache | None
) -> Iterator[tuple[str, Scores]]:
    """Yield the scores of a model on each task; data sets under one prompt share its vectors."""
    made: dict[PromptSpec, TextEncoder] = {}
    for name, task in tasks.items():
        own = prompts[name]
        if own not in made:
            made[own] = wrapped(prompted(encoder, own), cache=cache, remembered=True)
        yield name, score_model(task, made[own])


def _spread(texts: list[str]) -> list[str]:
    """Return some texts from all over a list."""
    step = max(1, len(texts) // CALIBRATION)
    return texts[::step][:CALIBRATION]
