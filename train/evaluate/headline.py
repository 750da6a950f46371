"""The figures that stand for a run, wherever one line must do: first line of its page, index, terminal and model card.

Which they are is settled here alone, so that no two places show different ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from train.evaluate.results import CrossValidation, DatasetResult
from train.evaluate.seeds import SeedsResult
from train.evaluate.verdict import RunVerdict
from train.wording import counted, fraction, metric_name


@dataclass(frozen=True)
class Headline:
    """The figures that stand for a run.

    Attributes:
        result: on the data set that stands for it.
        line: the line of that data set whose figures they are, as tables show it: of all parts of a cross-validation, of the mean
            of several seeds, or of the one model on test.
        found: the cross-validation, or the seeds, whose figures they are; None where they are those of the one model.
    """

    result: DatasetResult
    line: DatasetResult
    found: CrossValidation | SeedsResult | None = None

    @property
    def scope(self) -> str:
        """On what they stand: "150 queries of test", "all 5 parts, 2,865 queries", "mean of 3 seeds, 150 queries of test"."""
        if isinstance(self.found, CrossValidation):
            return f"all {self.found.folds} parts, {counted(self.line.n, self.line.kind, self.line.groups)}"
        of_split = scope(self.line)
        return of_split if self.found is None else f"mean of {len(self.found.seeds)} seeds, {of_split}"

    @property
    def figures(self) -> str:
        """Both scores: "nDCG@10 0.539 → 0.730 on python_api (150 queries of test)"."""
        both = f"{fraction(self.line.base)} → {fraction(self.line.tuned)}"
        return f"{metric_name(self.line.metric)} {both} on {self.result.name} ({self.scope})"


def scope(result: DatasetResult) -> str:
    """Return on what the figures of a result stand: "150 queries of test"."""
    judged = counted(result.n, result.kind, result.groups)
    return judged if result.split == "all" else f"{judged} of {result.split}"


def headline_of(results: Sequence[DatasetResult], verdict: RunVerdict, primary: str | None = None) -> Headline | None:
    """Return the figures that stand for a run; None where nothing was judged.

    They are those of the primary data set, unless the verdict does not come from it: then of the first one that says the same.

    Args:
        results: of its data sets.
        verdict: on the run.
        primary: name of the data set that stands for it; by default the first.
    """
    ordered = sorted(results, key=lambda one: one.name != primary)
    if not ordered:
        return None
    return headline_on(next((one for one in ordered if one.whole == verdict), ordered[0]))


def headline_on(result: DatasetResult) -> Headline:
    """Return the figures that decide on a data set.

    Cross-validation decides, unless the base itself was kept, or test shows that the shipped model is worse. The mean of several
    seeds does where it is what makes the verdict; elsewhere the one model does.
    """
    found: CrossValidation | SeedsResult | None = speaks_for_the_model(result)
    if result.seeds is not None and result.cross_validation is None and not result.kept_base:
        alone = result.whole != "improved" and (result.whole != "regressed" or result.on_test == "regressed")
        found = None if alone else result.seeds
    if found is None:
        return Headline(result, result if result.training is None else result.alone)
    return Headline(result, result.lines()[0], found)


def speaks_for_the_model(result: DatasetResult) -> CrossValidation | None:
    """Return the cross-validation where it speaks for the model that was judged as well; None where test alone does."""
    return None if result.kept_base or result.on_test == "regressed" else result.cross_validation
