"""From figures to a verdict, and the verdict in plain words.

A data set is `improved` when the 95% interval of tuned - base lies above 0, `regressed` when it lies below, and the randomisation
test agrees (p of `LEVEL` at most); else `no_evidence`. The two part where few items changed: of 50 queries with 4 that gained,
resamples without any of these are rarer than 2.5%, but one in eight ways to draw the four signs is as one-sided.
Where cross-validation was done, its interval decides, unless the model that is shipped is the base itself (`no_evidence`).
Where the rows say which items belong together, whole groups are resampled, and their number stands for that of the items.
A run is `improved` when at least one data set is and none regressed, `mixed` when both occur, `regressed` when some regressed
and none improved, else `no_evidence`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from train.wording import BASE_AND_TUNED, Sides, change, counted, fraction, interval, metric_name, sentence_case, things

if TYPE_CHECKING:
    from train.evaluate.statistics import Comparison

DatasetVerdict = Literal["improved", "regressed", "no_evidence"]
RunVerdict = Literal["improved", "regressed", "mixed", "no_evidence"]

FailOn = Literal["regressed", "no_evidence"]
"""What `--fail-on` takes."""

FEWEST = 6
"""Fewer queries never settle anything: with five, even the same sign everywhere has p = 2 / 2^5 = 0.06 by chance."""

LEVEL = 0.05
"""A p-value above this is no evidence, whatever the interval."""

WIDE = 0.02
"""An interval that reaches further than this from the seen difference leaves open what people care about."""


class MetricPair(BaseModel):
    """One metric of both models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: float
    tuned: float


class CrossValidation(BaseModel):
    """What the rows say when each part of them is test in turn and the others train; `cross_validation` in report.json.

    The interval resamples the rows of all parts together. The models behind it share most of their training rows, so the true
    doubt is a little larger (Bengio and Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation", JMLR
    5, 2004).
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    folds: int = Field(ge=2, description="number of parts, and of models that were trained")
    n: int = Field(ge=1, description="queries or scored pairs judged, in all parts")
    groups: int | None = Field(None, ge=1, description="groups that these form and that were resampled, if rows name their group")
    base: float
    tuned: float
    delta: float
    ci95: tuple[float, float]
    p_value: float = Field(ge=0, le=1)
    verdict: DatasetVerdict

    @classmethod
    def of(cls, found: Comparison, folds: int) -> CrossValidation:
        """From a comparison over the items of all parts."""
        return cls(
            folds=folds,
            n=found.n,
            groups=found.groups,
            base=found.base,
            tuned=found.tuned,
            delta=found.delta,
            ci95=found.ci95,
            p_value=found.p_value,
            verdict=dataset_verdict(found.ci95, found.independent, found.p_value),
        )


class DatasetResult(BaseModel):
    """Tuned against base on one data set; one entry of `datasets` in report.json (`model_dump(mode="json")`).

    Read back, it passes over fields that a later version has added.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(description="the data set")
    kind: Literal["scored", "pair", "tuple"] = Field(description="kind of its rows")
    split: str = Field(description="what was judged: train, dev, test, or all")
    metric: str = Field(description="the primary metric")
    n: int = Field(ge=1, description="queries or scored pairs judged")
    groups: int | None = Field(None, ge=1, description="groups that these form and that were resampled, if rows name their group")
    base: float = Field(description="the base's value; retrieval 0..1, correlations -1..1")
    tuned: float = Field(description="the tuned model's value")
    delta: float = Field(description="tuned - base")
    ci95: tuple[float, float] = Field(description="95% interval of delta: low, high")
    p_value: float = Field(ge=0, le=1, description="two-sided, paired randomisation test")
    verdict: DatasetVerdict
    metrics: dict[str, MetricPair] = Field(default_factory=dict, description="all metrics of both models")
    test_sha256: str | None = Field(None, description="hash of what was judged; runs with equal ones can be compared")
    cross_validation: CrossValidation | None = Field(None, description="where test is small, what all rows say")
    kept_base: bool = Field(False, description="whether what was judged is the base itself, as nothing was better on dev")

    @property
    def settled(self) -> DatasetVerdict:
        """The verdict that counts: that of cross-validation where there is one, which stands on more items. What is the base
        itself is neither better nor worse, whatever such training does elsewhere."""
        return self.verdict if self.cross_validation is None or self.kept_base else self.cross_validation.verdict

    def lines(self) -> list[DatasetResult]:
        """The result as it stands in tables: what cross-validation found, if anything, comes first, with a name that says so."""
        crossed = self.cross_validation
        if crossed is None:
            return [self]
        values = crossed.model_dump(exclude={"folds"})
        name = f"{self.name}, all {crossed.folds} parts"
        whole = self.model_copy(update={**values, "name": name, "metrics": {}, "cross_validation": None, "kept_base": False})
        return [whole, self.model_copy(update={"name": f"{self.name}, {self.split} alone"})]

    @classmethod
    def of(
        cls,
        found: Comparison,
        *,
        name: str,
        kind: str,
        split: str,
        metric: str,
        metrics: Mapping[str, MetricPair],
        test_sha256: str | None,
    ) -> DatasetResult:
        """The result that a comparison gives, with its verdict."""
        return cls.model_validate(
            {
                "name": name,
                "kind": kind,
                "split": split,
                "metric": metric,
                "n": found.n,
                "groups": found.groups,
                "base": found.base,
                "tuned": found.tuned,
                "delta": found.delta,
                "ci95": found.ci95,
                "p_value": found.p_value,
                "verdict": dataset_verdict(found.ci95, found.independent, found.p_value),
                "metrics": dict(metrics),
                "test_sha256": test_sha256,
            }
        )


