"""What a run came to, in few words for the reports: what is shipped, and the verdicts on it, on such training and on the run.

First line, summary, sentences, page, model card and `--fail-on` all say what stands here, so that they cannot contradict each
other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from train.evaluate.holm import holm
from train.evaluate.proven import is_proven
from train.evaluate.results import DatasetResult, overall, run_verdict
from train.evaluate.verdict import DatasetVerdict, RunVerdict, dataset_verdict

Ships = Literal["tuned", "kept", "withheld"]


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run.

    Attributes:
        results: of its data sets, corrected for their number (`train.evaluate.holm.together`).
        ships: what is in model/: what was trained; the base that was kept, as nothing was better on dev; or the base in place of
            what was judged, whose gain is unproven (`export.unproven=base`).
    """

    results: tuple[DatasetResult, ...]
    ships: Ships

    @classmethod
    def of(cls, results: Sequence[DatasetResult], *, kept: bool = False) -> RunFacts:
        """Return what results say; `kept`: the base was kept, which results do not say where nothing was judged."""
        withheld = any(result.withheld for result in results)
        kept = kept or (bool(results) and all(result.kept_base for result in results))
        ships: Ships = "withheld" if withheld else "kept" if kept else "tuned"
        return cls(tuple(results), ships)

    @cached_property
    def of_training(self) -> tuple[DatasetVerdict, ...]:
        """The verdict on such training, data set by data set."""
        if self.several:
            return tuple(result.on_training for result in self.results)
        return tuple(verdict for verdict, _ in with_declared_luck(self.results))

    @property
    def verdict(self) -> RunVerdict:
        """On the run; what is not shipped does not count."""
        return run_verdict(self.results)

    @property
    def training(self) -> RunVerdict:
        """On such training, whatever is shipped."""
        return overall(self.of_training)

    @property
    def shipped(self) -> RunVerdict:
        """On what is in model/."""
        return overall([result.shipped for result in self.results])

    @property
    def proven(self) -> bool:
        """Whether what is in model/ is shown to be better than the base somewhere."""
        return is_proven(self.results)

    @property
    def several(self) -> bool:
        """Whether more models of such training were judged than the one that may be shipped."""
        return any(result.training is not None for result in self.results)

    def trained(self, verdict: DatasetVerdict) -> tuple[DatasetResult, ...]:
        """Return the data sets on which such training has a verdict."""
        return tuple(one for one, found in zip(self.results, self.of_training, strict=True) if found == verdict)

    def judged(self, verdict: DatasetVerdict) -> tuple[DatasetResult, ...]:
        """Return the data sets on which what was judged has a verdict, whether it is shipped or not."""
        return tuple(one for one in self.results if one.model_copy(update={"withheld": False}).shipped == verdict)


def with_declared_luck(results: Sequence[DatasetResult]) -> list[tuple[DatasetVerdict, tuple[float, float]]]:
    """Return what one model of each data set says of others of its training: a verdict, among all data sets, and an interval that
    holds items and the luck that is declared."""
    from train.evaluate.luck import LUCK_SD, with_luck  # reports are read without SciPy
    from train.evaluate.statistics import Comparison

    wide = [
        with_luck(
            Comparison(one.n, one.base, one.tuned, one.delta, one.ci95, one.p_value, one.groups),
            LUCK_SD**2,
            bound=2.0 if one.kind == "scored" else 1.0,
        )
        for one in results
    ]
    corrected = holm([one.p_value for one in wide])
    return [
        (
            "no_evidence"
            if result.kept_base
            else dataset_verdict(found.ci95, found.independent, p, against_scores=result.against_scores),
            found.ci95,
        )
        for result, found, p in zip(results, wide, corrected, strict=True)
    ]
