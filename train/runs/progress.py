"""How far a run is: which phase, which share of all of it, how long it will still take. For the terminal, pages and the index.

The runs inside of a run (seeds, parts of a cross-validation) report into it. `begin`, `step` and `log_training` reach the
innermost run that goes on, and nobody where none is followed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from data.errors import EmbedTuneError, reason
from train.console import Progress, advance, detail, now
from train.distributed import is_main
from train.encode.pace import paced_by
from train.runs.folder import RunFolder
from train.runs.phases import WORDS, Phase, Work
from train.runs.progress_record import PhaseRecord, ProgressRecord, read_progress
from train.runs.training_log import TrainingLine, add_training_line, forget_training_after

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SAID_EVERY = 0.1
"""Seconds between two calls of `console.advance` within a phase."""

WRITTEN_EVERY = 2.0
"""Seconds between two versions of progress.json within a phase."""

SMOOTHED_OVER = 5.0
"""Seconds over which a new estimate of the end takes the place of the one before it."""


STEPS_TO_TRUST = 5
"""Steps of a session after which the speed of training is known well enough that it need not be named anew with each."""

MOST_DONE = 0.99
"""Share that is done at most until the run is finished."""


Watcher = Callable[[ProgressRecord, bool], object]
"""Gets each new record, and whether it stands for an event that should be seen at once."""


class RunProgress:
    """How far one run is.

    `done` never goes back. A run inside of another one is a unit of the phase that the other one is in.

    Args:
        outer: the run that this one is part of; None for a run of its own.
        clock: seconds that only grow.
    """

    def __init__(self, outer: RunProgress | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.outer, self.clock = outer, clock
        self.work: Work = Work([Phase("reading")], None if outer is None else outer.work.pace)
        self.run: Path | None = None
        self.name, self.words, self.note = "reading", WORDS["reading"], ""
        self.done = 0.0
        self._reckoned = self.clock()
        self._page: Watcher = _unseen
        self._began_at = now()
        self._since = clock()
        self._characters = 0.0
        self._heard_at: float | None = None
        self._measured_seconds, self._measured_characters = 0.0, 0.0
        self._end: tuple[float, float] | None = None  # when all will be done, smoothed, and when that was reckoned
        self._said = self._written = -math.inf
        self._inner: RunProgress | None = None
        self._troubled = False
        self._loss: float | None = None
        self._steps = 0
        if outer is not None:
            outer._inner = self

    def follow(self, run: Path, phases: Iterable[Phase], page: Watcher | None = None) -> None:
        """Take up the run in its folder, once it is known what will be done.

        Args:
            run: its folder.
            phases: what will be done from now on.
            page: gets each new record, and whether it stands for an event that should be seen at once.
        """
        reading = Phase("reading", done=1.0, spent=self.clock() - self._since)
        self.run, self.work = run, Work([reading, *phases], self.work.pace)
        self._since, self._page = self.clock(), page or self._page
        if (before := read_progress(run)) is not None:
            self._began_at = before.began_at or self._began_at
        self.tick(at_once=True)

    def continued(self, step: int, seconds: float, judged: int, judging_seconds: float) -> None:
        """Count what earlier sessions did, and drop what they logged of steps that are made again.

        Args:
            step: that the last complete checkpoint is of; 0 without one.
            seconds: that training took up to there.
            judged: checkpoints that were judged on dev up to there.
            judging_seconds: that this took.
        """
        training, dev = self.work.phase("training"), self.work.phase("dev")
        training.done, training.spent = float(step), seconds
        dev.done, dev.spent = float(judged), judging_seconds
        if (run := self.run) is not None:
            self._surviving("training.jsonl", lambda: forget_training_after(run, step))

    def begin(self, name: str, words: str = "") -> None:
        """Begin a phase, or its next unit; what went on before is done."""
        self._end_unit()
        self.work.close_before(name)
        self.work.phase(name)
        self.name, self.words, self.note = name, words or WORDS[name], ""
        self._since, self._characters, self._heard_at = self.clock(), 0.0, None
        self.tick(at_once=True)

    def skip(self, name: str) -> None:
        """Note that a unit of a phase need not be done: an earlier session did it."""
        self.work.phase(name).units -= 1

    def _end_unit(self) -> None:
        self._inner = None
        if self.name != "training":  # whose units are steps
            one = self.work.phase(self.name)
            one.spent += self.clock() - self._since
            one.done += 1.0 if self.name != "reading" else 0.0  # which was done before the run had a folder

    def step(self, number: int) -> None:
        """Note that an optimiser step was made."""
        training, at = self.work.phase("training"), self.clock()
        training.spent += at - self._since
        training.done, self._since = float(number), at
        self._steps += 1
        if self._steps <= STEPS_TO_TRUST:  # what was expected gives way to what is measured at once
            self._root()._end = None
        if not self.note or at - self._root()._said >= SAID_EVERY:
            loss = "" if self._loss is None else f", loss {self._loss:.3f}"
            self.note = f"step {number:,} of {max(training.units, number):,.0f}{loss}"
        self.tick()

    def log_training(self, step: int, figures: Mapping[str, float]) -> None:
        """Append a line to training.jsonl."""
        line = TrainingLine.of(step, self.work.phase("training").spent, figures)
        self._loss = line.loss
        if (run := self.run) is not None:
            self._surviving("training.jsonl", lambda: add_training_line(run, line))

    def encoded(self, characters: int) -> None:
        """Note that so many characters were just encoded."""
        at = self.clock()
        if self.run is not None and self.name != "training" and self._inner is None:
            self._characters += characters
            if self._heard_at is not None:  # before the first of a phase lies more than encoding
                self._measured_seconds += at - self._heard_at
                self._measured_characters += characters
                if self._measured_seconds > 0:
                    self.work.measured_pace = self._measured_characters / self._measured_seconds
            self._heard_at = at
        self.tick()

    def left_seconds(self) -> float:
        """Return the seconds that the run will still take, by what is known."""
        inner = self._inner
        inside = None if inner is None or inner.run is None else inner.left_seconds()
        return self.work.left_seconds(self.name, self._elapsed(), self._characters, inside)

    def _elapsed(self) -> float:
        return 0.0 if self.name == "training" else self.clock() - self._since

    def _is_known(self) -> bool:
        inner = self._inner
        return self.run is not None and self.work.all_known and (inner is None or inner.run is None or inner._is_known())

    def _reckon(self) -> float | None:
        """Bring `done` up to date. Returns the seconds that are left, smoothed; None where nothing was measured yet."""
        at, left = self.clock(), self.left_seconds()
        spent = self.work.spent + self._elapsed()
        if self.run is not None and spent + left > 0:
            since = max(at - self._reckoned, 0.0)
            # where the time that is left has grown, what was shown is too much: the rest of it is shared out anew
            moved = self.done + (1 - self.done) * since / (since + left) if since > 0 else self.done
            self.done = max(self.done, min(max(spent / (spent + left), moved), MOST_DONE))
            self._reckoned = at
        if not self._is_known():
            return None
        end = at + left
        if self._end is not None:
            before, when = self._end
            end = before + (end - before) * (1 - math.exp(-(at - when) / SMOOTHED_OVER))
        self._end = (end, at)
        return max(end - at, 0.0)

    def _root(self) -> RunProgress:
        return self if self.outer is None else self.outer._root()

    def _in_words(self) -> str:
        return self.words if self._inner is None else f"{self.words}: {self._inner._in_words()}"

    def _innermost(self) -> RunProgress:
        return self if self._inner is None else self._inner._innermost()

    def tick(self, at_once: bool = False) -> None:
        """Say and write how far the whole run is, where that is due.

        Args:
            at_once: something begins that should be seen.
        """
        if self.outer is not None:
            self._root().tick(at_once)
            return
        at = self.clock()
        if not at_once and at - self._said < SAID_EVERY:
            return
        self._said = at
        left = self._reckon()
        note = self._innermost().note
        advance(Progress(self._in_words(), self.done, left, note))
        if self.run is not None and (at_once or at - self._written >= WRITTEN_EVERY):
            self._written = at
            self._write(self.record(left), at_once)

    def record(self, left: float | None) -> ProgressRecord:
        """Return what progress.json says now."""
        phases = [
            PhaseRecord(name=one.name, units=one.units, done=one.done, seconds=round(one.spent, 3))
            for one in self.work.phases.values()
        ]
        return ProgressRecord(
            phase=self._in_words(),
            name=self.name,
            done=round(self.done, 4),
            left_seconds=None if left is None else round(left, 1),
            note=self._innermost().note,
            began_at=self._began_at,
            updated_at=now(),
            phases=tuple(phases),
        )

    def _write(self, record: ProgressRecord, at_once: bool) -> None:
        if self.run is None or not is_main() or not self.run.is_dir():
            return
        path = RunFolder(self.run).progress
        self._surviving(path.name, lambda: record.write(path))
        self._page(record, at_once)

    def end(self, error: BaseException | None = None) -> None:
        """End with the run: progress.json goes, or says why it was stopped."""
        if self.outer is not None:  # which goes on
            return
        if error is not None and self.run is not None and not RunFolder(self.run).is_finished:
            self._write(self.record(None).model_copy(update={"stopped": True, "reason": _why(error)}), at_once=True)
            return
        if self.run is not None and is_main():
            self._surviving("progress.json", RunFolder(self.run).progress.unlink)
        if error is None:
            self.name, self.words, self.note, self.done, self._inner = "report", "finished", "", 1.0, None
            advance(Progress("finished", 1.0, 0.0))
            if self.run is not None and is_main():
                self._page(self.record(0.0), True)

    def _surviving(self, what: str, write: Callable[[], object]) -> None:
        """Write, on the main process; trouble with it is said once and never stops a run."""
        if not is_main():
            return
        try:
            write()
        except (OSError, ValueError) as error:
            root = self._root()
            if not root._troubled and not isinstance(error, FileNotFoundError):
                detail(f"  note: {what} cannot be written ({reason(error)}); the run continues")
                root._troubled = True


def _unseen(record: ProgressRecord, at_once: bool) -> None:
    """Show nobody."""


def _why(error: BaseException) -> str:
    if isinstance(error, EmbedTuneError):
        return error.what
    return "stopped by Ctrl-C" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {reason(error)}"


_followed: ContextVar[RunProgress | None] = ContextVar("_followed", default=None)


def followed(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Follow what a function carries out: one run, or one that is part of the run that is followed already."""

    @wraps(function)
    def follow_it(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        progress = RunProgress(_followed.get())
        token = _followed.set(progress)
        try:
            with paced_by(progress.encoded) if progress.outer is None else nullcontext():
                progress.tick(at_once=True)
                result = function(*args, **kwargs)
        except BaseException as error:
            progress.end(error)
            raise
        finally:
            _followed.reset(token)
        progress.end()
        return result

    return follow_it


def begin(name: str, words: str = "") -> None:
    """Begin a phase of the run that is followed, or its next unit.

    Args:
        name: of the phase, a key of `phases.WORDS`.
        words: what people read, where it is more than the phase: "cross-validation, part 2 of 5".
    """
    if (one := _followed.get()) is not None:
        one.begin(name, words)


def paced(pace: float) -> None:
    """Note how many characters a second the base of the run that is followed encodes, measured before it begins."""
    if (one := _followed.get()) is not None:
        one.work.measured_pace = pace


def skip(name: str) -> None:
    """Note that an earlier session did a unit of a phase of the run that is followed."""
    if (one := _followed.get()) is not None:
        one.skip(name)


def continued(step: int, seconds: float, judged: int, judging_seconds: float) -> None:
    """See `RunProgress.continued`."""
    if (one := _followed.get()) is not None:
        one.continued(step, seconds, judged, judging_seconds)


def step(number: int) -> None:
    """Note that an optimiser step of the run that is followed was made."""
    if (one := _followed.get()) is not None:
        one.step(number)


def log_training(number: int, figures: Mapping[str, float]) -> None:
    """Append figures of a step to training.jsonl of the run that is followed."""
    if (one := _followed.get()) is not None:
        one.log_training(number, figures)


def follow(run: Path, phases: Iterable[Phase], page: Watcher | None = None) -> None:
    """Take up the run that is followed in its folder, see `RunProgress.follow`."""
    if (one := _followed.get()) is not None:
        one.follow(run, phases, page)
