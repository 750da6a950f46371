"""How training went: its loss, the learning rate, and dev against the base, over one axis of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance
from typing import Protocol

from train import wording
from train.console import plain
from train.report.drawing.lines import Panel, Series, line_chart
from train.report.drawing.picture import Picture, Table
from train.runs.records import ScoreLine

ROWS = 60
"""Lines of the table; of more logged steps every so many is listed."""
STEADY = 0.02
"""Change of the loss, as a share of it, that is called none."""
FEW = 6
"""With fewer points nothing is said of falling or rising: single batches differ by more."""
APART = 4
"""So many data sets have a panel each, as losses of different kinds have different scales; more share one."""

Points = Sequence[tuple[int, float]]


class TrainedStep(Protocol):
    """What was logged at a step: the means since the one before it."""

    @property
    def step(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def learning_rate(self) -> float | None: ...
    @property
    def losses(self) -> Mapping[str, float]: ...


def training_picture(log: Sequence[TrainedStep], scores: Sequence[ScoreLine] = ()) -> Picture | None:
    """Return the picture; None where fewer than two steps have a loss, as in runs of older versions.

    Args:
        log: the lines of training.jsonl, ascending by step.
        scores: the lines of scores.jsonl.
    """
    lost = [(line.step, line.loss) for line in log if line.loss is not None]
    if len(lost) < 2:
        return None
    rates = [(line.step, line.learning_rate) for line in log if line.learning_rate is not None]
    dev = _against_base(scores)
    by_set = _by_data_set(log)
    panels = _loss_panels(lost, by_set)
    if len(rates) > 1:
        panels.append(Panel("learning rate", [_series("learning rate", rates, "s5")], named=False, height=80.0))
    if len(dev) > 1:
        change = _series("dev", dev, "s3", signed=True)
        panels.append(Panel("dev score, change against the base", [change], signed=True, zero=True, named=False, height=120.0))
    names = wording.joined([panel.name for panel in panels])
    return Picture(
        name="training-picture",
        title="",
        sentence=_sentence(lost, by_set, dev),
        drawn=line_chart(panels, f"Line charts of {names}, by training step."),
        table=_table(log, dict(dev)),
        note="Loss is the mean over the steps since the point before; it is of the batches that trained, and no measure of"
        " quality. Dev is what chooses the checkpoint.",
    )


def _series(name: str, points: Sequence[tuple[int, float]], look: str, *, signed: bool = False) -> Series:
    write = wording.change if signed else lambda value: f"{value:.4g}"
    return Series(name, points, look, titles=[f"step {step:,}: {name} {write(value)}" for step, value in points])


def _against_base(scores: Sequence[ScoreLine]) -> list[tuple[int, float]]:
    """Return the change of dev at each step; none where the base was not scored."""
    known = [(line.step, line.dev) for line in scores if line.dev is not None]
    if not known or known[0][0] != 0:
        return []
    return [(step, dev - known[0][1]) for step, dev in known]


def _by_data_set(log: Sequence[TrainedStep]) -> dict[str, list[tuple[int, float]]]:
    """Return the loss of each data set by step; none where a single one is trained on, whose loss is that of the batches."""
    found: dict[str, list[tuple[int, float]]] = {}
    for line in log:
        for name, loss in line.losses.items():
            found.setdefault(name, []).append((line.step, loss))
    return found


def _loss_panels(lost: Points, by_set: Mapping[str, Points]) -> list[Panel]:
    if not by_set:
        return [Panel("training loss", [_series("loss", lost, "s0")], named=False)]
    lines = [
        _series(f"loss of {plain(name)}", points, f"s{number % APART}") for number, (name, points) in enumerate(by_set.items())
    ]
    if len(lines) > APART:
        return [Panel("training loss of each data set", lines)]
    return [Panel(f"training {line.name}", [line], named=False, height=140.0) for line in lines]


def _sentence(lost: Points, by_set: Mapping[str, Points], dev: Points) -> str:
    """Say how the loss went, of each data set where there are several: batches of different ones cannot be compared."""
    sets = by_set or {"": lost}
    parts = [f"the training loss{f' of {plain(name)}' * bool(name)} {_course(points)}" for name, points in sets.items()]
    said = f"Over {lost[-1][0]:,} steps {wording.joined(parts)}"
    if len(dev) > 1:
        step, change = dev[-1]
        said += f"; dev stands {wording.change(change)} against the base at step {step:,}"
    return f"{said}."


def _course(points: Points) -> str:
    """Return how a loss went from the first third of its points to the last; only what stands out of their noise is a change."""
    part = max(1, len(points) // 3)
    early, late = ([loss for _, loss in some] for some in (points[:part], points[-part:]))
    first, last = fmean(early), fmean(late)
    if len(points) < FEW:
        return f"was {first:.3g} at first and {last:.3g} at last" if len(points) > 1 else f"was {last:.3g}"
    noise = 2 * math.sqrt((variance(early) + variance(late)) / part)
    if abs(last - first) <= max(STEADY * abs(first), noise):
        return f"stayed about {fmean(loss for _, loss in points):.3g}"
    return f"{'fell' if last < first else 'rose'} from {first:.3g} to {last:.3g}"


def _table(log: Sequence[TrainedStep], dev: dict[int, float]) -> Table:
    steps = {line.step: line for line in log if line.loss is not None or line.learning_rate is not None}
    listed = sorted(steps)
    every = -(-len(listed) // ROWS)
    kept = sorted({*listed[::every], listed[-1], *dev})
    rows = []
    for step in kept:
        line = steps.get(step)
        loss, rate = (None, None) if line is None else (line.loss, line.learning_rate)
        rows.append(
            (
                f"{step:,}",
                "" if loss is None else f"{loss:.4g}",
                "" if rate is None else f"{rate:.3g}",
                "" if step not in dev else wording.change(dev[step]),
            )
        )
    more = f"; one of {every} logged steps" if every > 1 else ""
    return Table(
        f"Training loss and learning rate by step{more}", ("Step", "Loss", "Learning rate", "Dev against the base"), rows
    )
