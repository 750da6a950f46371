"""The phases of a run, and how long what is left of them will take, by what was measured so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

NOMINAL_PACE = 30_000.0
"""Characters a second that a model is taken to encode before anything was measured: all-MiniLM-L6-v2 on two cores. It decides how
large the share is that is done, never a time that is named."""

TRAINING_PASSES = 3
"""Forward passes that a training pass costs: forward, and twice as much backward."""

LEAST_LEFT = 0.05
"""Share of a phase that is always left until it has ended."""

WORDS = {
    "reading": "reading the data",
    "base": "judging the base",
    "base_panel": "judging the base on other work",
    "training": "training",
    "dev": "judging a checkpoint on dev",
    "choice": "choosing the weights",
    "test": "judging on test",
    "seeds": "further seeds",
    "panel": "judging on other work",
    "comparing": "comparing tuned with base",
    "folds": "cross-validation",
    "references": "judging BM25 and the default model",
    "report": "writing the report",
}
"""The phases in their order, as people say them."""

TOGETHER = ("training", "dev")
"""Phases that take turns: neither is over because the other begins."""


@dataclass
class Phase:
    """A kind of work, in units of about equal size: optimiser steps, checkpoints to judge, parts of a cross-validation.

    Attributes:
        name: a key of `WORDS`.
        units: how many there are to do.
        characters: that a unit encodes in forward passes; what is not known is 0.
        seconds: that a unit takes beside that.
        like: phases that a unit repeats, and how often: {"training": 1.0}. Takes precedence over `characters`.
        done: units that are done.
        spent: seconds that these took.
    """

    name: str
    units: float = 1.0
    characters: float = 0.0
    seconds: float = 0.0
    like: dict[str, float] = field(default_factory=dict)
    done: float = 0.0
    spent: float = 0.0

    @property
    def left(self) -> float:
        """Units that are left."""
        return max(self.units - self.done, 0.0)


class Work:
    """All phases of a run, in their order.

    Args:
        phases: what will be done.
        pace: characters a second that were measured in an earlier run on this machine; None where none was.
    """

    def __init__(self, phases: Iterable[Phase] = (), pace: float | None = None) -> None:
        order = list(WORDS)
        self.phases = {one.name: one for one in sorted(phases, key=lambda one: order.index(one.name))}
        self.measured_pace = pace

    def phase(self, name: str) -> Phase:
        """Return a phase; one that nobody foresaw is added."""
        return self.phases.setdefault(name, Phase(name))

    def close_before(self, name: str) -> None:
        """Take whatever comes before a phase for done: it began, so that nothing more of them will follow."""
        order = list(WORDS)
        for one in self.phases.values():
            earlier = order.index(one.name) < order.index(name)
            if earlier and not (one.name in TOGETHER and name in TOGETHER):
                one.units = one.done

    @property
    def pace(self) -> float | None:
        """Characters encoded a second: measured while texts were encoded, or by optimiser steps; None where neither was."""
        training = self.phases.get("training")
        if self.measured_pace is None and training is not None and training.characters and training.done and training.spent:
            return TRAINING_PASSES * training.characters * training.done / training.spent
        return self.measured_pace

    def is_known(self, one: Phase) -> bool:
        """Tell whether the seconds of a unit rest on a measurement."""
        if one.done or not (one.like or one.characters):
            return True
        if one.like:
            return all(self.is_known(self.phases[name]) for name in one.like if name in self.phases)
        return self.pace is not None

    def unit_seconds(self, one: Phase) -> float:
        """Return the seconds of a unit: what those took that are done, or what is expected."""
        if one.done > 0:
            return one.spent / one.done
        if one.like:
            repeated = ((self.phases[name], share) for name, share in one.like.items() if name in self.phases)
            return sum(share * self.whole_seconds(other) for other, share in repeated)
        passes = TRAINING_PASSES if one.name == "training" else 1
        return one.seconds + passes * one.characters / (self.pace or NOMINAL_PACE)

    def whole_seconds(self, one: Phase) -> float:
        """Return the seconds of a phase from its beginning to its end."""
        return one.spent + one.left * self.unit_seconds(one)

    def left_seconds(self, name: str, elapsed: float, characters: float, inside: float | None = None) -> float:
        """Return the seconds that everything will still take.

        Args:
            name: of the phase that goes on.
            elapsed: seconds since its present unit began; 0 where units are done as steps are made.
            characters: that were encoded since.
            inside: seconds that the present unit will still take, where a run inside of it knows.
        """
        total = sum(one.left * self.unit_seconds(one) for one in self.phases.values() if one.name != name)
        current = self.phases.get(name)
        if current is None:
            return total
        unit = self.unit_seconds(current)
        if inside is None:
            shares = (elapsed / unit if unit > 0 else 0.0, characters / current.characters if current.characters else 0.0)
            inside = unit * max(1 - max(shares), LEAST_LEFT)
        return total + max(current.left - 1, 0.0) * unit + min(current.left, 1.0) * inside

    @property
    def spent(self) -> float:
        """Seconds that everything took that is done."""
        return sum(one.spent for one in self.phases.values())

    @property
    def all_known(self) -> bool:
        """Tell whether every phase that is left rests on a measurement."""
        return bool(self.phases) and all(self.is_known(one) for one in self.phases.values() if one.left)
