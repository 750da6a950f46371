"""The learning curve as the page shows it: a line for each data set and for their mean, and a table of every checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from train import wording
from train.console import plain
from train.runs.records import ScoreLine, Selection
from train.runs.score_log import best_line, is_highest

COLOURS = 12
"""Colours of lines in the style sheet; more data sets begin again, with another pattern of dashes."""


class Line(NamedTuple):
    """One line: `values[i]` is its score at the i-th checkpoint, None where it was not judged."""

    number: int
    name: str
    css: str
    values: list[float | None]

    @property
    def dash(self) -> str:
        """Style of the pattern of dashes: four lines of one, then another, so that colour is not the only sign."""
        return f"dash{(self.number - 1) // 4 % 3}" if self.css != "mean" and self.number else ""


class Row(NamedTuple):
    """A checkpoint in the table. `change` is against the base, `seconds` training time; None where not known. `loses`
    tells whether the base is better on new documents."""

    step: int
    dev: float
    change: float | None
    scores: list[float | None]
    seconds: float | None
    note: str
    best: bool
    loses: bool = False


@dataclass(frozen=True)
class Curve:
    """What was scored on dev, in the order of steps; the base first where it was scored.

    Attributes:
        steps: of each checkpoint.
        lines: the mean first where there are several data sets.
        best: step of the checkpoint that was judged; None where no checkpoint was scored.
        has_base: whether the first entry is the base (step 0).
        rows: of the table.
        selection: what was judged and shipped.
    """

    steps: list[int]
    lines: list[Line]
    best: int | None
    has_base: bool
    rows: list[Row]
    selection: Selection

    @classmethod
    def of(
        cls,
        log: Sequence[ScoreLine],
        best_step: int | None = None,
        selection: Selection | None = None,
    ) -> Curve | None:
        """Return the curve; None when fewer than two lines have a dev score.

        Args:
            log: the lines of scores.jsonl.
            best_step: the checkpoint that was taken; by default as `best_line` does.
            selection: what was judged and shipped: the checkpoint itself by default.
        """
        scored = [line for line in log if line.dev is not None]
        if len(scored) < 2:
            return None
        found = best_line(scored)
        best = next((line.step for line in scored if line.step == best_step and best_step), found.step if found else None)
        names = list(dict.fromkeys(name for line in scored for name in line.datasets))
        mean = [line.dev for line in scored]
        if len(names) > 1:
            lines = [Line(0, f"mean of {len(names)} data sets", "mean", mean)]
            for number, name in enumerate(names, start=1):
                values = [line.datasets.get(name) for line in scored]
                lines.append(Line(number, plain(name), f"s{(number - 1) % COLOURS}", values))
        else:
            lines = [Line(0, plain(names[0]) if names else "dev", "s0", mean)]
        steps, selection = [line.step for line in scored], selection or Selection()
        return cls(steps, lines, best, steps[0] == 0, _rows(scored, lines[1:], best, selection), selection)

    @property
    def several(self) -> bool:
        """Tell whether there is more than one data set."""
        return len(self.lines) > 1

    @property
    def highest(self) -> float:
        """The highest score of a checkpoint, the base left out; there is at least one."""
        return max(row.dev for row in self.rows if row.step > 0)

    @property
    def summary(self) -> str:
        """Say what the curve says, in a sentence or two."""
        best = next((row for row in self.rows if row.best), None)
        if best is None:
            return ""
        against = "" if best.change is None else f" ({wording.change(best.change)} against the base)"
        what = "mean dev score" if self.several else "dev score"
        checkpoints = f"{len(self.steps) - self.has_base:,} checkpoints"
        if any(row.loses and row.dev > best.dev for row in self.rows):
            found = (
                f"Of {checkpoints}, that of step {best.step:,} is taken: what scores higher loses on documents that train did not"
                " teach"
            )
        elif best.dev == self.highest:
            found = f"The best of {checkpoints} is that of step {best.step:,}"
        else:
            found = (
                f"Of {checkpoints}, that of step {best.step:,} is the last whose score cannot be told apart from the highest, "
                f"{wording.fraction(self.highest)}"
            )
        judged = self._judged(best.dev)
        return f"{found}: {what} {wording.fraction(best.dev)}{against}. {judged}"

    def _judged(self, best: float) -> str:
        """Say what became of the best checkpoint, whose score on dev is `best`."""
        chosen = self.selection
        judged = wording.judged_sentence(
            chosen.share, as_good=chosen.dev == best, passed_over=chosen.passed_over, dev_choice=chosen.dev_choice
        )
        return f"{judged} The gain is unproven: the base is shipped." if chosen.withheld else judged

    @property
    def label(self) -> str:
        """Describe the drawing for somebody who hears it instead of seeing it."""
        return "Line chart of dev scores by training step. The figures are in the table that follows."

    @property
    def best_is_highest(self) -> bool:
        """Tell whether no checkpoint scored higher than the one that was judged."""
        return any(row.best and row.dev == self.highest for row in self.rows)


def _rows(scored: Sequence[ScoreLine], lines: Sequence[Line], best: int | None, selection: Selection) -> list[Row]:
    base = scored[0].dev if scored[0].step == 0 else None
    rows = []
    for i, line in enumerate(scored):
        assert line.dev is not None, "a line without a score is in no curve"
        note = (
            "base"
            if line.step == 0
            else wording.best_mark(selection.share, is_highest(line, scored))
            if line.step == best
            else ""
        )
        change = None if base is None or line.step == 0 else line.dev - base
        scores = [one.values[i] for one in lines]
        note = "; ".join(filter(None, (note, _parts_in_words(line))))
        rows.append(Row(line.step, line.dev, change, scores, line.train_seconds, note, line.step == best, line.loses_on_new))
    return rows


def _parts_in_words(line: ScoreLine) -> str:
    """Return what a checkpoint gained on documents that train taught and on new ones, of each data set where dev tells."""
    several = len(line.parts) > 1
    return "; ".join(
        f"{f'{plain(name)}: ' if several else ''}taught documents {wording.change(parts.taught.change)}, "
        f"new {wording.change(parts.new.change)} (standard error {wording.fraction(parts.new.noise)})"
        for name, parts in line.parts.items()
    )
