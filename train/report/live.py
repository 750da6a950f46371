"""The page of a run that goes on: `report.html` from its first minute, until the report of the finished run takes its place.

It is written anew as the run goes, and reloads itself. Writing it costs at most a hundredth of the time, and never stops a run.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from data.errors import reason
from data.storage import write_text
from train import wording
from train.config.load import dump_config
from train.console import detail, plain
from train.plan.plan import Plan
from train.report.drawing.picture import Table
from train.report.html_page import RELOADED_EVERY, build, live_data
from train.report.live_index import LiveIndex
from train.report.pictures.training import training_picture
from train.runs.folder import RunFolder
from train.runs.phases import WORDS
from train.runs.progress_record import PhaseRecord, ProgressRecord
from train.runs.read import BrokenRecord, read_report
from train.runs.records import RunReport, ScoreLine
from train.runs.score_log import read_scores
from train.runs.training_log import TrainingLine, read_training_log

EVERY = 5.0
"""Seconds between two versions of the page, where nothing happens that should be seen at once."""

LEAST_BETWEEN = 1.0
"""Seconds between two versions, whatever happens."""

MOST_OF_TIME = 0.01
"""Share of the time that writing the page takes at most."""


@dataclass(frozen=True)
class Facts:
    """What a run is, as its page says it.

    Attributes:
        rows: what and how: ("Base model", "e5-small").
        config: the settings, as YAML.
        checkpoints: how many will be judged on dev; 0 without a dev split.
    """

    rows: Sequence[tuple[str, str]] = ()
    config: str = ""
    checkpoints: int = 0

    @classmethod
    def of(cls, plan: Plan) -> Facts:
        """Return those of a plan."""
        recipe = plan.recipe
        several = len(set(recipe.batch_sizes.values())) > 1
        sizes = ", ".join(dict.fromkeys(f"{size:,}{f' ({name})' * several}" for name, size in recipe.batch_sizes.items()))
        epochs = f"{recipe.epochs:.3g}"
        rows = [("Base model", plan.config.model.name)]
        for name, prepared in plan.datasets.items():
            counts = {split: len(rows) for split, rows in prepared.splits.items()}
            told = ", ".join(f"{split} {counts[split]:,}" for split in ("train", "dev", "test") if split in counts)
            documents = "" if prepared.corpus is None else f"; {len(prepared.corpus):,} documents"
            rows.append((f"Data: {name}", f"rows: {told}{documents}"))
        rows += [
            ("Training", f"{recipe.max_steps:,} steps, {epochs} epoch{'s' * (epochs != '1')}"),
            ("Batch size", sizes),
            ("Learning rate", f"{recipe.learning_rate:.3g}"),
            ("On", f"{plan.encoder.model.device}, {'bf16' if plan.bf16 else 'fp32'}"),
        ]
        has_dev = any("dev" in plan.datasets[name].splits for name in plan.sets)
        checkpoints = len(recipe.evaluation_steps) if has_dev else 0
        return cls(tuple((what, plain(how)) for what, how in rows), dump_config(plan.config), checkpoints)


class FinishedPart(NamedTuple):
    """A run inside of the run that is finished: a seed, or a part of a cross-validation."""

    name: str
    report: RunReport


@dataclass(frozen=True)
class Live:
    """What is known of a run that goes on, or was stopped.

    Attributes:
        folder: of the run.
        record: how far it is.
        facts: what it is.
        training: the lines of training.jsonl.
        scores: the lines of scores.jsonl.
        parts: runs inside of it that are finished.
    """

    folder: Path
    record: ProgressRecord
    facts: Facts = Facts()
    training: Sequence[TrainingLine] = ()
    scores: Sequence[ScoreLine] = ()
    parts: Sequence[FinishedPart] = ()


@dataclass
class LivePage:
    """Writes the page of a run as it goes.

    Attributes:
        run: its folder.
        facts: what it is.
        clock: seconds that only grow.
    """

    run: Path
    facts: Facts
    clock: Callable[[], float] = time.perf_counter
    _next: tuple[float, float] = (float("-inf"), float("-inf"))
    _reports: dict[Path, RunReport] = field(default_factory=dict)
    _troubled: bool = False

    def __post_init__(self) -> None:
        self._index = LiveIndex(self.run.parent, self.clock)

    def __call__(self, record: ProgressRecord, at_once: bool) -> None:
        """Write the page where it is due.

        Args:
            record: how far the run is.
            at_once: something happened that should be seen.
        """
        began = self.clock()
        files = RunFolder(self.run)
        finished = files.is_finished
        if not (finished or record.stopped or began >= self._next[0 if at_once else 1]):
            return
        try:
            if not finished:
                write_text(files.page, render_live(self._gathered(record)))
            self._index(last=finished or record.stopped)
        except Exception as error:  # a page is not worth a run, whatever is the matter
            if not self._troubled:
                pages = f"{files.page.name} or the index beside it"
                detail(f"  note: {pages} cannot be written while the run goes on ({reason(error)}); the run continues")
            self._troubled = True
        ended = self.clock()
        pause = (ended - began) / MOST_OF_TIME
        self._next = (ended + max(LEAST_BETWEEN, pause), ended + max(EVERY, pause))

    def _gathered(self, record: ProgressRecord) -> Live:
        try:
            scores = read_scores(self.run)
        except BrokenRecord:
            scores = []
        return Live(self.run, record, self.facts, read_training_log(self.run), scores, self._parts())

    def _parts(self) -> list[FinishedPart]:
        files = RunFolder(self.run)
        places = [*sorted(files.seeds.glob("seed-*/")), *sorted(files.folds.glob("part-*/"))]
        for place in places:
            if place not in self._reports and RunFolder(place).is_finished:
                self._reports[place] = read_report(place)
        return [FinishedPart(place.name.replace("-", " "), self._reports[place]) for place in places if place in self._reports]


def live_page(plan: Plan, run: Path) -> LivePage:
    """Return what writes the page of a run as it goes."""
    return LivePage(run, Facts.of(plan))


def render_live(live: Live) -> str:
    """Return the page as a complete HTML document."""
    record, name = live.record, plain(live.folder.name)
    state = "stopped" if record.stopped else "running"
    share = f"{record.done:.0%}"
    return build(
        "live.html.j2",
        styles=["style.css", "page.css", "drawing.css", "live.css"],
        scripts=[] if record.stopped else ["shared.js", "reload.js"],
        data={"live": live_data(record.updated_at)},
        verdict="no_evidence",
        title=f"{'stopped' if record.stopped else share}: {name}",
        run=name,
        state=state,
        record=record,
        share=share,
        left="" if record.stopped else wording.time_left(record.left_seconds),
        phase=plain(record.phase),
        note=plain(record.note),
        why=plain(record.reason),
        resume=f"embed-tune train --resume {shlex.quote(str(live.folder))}",
        picture=training_picture(live.training, live.scores),
        dev=_dev_table(live),
        parts=_parts_table(live.parts),
        phases=_phases_table(record),
        facts=live.facts,
        every=RELOADED_EVERY,
    )


def _dev_table(live: Live) -> Table | None:
    """Return what each checkpoint scored on dev, against the base; None before the base was judged there."""
    lines = [line for line in live.scores if line.dev is not None]
    if not lines or live.facts.checkpoints == 0:
        return None
    base = lines[0].dev if lines[0].step == 0 else None
    names = list(lines[0].datasets) if len(lines[0].datasets) > 1 else []
    rows = []
    for line in lines:
        dev = line.dev or 0.0
        against = "" if base is None or line.step == 0 else wording.change(dev - base)
        each = [wording.fraction(line.datasets[one]) if one in line.datasets else "" for one in names]
        spent = "" if not line.train_seconds else wording.duration(line.train_seconds)
        rows.append(("base" if line.step == 0 else f"step {line.step:,}", wording.fraction(dev), against, *each, spent))
    judged = sum(line.step > 0 for line in lines)
    caption = f"{judged} of {live.facts.checkpoints} checkpoints; dev chooses one, and says nothing about test."
    headings = ("Checkpoint", "Mean on dev" if names else "Dev", "Against the base", *map(plain, names), "Training so far")
    return Table(caption, headings, rows)


def _parts_table(parts: Sequence[FinishedPart]) -> Table | None:
    rows = []
    for name, report in parts:
        for one in report.datasets:
            figures = (wording.fraction(one.base), wording.fraction(one.tuned), wording.change(one.delta))
            what = name if len(report.datasets) == 1 else f"{name}, {plain(one.name)}"
            rows.append((what, wording.metric_name(one.metric), *figures, f"{one.n:,}"))
    headings = ("Part", "Metric", "Base", "Tuned", "Change", "n")
    return Table("Each is a run of its own, judged on its own test.", headings, rows, words=(1,)) if rows else None


def _phases_table(record: ProgressRecord) -> Table | None:
    rows = [(WORDS.get(one.name, one.name), _how_far(one, record), _took(one)) for one in record.phases]
    headings = ("Phase", "Done", "Took")
    return Table("In the order in which they come; the time is that of what is done.", headings, rows) if rows else None


def _how_far(one: PhaseRecord, record: ProgressRecord) -> str:
    if one.units > 1:
        return f"{one.done:,.0f} of {max(one.units, one.done):,.0f}"
    if one.name == record.name:
        return "stopped here" if record.stopped else "now"
    return "yes" if one.done else "left out" if one.units == 0 else "not yet"


def _took(one: PhaseRecord) -> str:
    return wording.duration(one.seconds) if one.done and one.seconds >= 0.5 else ""
