"""The index beside a run that goes on: where one was built, the run brings it up to date."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from train.report.index import NAME, is_index, write_index
from train.runs.others import read_others

EVERY = 10.0
"""Seconds between two versions of the index."""

MOST_OF_TIME = 0.005
"""Share of the time that writing the index takes at most: of a thousand runs it takes seconds."""


@dataclass
class LiveIndex:
    """Brings the index of the folder of runs up to date while one of them goes on.

    Attributes:
        folder: of the runs.
        clock: seconds that only grow.
    """

    folder: Path
    clock: Callable[[], float] = time.perf_counter
    _next: float = float("-inf")

    def __call__(self, *, last: bool = False) -> None:
        """Write the index where there is one and it is due.

        Args:
            last: the run has ended, so that nobody will write it later.

        Raises:
            OSError, EmbedTuneError: it cannot be written, or the folder cannot be read.
        """
        began = self.clock()
        if not (last or began >= self._next) or not is_index(self.folder / NAME):
            return
        write_index(self.folder, read_others(self.folder))
        ended = self.clock()
        self._next = ended + max(EVERY, (ended - began) / MOST_OF_TIME)
