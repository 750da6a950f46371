"""What `--dry-run` shows: everything that is settled before the first step, with an estimate of time and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from data.preview import SampleRow
from train.console import notebook_view
from train.plan.estimate import Estimate


@dataclass(frozen=True)
class DryRun:
    """A run as it would be.

    Attributes:
        config: the resolved settings, as YAML.
        sentences: the plan in words: the recipe with the reason for each choice.
        estimate: of time and memory.
        folds: further runs that cross-validation would add, 0 for none.
        samples: a few rows as they would be trained, by data set name; they are said while the data are read.
        elsewhere: on which other work base and tuned are judged, in a sentence.
        brief: the plan in a few lines.
    """

    config: str
    sentences: tuple[str, ...]
    estimate: Estimate
    folds: int = 0
    samples: Mapping[str, Sequence[SampleRow]] = field(default_factory=dict)
    elsewhere: str = ""
    brief: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the same as plain values."""
        return {
            "config": self.config,
            "plan": list(self.sentences),
            "estimate": self.estimate.to_dict(),
            "cross_validation_runs": self.folds,
            "other_work": self.elsewhere,
            "samples": {name: [asdict(row) for row in rows] for name, rows in self.samples.items()},
        }

    def in_brief(self) -> str:
        """Return the plan and what it takes, in a few lines."""
        lines = [*self.brief, *self.estimate.lines()]
        return "\n".join([*lines, "", "dry run: nothing was trained, no run folder was made (--verbose shows every setting)"])

    def __str__(self) -> str:
        lines = [*self.sentences, "", "resolved config:", self.config, *self.estimate.lines()]
        lines += filter(None, [self.elsewhere])
        if self.folds:
            lines.append(f"cross-validation: {self.folds} more runs, which the estimated time holds")
        return "\n".join([*lines, "dry run: nothing was trained, no run folder was made"])

    def _repr_html_(self) -> str:
        return notebook_view(str(self))
