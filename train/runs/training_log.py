"""`training.jsonl`: loss, learning rate and speed as training goes, a line each time that the trainer logs them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from data.storage import write_text
from train.runs.folder import RunFolder
from train.runs.records import Part

OWN = ("loss", "learning_rate", "grad_norm", "rows_per_second", "tokens_per_second")
"""Figures that a line has under their own names; those of data sets stand in `losses`."""


class TrainingLine(Part):
    """A line of training.jsonl: means since the line before it. What is not finite is left out."""

    step: int = Field(ge=0, description="optimiser step")
    seconds: float = Field(0.0, ge=0, description="of training up to here, judging left out, earlier sessions included")
    loss: float | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    rows_per_second: float | None = None
    tokens_per_second: float | None = None
    losses: dict[str, float] = Field(default_factory=dict, description="loss of each data set, where several train together")

    @classmethod
    def of(cls, step: int, seconds: float, figures: Mapping[str, float]) -> TrainingLine:
        """Return the line of figures as `train.fit.callbacks` hands them over."""
        sound = {name: float(value) for name, value in figures.items() if math.isfinite(value)}
        losses = {name.removeprefix("loss/"): value for name, value in sound.items() if name.startswith("loss/")}
        own = {name: sound[name] for name in OWN if name in sound}
        return cls.model_validate({"step": step, "seconds": round(seconds, 3), **own} | ({"losses": losses} if losses else {}))


def read_training_log(run: Path) -> list[TrainingLine]:
    """Read the lines of training.jsonl, ascending by step; none without the file. A line that a kill has torn is left out."""
    try:
        texts = RunFolder(run).training_log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found: dict[int, TrainingLine] = {}
    for text in texts:
        try:
            line = TrainingLine.model_validate(json.loads(text))
        except (ValueError, ValidationError):
            continue
        found[line.step] = line
    return [found[step] for step in sorted(found)]


def add_training_line(run: Path, line: TrainingLine) -> None:
    """Append a line.

    Raises:
        OSError: it cannot be written.
    """
    with RunFolder(run).training_log.open("a", encoding="utf-8") as file:
        file.write(_as_text(line))


def forget_training_after(run: Path, step: int) -> None:
    """Drop what was logged after the step from which a run continues, and a line that a kill has torn.

    Raises:
        OSError: it cannot be written.
    """
    path = RunFolder(run).training_log
    if path.is_file():
        write_text(path, "".join(_as_text(line) for line in read_training_log(run) if line.step <= step))


def _as_text(line: TrainingLine) -> str:
    return json.dumps(line.to_dict(), allow_nan=False) + "\n"
