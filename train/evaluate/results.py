"""What a comparison found, data set by data set, and the verdict on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from train.config.schema import MARGIN
from train.evaluate.needed import Needed, needed
from train.evaluate.seeds import SeedsResult
from train.evaluate.slices import NEW, TAUGHT, DevGain, SliceResult, TaughtAndNew
from train.evaluate.verdict import LEVEL, DatasetVerdict, RunVerdict, dataset_verdict, not_worse

if TYPE_CHECKING:
    from train.evaluate.luck import Luck
    from train.evaluate.statistics import Comparison


class MetricPair(BaseModel):
    """One metric of both models."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    base: float
    tuned: float
    delta: float | None = Field(None, description="tuned - base; None in reports of earlier versions")
    ci95: tuple[float, float] | None = Field(None, description="95% interval of delta: low, high")


class BaseContract(BaseModel):
    """What the base reaches under one contract: that of its own files, or the one that the run's settings make."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(description="in words: as shipped, under the run's prompts")
    value: float = Field(description="primary metric")
    decides: bool = Field(description="whether the tuned model is compared with this one")
    as_shipped: bool = Field(False, description="whether it is that of the model's own files")


class PartResult(BaseModel):
    """What the model of one part of a cross-validation reached on that part, which the other parts trained."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    n: int = Field(ge=1, description="queries or scored pairs judged")
    base: float
    tuned: float
    delta: float = Field(description="tuned - base")


