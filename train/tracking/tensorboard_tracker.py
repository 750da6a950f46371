"""A run in TensorBoard: the figures that wandb gets, in event files in the run folder. No texts unless `tracking.log_texts`.

Nothing of the settings, arguments or paths is written, and no name of this machine.
"""

from __future__ import annotations

import math
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

from train.config.schema import TrainSettings
from train.console import say
from train.errors import TrackingError
from train.tracking.base import Page, Tracker
from train.tracking.destination import first_lines
from train.tracking.tables import (
    TableData,
    dev_figures,
    example_tables,
    result_columns,
    result_rows,
    summary_of,
    training_figures,
)
from train.wording import VERDICT_WORDS

FOLDER = "tensorboard"
"""In the run folder; `tensorboard --logdir` over the folder of runs shows each as RUN/tensorboard."""

FLUSH_SECONDS = 5
"""After this time a figure is on disk, and TensorBoard can show it."""


def load_writer() -> Callable[..., Any]:
    """Import the writer of event files.

    Raises:
        TrackingError: TensorBoard is not there, or cannot be imported.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except Exception as error:  # a broken installation raises whatever breaks in it
        raise TrackingError(
            f"tracking=tensorboard needs the package tensorboard, which cannot be imported: {first_lines(error)}",
            hint="install it (pip install tensorboard), or set tracking=none; report.html shows the same while the run goes on",
        ) from error
    writer: Callable[..., Any] = SummaryWriter
    return writer


def begin_tensorboard(config: TrainSettings, run: Path, *, new: bool, made: int | None) -> Tracker:
    """Begin the event files of a run, or continue them in a resumed session.

    Args:
        config: the resolved config.
        run: the run folder.
        new: remove the run folder if the files cannot be begun.
        made: optimiser steps that are not made again when the run continues; None: all of them.

    Raises:
        TrackingError: they cannot be begun.
    """
    try:
        tracker = TensorboardTracker(config, run, made)
    except BaseException:
        if new:
            shutil.rmtree(run, ignore_errors=True)
        raise
    say(f"tracking: {tracker.where()}")
    return tracker


class TensorboardTracker(Tracker):
    """One session of a run in TensorBoard.

    Args:
        config: the resolved config.
        run: the run folder.
        made: optimiser steps whose figures earlier sessions wrote; what these wrote of later ones is purged. None: all of them.

    Raises:
        TrackingError: the files cannot be begun.
    """

    def __init__(self, config: TrainSettings, run: Path, made: int | None) -> None:
        self._texts, self._runs, self._step = config.tracking.log_texts, run.parent, 0
        folder = run / FOLDER
        resumed = any(folder.glob("*tfevents*"))
        self._floor = -1.0 if not resumed else math.inf if made is None else made
        writer = load_writer()
        try:
            with patch("socket.gethostname", return_value="run"):  # which becomes part of the file's name
                purge = {"purge_step": made + 1} if resumed and made is not None else {}
                self._writer = writer(log_dir=str(folder), flush_secs=FLUSH_SECONDS, **purge)
        except Exception as error:  # whatever the system, or the library, raises
            raise TrackingError(
                f"tracking: {folder} cannot be written: {first_lines(error)}",
                hint="make room, or continue without a dashboard: tracking=none",
            ) from error
        self._trouble = False

    def where(self) -> str:
        """Say how to look at it."""
        return f"look at it with `tensorboard --logdir {shlex.quote(str(self._runs))}`"

    def log_training(self, step: int, figures: Mapping[str, float]) -> None:
        self._log(step, training_figures(figures))

    def log_scores(self, line: Mapping[str, Any], base: Mapping[str, float]) -> None:
        if not (figures := dev_figures(line, base)):
            return
        self._log(line["step"], figures)
        with self._surviving("figures"):
            self._writer.flush()  # before the checkpoint is saved, from which a resumed run continues behind this step

    def _log(self, step: int, figures: Mapping[str, float]) -> None:
        """Write figures, unless an earlier session did."""
        self._step = max(self._step, step)
        if step <= self._floor or self._trouble:
            return
        with self._surviving("figures"):
            for name, value in figures.items():
                self._writer.add_scalar(name, value, step)

    def log_report(self, report: Mapping[str, Any], page: Page, examples: Sequence[Mapping[str, Any]]) -> None:
        if self._trouble:
            return
        with self._surviving("the report"):
            for name, value in summary_of(report).items():
                is_figure = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                if is_figure and "/" in name:
                    self._writer.add_scalar(name, value, self._step)
            table = _markdown((result_columns(), result_rows(report)))
            self._writer.add_text("verdict", f"**{VERDICT_WORDS[report['verdict']]}**\n\n{table}", self._step)
            for name, found in (example_tables(examples) if self._texts else {}).items():
                self._writer.add_text(name, _markdown(found), self._step)
            self._writer.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._surviving("the end of the run"):
            self._writer.close()
        note = "incomplete; " if self._trouble else ""
        say(f"tracking: {note}{self.where()}")

    @contextmanager
    def _surviving(self, what: str) -> Iterator[None]:
        """Keep trouble with the files from troubling the run: it is said once, and nothing more is written."""
        try:
            yield
        except Exception as error:  # whatever a full disk, or the library, raises
            if not self._trouble:
                say(f"tracking: {what} could not be written, and nothing more will be ({first_lines(error)}); the run continues")
            self._trouble = True
            with suppress(Exception):
                self._writer.close()


def _markdown(table: TableData) -> str:
    """Return a table in Markdown; what its cells hold stays text."""
    columns, rows = table
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