def dataset_verdict(ci95: tuple[float, float], n: int, p_value: float) -> DatasetVerdict:
    """The verdict on a data set from its interval (low, high), the number of queries, pairs or groups of them, and p."""
    low, high = ci95
    if n < FEWEST or p_value > LEVEL or low <= 0 <= high:
        return "no_evidence"
    return "improved" if low > 0 else "regressed"


def run_verdict(results: Sequence[DatasetResult]) -> RunVerdict:
    """The verdict on a run from those on its data sets; `no_evidence` when nothing was judged."""
    verdicts = {result.settled for result in results}
    match ("improved" in verdicts, "regressed" in verdicts):
        case (True, True):
            return "mixed"
        case (True, False):
            return "improved"
        case (False, True):
            return "regressed"
    return "no_evidence"


def fails(verdict: str, condition: FailOn) -> bool:
    """Whether a run's verdict is one that `--fail-on` makes a failure of.

    `regressed`: something got worse (regressed or mixed); `no_evidence`: nothing but `improved` passes.
    """
    return verdict in ("regressed", "mixed") if condition == "regressed" else verdict != "improved"


def queries_needed(result: DatasetResult | CrossValidation) -> int | None:
    """About how many queries or pairs would show the seen difference, four times out of five, as an interval without 0.

    The standard error is read off the interval (half its width / 1.96) and shrinks with the root of n; the usual formula for a
    power of 80% asks it to be |delta| / (1.96 + 0.84). None when no difference was seen or the interval has no width.
    """
    width = result.ci95[1] - result.ci95[0]
    if result.delta == 0 or width == 0:
        return None
    return math.ceil(result.n * ((1.96 + 0.84) / 1.96 * width / 2 / abs(result.delta)) ** 2)


def dataset_sentence(result: DatasetResult, sides: Sides = BASE_AND_TUNED) -> str:
    """One data set's verdict in a sentence or two, with its figures."""
    if result.cross_validation is not None:
        return _crossed_sentence(result, result.cross_validation, sides)
    before, after = sides.in_sentences()
    figures = f"{metric_name(result.metric)} {_figures(result, result.kind)}."
    if result.verdict != "no_evidence":
        word = "better" if result.verdict == "improved" else "worse"
        return f"{sentence_case(after)} is {word} than {before} on {result.name}: {figures}"
    sentence = f"There is no evidence that {after} differs from {before} on {result.name}: {figures}"
    return f"{sentence} {_why_not(result)}"


