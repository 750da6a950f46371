"""Measurements of speed that outlive the run: a file for each model, machine, sample of texts and way of measuring."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from data.storage import digest, write_json
from train.config.compare import MeasureConfig
from train.workflows.compare.machine import Machine
from train.workflows.compare.speed import Samples, Speed

FORMAT = 2
"""Raised when measurements of an earlier version may not be used any more."""
ROOM = "speed"
"""Folder of the measurements, below that of everything else that runs share."""


class SpeedFile:
    """Where the speed of one model on some texts is kept.

    Args:
        folder: of what all runs share.
        spaces: of the model: they stand for it, so that another model under the same name has another file.
        machine: that it runs on.
        samples, settings: what is measured, and how.
    """

    def __init__(self, folder: Path, spaces: Sequence[str], machine: Machine, samples: Samples, settings: MeasureConfig) -> None:
        how = settings.model_dump(include={"latency_texts", "throughput_texts", "batch_sizes", "seconds", "rounds"})
        parts = [FORMAT, list(spaces), vars(machine), digest(json.dumps([samples.single, samples.many])), how]
        self.path = folder / ROOM / f"{digest(json.dumps(parts, sort_keys=True))}.json"

    def read(self) -> Speed | None:
        """Read the measurement; None where there is none or it is damaged."""
        try:
            return Speed.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, speed: Speed) -> None:
        """Keep a measurement, if the disk takes it: without, it is only measured again."""
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, speed.as_json())
