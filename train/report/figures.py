"""The figures that stand for a run, for everything in `train.report`: settled in `train.runs.figures`."""

from train.runs.figures import headline_figure, verdict_line

__all__ = ["headline_figure", "verdict_line"]
