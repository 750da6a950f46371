"""What the folders beside one another hold: finished runs, unfinished and damaged ones, and folders that are no runs.

Reading never fails: whatever is wrong with a folder becomes a sentence about it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import yaml

from data.errors import reason
from train.console import plain
from train.evaluate.headline import headline_of
from train.evaluate.results import DatasetResult
from train.evaluate.verdict import RunVerdict
from train.fit.checkpoints import list_checkpoints
from train.runs.folder import RunFolder
from train.runs.others import holds_others
from train.runs.progress_record import ProgressRecord, is_running, read_progress
from train.runs.read import BrokenRecord, read_audit, read_environment, read_report
from train.runs.records import RunReport
from train.runs.score_log import read_scores
from train.wording import BASE_AND_TUNED, Sides, time_left

State = Literal["finished", "running", "unfinished", "damaged", "foreign"]

STATE_WORDS: Mapping[State, str] = {
    "finished": "finished",
    "running": "running",
    "unfinished": "not finished",
    "damaged": "damaged",
    "foreign": "not a run",
}

_MOST_KEYS = 1000
"""Settings that are read of one config; ours have some eighty."""

_MOST_POINTS = 60
"""Points of a learning curve that are kept; a curve of more is thinned out."""

# libyaml reads a config fifteen times as fast, which matters with a thousand of them
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Run:
    """One folder.

    Attributes:
        name: of the folder, as people read it.
        link: of its page, relative and percent-encoded; None where it has none.
        state: how far it got.
        trouble: what is the matter, in a sentence; empty for a finished run with its page.
        hint: how to continue, in a sentence; may be empty.
        command: what to type for that; may be empty.
        verdict: key of `VERDICT_WORDS`; None where there is none.
        results: of each data set.
        primary: the result that stands for the run; None where there is none.
        sides: what the two models are called.
        base_model: name of the base; empty where it is not known.
        rows: training rows of all data sets; None where not known.
        cost: as in report.json.
        finished: when it was, in UTC; None where it was not.
        config: settings by dotted key, as text.
        curve: (step, dev score) pairs, thinned out.
        dev_gain: of what is shipped over the base, on dev; None where it is not known.
        is_evaluation: whether two models were judged here, and none was trained.
        ships_base: whether its model is the base itself: nothing was better on dev, or the gain of what was trained is unproven.
        progress: how far it is, where it goes on or was stopped.
    """

    name: str
    link: str | None = None
    state: State = "foreign"
    trouble: str = ""
    hint: str = ""
    command: str = ""
    verdict: RunVerdict | None = None
    results: tuple[DatasetResult, ...] = ()
    primary: DatasetResult | None = None
    sides: Sides = BASE_AND_TUNED
    base_model: str = ""
    rows: int | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    finished: datetime | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    curve: Sequence[tuple[int, float]] = ()
    dev_gain: float | None = None
    ships_base: bool = False
    is_evaluation: bool = False
    progress: ProgressRecord | None = None

    @property
    def status(self) -> str:
        """Its state as people read it; of an evaluation, that it is one."""
        return "evaluation" if self.is_evaluation else STATE_WORDS[self.state]

    @property
    def headline(self) -> DatasetResult | None:
        """The figures that stand for it, the same as on its page."""
        if self.verdict is None or self.primary is None:
            return None
        found = headline_of(self.results, self.verdict, self.primary.name)
        return None if found is None else found.line


def read_runs(folder: Path) -> list[Run]:
    """Return every folder in `folder` whose name does not begin with a dot, the last finished first, then by name.

    Those that hold comparisons or benchmarks are not among them, see `read_others`.
    """
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.is_dir()]
    runs = [read_run(path) for path in paths if RunFolder(path).is_run or not holds_others(path)]
    return sorted(runs, key=lambda run: -run.finished.timestamp() if run.finished else math.inf)


def read_run(folder: Path) -> Run:
    """Return what one folder holds."""
    name = plain(folder.name) or "?"
    try:
        return _read(folder, name)
    except OSError as error:
        return Run(name, state="damaged", trouble=f"It cannot be read: {error.strerror or error}.", hint="Check its permissions.")


def _read(folder: Path, name: str) -> Run:
    run = RunFolder(folder)
    here = {path.name for path in folder.iterdir()}
    steps = list_checkpoints(folder)
    if not run.is_run and not steps and not any(path.name in here for path in (run.page, run.scores, run.per_query)):
        return Run(name, trouble=f"It has neither a {run.config.name} nor a {run.report.name}.")
    obstacle, known = _settings(run)
    common = replace(Run(name, curve=_curve(folder)), **known)
    if run.report.name not in here:
        return _unfinished(run, common, obstacle)
    judged = f"It cannot be judged again: {obstacle}" if obstacle else f"Remove {run.report.name} and judge the run again:"
    again = replace(common, hint=judged, command="" if obstacle else _resume(folder))
    try:
        report = read_report(folder)
    except BrokenRecord as error:
        return replace(again, state="damaged", trouble=_damage(error))
    has_page = run.page.name in here
    results = tuple(result.model_copy(update={"name": plain(result.name)}) for result in report.datasets)
    primary = report.primary_result
    return replace(
        common if has_page else again,
        link=f"{_link(folder)}/{run.page.name}" if has_page else None,
        state="finished",
        trouble="" if has_page else f"{run.page.name} is missing; {run.report.name} holds the figures.",
        verdict=report.verdict,
        results=results,
        primary=None if primary is None else results[report.datasets.index(primary)],
        sides=Sides(*map(plain, report.sides)),
        base_model=plain(report.base_model or common.base_model),
        cost=report.cost,
        finished=_finished(report, run.report),
        dev_gain=_dev_gain(report, folder),
        is_evaluation=report.labels is not None,
        ships_base=report.selection.withheld or report.selection.share == 0,
    )


def _dev_gain(report: RunReport, folder: Path) -> float | None:
    """Return what the shipped weights gain over the base on dev; older reports tell the checkpoint only."""
    try:
        scores = {line.step: line.dev for line in read_scores(folder) if line.dev is not None}
    except BrokenRecord:
        return None
    base = scores.get(0)
    chosen = base if report.selection.share == 0 or report.selection.withheld else report.selection.dev
    if chosen is None and report.best_step is not None:
        chosen = scores.get(report.best_step)
    return None if base is None or chosen is None else chosen - base


def _unfinished(run: RunFolder, common: Run, obstacle: str) -> Run:
    if obstacle:
        return replace(common, state="damaged", trouble=obstacle, hint="Start it again, or copy the whole folder again.")
    progress = read_progress(run.path)
    has_page = run.page.is_file() and progress is not None
    common = replace(common, progress=progress, link=f"{_link(run.path)}/{run.page.name}" if has_page else None)
    if progress is not None and is_running(progress):
        how_far = ", ".join(filter(None, (f"{progress.done:.0%} done", time_left(progress.left_seconds))))
        return replace(common, state="running", trouble=f"{how_far}: {plain(progress.phase)}.")
    steps = list_checkpoints(run.path)
    last = datetime.fromtimestamp(max(path.stat().st_mtime for path in run.path.iterdir()), UTC)
    what = f"The last checkpoint is that of step {max(steps):,}" if steps else "There is no checkpoint yet"
    stopped = f"{plain(progress.reason)}. " if progress is not None and progress.stopped and progress.reason else ""
    return replace(
        common,
        state="unfinished",
        trouble=f"{stopped[:1].upper()}{stopped[1:]}{what}; last written {last:%Y-%m-%d %H:%M} UTC.",
        hint="If it is no longer running, continue it:",
        command=_resume(run.path),
    )


def _settings(run: RunFolder) -> tuple[str, dict[str, Any]]:
    """Return why the run cannot be resumed (empty: it can), and what its config and audit tell."""
    missing = (file for file in (run.config, run.environment) if not file.exists())
    obstacle = next((f"{file.name} is missing." for file in missing), "")
    config: dict[str, str] = {}
    try:
        if run.config.exists():
            config = _config(run.config)
        if run.environment.exists():
            read_environment(run.path)
    except BrokenRecord as error:
        obstacle = _damage(error)
    return obstacle, {"config": config, "base_model": plain(config.get("model.name", "")), "rows": _rows(run.path, config)}


def _damage(error: BrokenRecord) -> str:
    return f"{error.path.name} {error.why}."


def _config(path: Path) -> dict[str, str]:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        if not isinstance(found, dict):
            raise BrokenRecord(path, "does not hold a mapping")
        return dict(islice(flatten(found), _MOST_KEYS))
    except (OSError, ValueError, yaml.YAMLError) as error:
        # the first line says what is wrong; others of YAML's show the place in the file
        raise BrokenRecord(path, f"cannot be read ({reason(error)})") from None
    except RecursionError:
        raise BrokenRecord(path, "contains itself") from None


def _rows(folder: Path, config: Mapping[str, str]) -> int | None:
    """Return the training rows by audit.json, of the data sets that the config trains on."""
    try:
        counts = [one.counts.get("rows_train", 0) for one in read_audit(folder).datasets]
        trained = [config.get(f"data.datasets.{i}.train", "true") == "true" for i in range(len(counts))]
        return sum(count for count, used in zip(counts, trained, strict=True) if used)
    except (BrokenRecord, ValueError):
        return None


def _curve(folder: Path) -> list[tuple[int, float]]:
    """Return dev scores by step; none where the file is damaged, which the run's state does not depend on."""
    try:
        points = [(line.step, line.dev) for line in read_scores(folder) if line.dev is not None]
    except BrokenRecord:
        return []
    stride = max(1, math.ceil(len(points) / _MOST_POINTS))
    return [point for i, point in enumerate(points) if i % stride == 0 or i == len(points) - 1]


def flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested mappings and lists as text, by dotted key: a tree that repeats itself costs nothing."""
    if isinstance(tree, (dict, list)) and tree:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif prefix:
        words = {None: "not set", True: "true", False: "false"}
        yield prefix, words[tree] if tree is None or isinstance(tree, bool) else str(tree)


def _finished(report: RunReport, path: Path) -> datetime:
    """Return when the run was finished, by the report or by the time of its file."""
    try:
        found = datetime.fromisoformat(report.finished_at or "")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _link(folder: Path) -> str:
    return f"./{quote(folder.name.encode('utf-8', 'surrogateescape'), safe='')}"


def _resume(folder: Path) -> str:
    return f"embed-tune train --resume {shlex.quote(str(folder))}"