def _crossed_sentence(result: DatasetResult, crossed: CrossValidation, sides: Sides) -> str:
    """The verdict of cross-validation: it is about training with this recipe, of which the model that is shipped is one case."""
    before, _ = sides.in_sentences()
    figures = f"cross-validated {metric_name(result.metric)} {_figures(crossed, result.kind)} in {crossed.folds} parts."
    alone = f"{result.split.capitalize()} alone: {_figures(result, result.kind)}."
    if result.kept_base:
        alone += " The model that is shipped is the base itself: in this run nothing was better on dev."
    if crossed.verdict == "no_evidence":
        start = f"There is no evidence that such training makes a model that differs from {before} on {result.name}"
        return f"{start}: {figures} {_why_not(result.lines()[0])} {alone}"
    word = "better" if crossed.verdict == "improved" else "worse"
    return f"Training makes a model that is {word} than {before} on {result.name}: {figures} {alone}"


def _figures(found: DatasetResult | CrossValidation, kind: str) -> str:
    return (
        f"{fraction(found.base)} → {fraction(found.tuned)} ({change(found.delta)}, 95% interval {interval(found.ci95)}, "
        f"{counted(found.n, kind, found.groups)})"
    )


def _why_not(result: DatasetResult) -> str:
    low, high = result.ci95
    independent = result.groups or result.n
    if result.kept_base:
        return "What was judged is the base itself: nothing that the training made was better on dev."
    if low == high == 0:
        # nothing seen is nothing resampled; the rule of three (Hanley and Lippman-Hand 1983) says what may still change
        share = min(1.0, 3 / independent)
        most = f"{share:.0%}" if share >= 0.01 else f"{100 * share:.1g}%"
        return f"None of them changed, which leaves open a change in up to {most} of such {things(result.kind)}."
    if independent >= FEWEST and max(high - result.delta, result.delta - low) <= WIDE:
        return f"A difference beyond {fraction(max(abs(low), abs(high)))} either way is unlikely."
    if independent >= FEWEST and not low <= 0 <= high:
        few = f"Too few {things(result.kind)} changed to settle it"
        return (
            f"{few}: were the signs of their changes drawn at random, a difference like this would have p = {result.p_value:.2f}."
        )
    needed = queries_needed(result)
    if needed is None or needed <= result.n:
        return "The test set is too small to settle it."
    groups = None if result.groups is None else _rounded(math.ceil(needed / result.n * result.groups))
    many = counted(_rounded(needed), result.kind, groups)
    return f"The test set is too small to settle it: about {many} would be needed for a difference of this size."


def _rounded(count: int) -> int:
    """Two significant digits, upwards: the estimate is no better than that."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return math.ceil(count / unit) * unit


def verdict_lines(results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED) -> list[str]:
    """The run's verdict in plain words: for one data set its sentence, else a summary followed by a sentence for each."""
    if not results:
        before, after = sides.in_sentences()
        return [f"Nothing was judged, so there is no evidence that {after} differs from {before}."]
    sentences = [dataset_sentence(result, sides) for result in results]
    return sentences if len(results) == 1 else [_summary(results, sides), *sentences]


def verdict_sentence(results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED) -> str:
    """`verdict_lines` as running text."""
    return " ".join(verdict_lines(results, sides))


def _summary(results: Sequence[DatasetResult], sides: Sides) -> str:
    before, after = sides.in_sentences()
    subject = sentence_case(after)
    better, worse = (sum(result.settled == verdict for result in results) for verdict in ("improved", "regressed"))
    match run_verdict(results):
        case "improved":
            return f"{subject} is better than {before} on {better} of {len(results)} data sets and worse on none."
        case "regressed":
            return f"{subject} is worse than {before} on {worse} of {len(results)} data sets and better on none."
        case "mixed":
            return f"{subject} is better than {before} on {better} of {len(results)} data sets and worse on {worse}."
    return f"There is no evidence that {after} differs from {before} on any of {len(results)} data sets."