class CrossValidation(BaseModel):
    """What the rows say when each part of them is test in turn and the others train; `cross_validation` in report.json.

    The interval holds the items, which are resampled, and the luck of training, which the parts' models share in part and whose
    size is declared or measured (`train.evaluate.luck`). Judged is what training makes, also in parts where dev would have kept
    the base.
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
    against_scores: bool = Field(False, description="see `DatasetResult`")
    slices: tuple[SliceResult, ...] = Field((), description="the queries of all parts whose documents train taught, and the new")
    item_ci95: tuple[float, float] | None = Field(None, description="without luck of training; older runs had this alone")
    luck_sd: float | None = Field(None, description="standard deviation of a model's score by luck; None: not in the interval")
    luck_correlation: float | None = Field(None, description="of the luck of two parts' models; declared")
    luck_seeds: int | None = Field(None, description="seeds with which luck_sd was measured; None: it is declared")
    kept_base: int | None = Field(None, ge=0, description="parts whose dev would have kept the base; None: not known")
    needed: tuple[Needed, ...] = Field((), description="as in `DatasetResult`, with the luck of training")
    parts: tuple[PartResult, ...] = Field((), description="each part by itself; older reports have none")

    @classmethod
    def of(
        cls,
        found: Comparison,
        folds: int,
        *,
        against_scores: bool = False,
        items: Comparison | None = None,
        luck: Luck | None = None,
        kept_base: int | None = None,
        slices: Sequence[SliceResult] = (),
    ) -> CrossValidation:
        """Build it from a comparison over the items of all parts.

        Args:
            found: with the luck of training, where there is `luck`.
            folds: number of parts.
            against_scores: as in `DatasetResult`.
            items: the same without luck.
            luck: what was added.
            kept_base: parts whose dev would have kept the base.
            slices: as in `DatasetResult`.
        """
        return cls(
            item_ci95=None if items is None else items.ci95,
            luck_sd=None if luck is None else luck.sd,
            luck_correlation=None if luck is None else luck.correlation,
            luck_seeds=None if luck is None else luck.seeds,
            kept_base=kept_base,
            folds=folds,
            **found.figures(),
            verdict=dataset_verdict(found.ci95, found.independent, found.p_value, against_scores=against_scores),
            against_scores=against_scores,
            slices=tuple(slices),
        )


_SHARED = ("n", "groups", "base", "tuned", "delta", "ci95", "p_value", "verdict", "against_scores", "needed")
"""Fields that tables show of a cross-validation, and of seeds, as they do of a result."""


class DatasetResult(BaseModel):
    """Tuned against base on one data set; one entry of `datasets` in report.json (`model_dump(mode="json")`).

    Read back, it ignores fields that a later version has added.
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
    contracts: tuple[BaseContract, ...] = Field(
        (), description="of the base, where the run's settings change how texts are encoded; the better decides"
    )
    kept_base: bool = Field(False, description="whether what was judged is the base itself, as nothing was better on dev")
    withheld: bool = Field(False, description="whether the base is shipped and not what was judged, as its gain is unproven")
    passed_over: bool = Field(
        False,
        description="whether weights that scored higher on dev were not taken, as they lose on documents that are new there",
    )
    against_scores: bool = Field(
        False, description="whether the base ranks the pairs clearly against their scores, and nobody said which way these run"
    )
    seeds: SeedsResult | None = Field(None, description="where several seeds were trained, what they came to")
    slices: tuple[SliceResult, ...] = Field((), description="parts of what was judged, each with its own gain")
    looks: int | None = Field(
        None, description="tuned models under output_dir that were judged on this test so far, this one included, where known"
    )
    dev: DevGain | None = Field(None, description="what the judged model gained on the dev split that chose it")
    low95: float | None = Field(None, description="lower one-sided 95% bound of delta; older reports have none")
    high95: float | None = Field(None, description="upper one-sided 95% bound of delta")
    margin: float | None = Field(None, description="loss up to which the tuned model counts as not worse")
    not_worse: bool | None = Field(None, description="whether it is shown to lose less than that: low95 above -margin")
    spread: float | None = Field(None, description="standard deviation of a paired difference: standard error times sqrt(n)")
    unit: Literal["item", "group", "text"] | None = Field(
        None, description="what was resampled: items, groups of the user, or items that share a text; older reports do not say"
    )
    item_ci95: tuple[float, float] | None = Field(None, description="95% interval of single items, where others decide")
    unit_note: str = Field("", description="what was resampled, as a sentence, where that may surprise")
    needed: tuple[Needed, ...] = Field((), description="queries or pairs that a difference of each size takes, by the spread")
    p_run: float | None = Field(
        None,
        ge=0,
        le=1,
        description="the deciding p-value, corrected for all data sets of the run, a loss for all tests of it (see `holm`)",
    )
    p_test: float | None = Field(None, ge=0, le=1, description="p_value, corrected as p_run is, where another one decides")
    p_training: float | None = Field(
        None, ge=0, le=1, description="p-value of cross-validation or seeds, corrected for all data sets of the run"
    )

    @property
    def by_itself(self) -> DatasetVerdict:
        """The verdict on this data set as if it were the only one: that on training where there is one. What is the base itself
        is neither better nor worse, whatever such training does elsewhere."""
        return self.verdict if self.training is None or self.kept_base else self.training.verdict

    @property
    def deciding_p(self) -> float:
        """The p-value behind `by_itself`."""
        return self.p_value if self.training is None or self.kept_base else self.training.p_value

    @property
    def training(self) -> CrossValidation | SeedsResult | None:
        """What judges such training and not one model of it: cross-validation, which stands on more items, or several seeds."""
        return self.cross_validation or self.seeds

    @property
    def settled(self) -> DatasetVerdict:
        """The verdict that counts: `by_itself`, where it also holds among all data sets of the run (`p_run`)."""
        return "no_evidence" if self.p_run is not None and self.p_run > LEVEL else self.by_itself

    @property
    def shown_p(self) -> float:
        """The p-value that tables show beside `settled`."""
        return self.p_value if self.p_run is None else self.p_run

    @property
    def on_test(self) -> DatasetVerdict:
        """The verdict on the very model that was judged, by test alone and among all data sets of the run."""
        if self.training is None or self.kept_base:
            return self.settled
        return "no_evidence" if self.p_test is not None and self.p_test > LEVEL else self.verdict

    @property
    def ships_base(self) -> bool:
        """Whether model/ holds the base: nothing was better on dev, or the gain of what was judged is unproven."""
        return self.kept_base or self.withheld

    @property
    def on_training(self) -> DatasetVerdict:
        """The verdict on such training among all data sets of the run, also where the base is kept; of an only model its own."""
        if self.training is None or not self.kept_base:
            return self.settled
        return "no_evidence" if self.p_training is not None and self.p_training > LEVEL else self.training.verdict

    @property
    def shipped(self) -> DatasetVerdict:
        """The verdict on what is in model/, among all data sets of the run. The base is neither better nor worse.

        Cross-validation speaks for a model that it did not judge, unless test says the opposite; seeds do not.
        """
        if self.ships_base:
            return "no_evidence"
        if self.cross_validation is None or self.on_test == "regressed":
            return self.on_test
        return "no_evidence" if self.on_test == "improved" and self.settled == "regressed" else self.settled

    @property
    def counting(self) -> tuple[DatasetVerdict, ...]:
        """What this data set adds to the verdict on a run: better only where such training is, and what is shipped, too; worse
        where either is. Where the base is shipped instead of what was judged, nothing."""
        found = {self.settled, self.shipped}
        return () if self.withheld or found == {"improved", "no_evidence"} else tuple(found)

    @property
    def whole(self) -> RunVerdict:
        """The verdict on a run of this data set alone."""
        return overall(self.counting)

    @property
    def by_documents(self) -> TaughtAndNew:
        """The gains on documents that train taught and on new ones: of what decides, which may be the cross-validation."""
        crossed = self.cross_validation
        return TaughtAndNew.of(crossed.slices if crossed is not None and not self.kept_base else self.slices)

    def of_one_model(self) -> DatasetResult:
        """Return the result where both sides are the same model, weight for weight: on no query can one be worse."""
        return self.model_copy(update={"low95": 0.0, "high95": 0.0, "not_worse": True})

    def lines(self) -> list[DatasetResult]:
        """Return the result as tables show it: what cross-validation and seeds found, if anything, comes first, with names that
        say so. Below each come taught and new documents, where there are enough of both."""
        crossed, seeds = self.cross_validation, self.seeds
        if crossed is None and seeds is None:
            return [self, *self._by_documents()]
        judged = "the best seed on dev" if self.withheld else "the shipped model"
        alone = f"{self.name}, {self.split} alone" if crossed is not None else f"{self.name}, {judged}"
        found = [self.alone.model_copy(update={"name": alone})]
        if seeds is not None:
            found.insert(0, self._of_training(seeds, f"{self.name}, mean of {len(seeds.seeds)} seeds"))
        if crossed is not None:
            found.insert(0, self._of_training(crossed, f"{self.name}, all {crossed.folds} parts"))
        return [line for one in found for line in (one, *one._by_documents())]

    @property
    def alone(self) -> DatasetResult:
        """The result of the model that was judged, without what is known of other models of such training."""
        return self.model_copy(update={"cross_validation": None, "seeds": None, "p_run": self.p_test})

    def _of_training(self, found: CrossValidation | SeedsResult, name: str) -> DatasetResult:
        values = {field: getattr(found, field) for field in _SHARED} | {"slices": getattr(found, "slices", ())}
        values |= {"name": name, "metrics": {}, "kept_base": False}
        decides = self.p_training if self.kept_base else self.p_run
        values |= {"p_run": decides if found is self.training else None}
        return self.alone.model_copy(update=values | dict.fromkeys(("low95", "high95", "not_worse", "spread")))

    def _by_documents(self) -> list[DatasetResult]:
        both = None if self.kept_base else TaughtAndNew.of(self.slices).both
        return [
            DatasetResult(
                name=f"{self.name}, {word} documents",
                kind=self.kind,
                split=self.split,
                metric=self.metric,
                verdict=part.verdict,
                **part.model_dump(include={"n", "groups", "base", "tuned", "delta", "ci95", "p_value"}),
            )
            for word, part in zip((TAUGHT, NEW), both or (), strict=False)
        ]

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
        against_scores: bool = False,
        slices: Sequence[SliceResult] = (),
        margin: float = MARGIN,
    ) -> DatasetResult:
        """Return the result that a comparison gives, with its verdict."""
        return cls.model_validate(
            {
                "name": name,
                "kind": kind,
                "split": split,
                "metric": metric,
                **found.figures(),
                "verdict": dataset_verdict(found.ci95, found.independent, found.p_value, against_scores=against_scores),
                "against_scores": against_scores,
                "low95": found.low95,
                "high95": found.high95,
                "margin": margin,
                "not_worse": not_worse(found.low95, margin),
                "spread": found.spread,
                "unit": found.unit,
                "item_ci95": found.item_ci95,
                "unit_note": found.unit_note,
                "needed": needed(found.spread, margin, of_mean=kind != "scored"),
                "metrics": dict(metrics),
                "test_sha256": test_sha256,
                "slices": tuple(slices),
            }
        )


def run_verdict(results: Sequence[DatasetResult]) -> RunVerdict:
    """Return the verdict on a run from those on its data sets; `no_evidence` when nothing was judged.

    Where the results went through `train.evaluate.holm.together`, a run of many data sets on which nothing differs is called
    better, or worse, no more often than one of a single data set.
    A shipped model that is worse on test counts as well, whatever such training does elsewhere: then the run is `mixed` at best.
    Where several seeds are better but the one that is shipped is not shown to be, and where the base is shipped, it is
    `no_evidence`.
    """
    return overall([verdict for result in results for verdict in result.counting])


def overall(verdicts: Sequence[DatasetVerdict]) -> RunVerdict:
    """Return what verdicts on single data sets make together: `mixed` where some are better and some worse."""
    match ("improved" in verdicts, "regressed" in verdicts):
        case (True, True):
            return "mixed"
        case (True, False):
            return "improved"
        case (False, True):
            return "regressed"
    return "no_evidence"
