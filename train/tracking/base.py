"""What a tracker is: training figures, scores and the report go to it; the base class keeps silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

Page = Callable[[bool], str]
"""The report as HTML: with texts of the data set if the argument is true, otherwise without any."""


class Tracker:
    """Takes a run's figures. This one keeps none: that of `tracking=none`, and of every process but rank 0."""

    def log_training(self, step: int, figures: Mapping[str, float]) -> None:
        """Log loss, rates and speed at an optimiser step, see `train.fit.callbacks`."""

    def log_scores(self, line: Mapping[str, Any], base: Mapping[str, float]) -> None:
        """Log a line of scores.jsonl beside the base's score on each data set, so that a chart can show both."""

    def log_report(self, report: Mapping[str, Any], page: Page, examples: Sequence[Mapping[str, Any]]) -> None:
        """Log what the run came to: the content of report.json, its page, and the queries and pairs that changed most."""

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the tracking: the run is over, well or not."""
