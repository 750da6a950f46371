"""threshold.json beside the weights of a model: from which similarity on texts are taken for matches, and what that is worth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from train.errors import ModelError
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_record
from train.runs.records import Part, Record

if TYPE_CHECKING:
    from train.evaluate.thresholds import Figures, Rate

Use = Literal["search", "duplicates"]
"""What a threshold decides: whether the first document of a search is an answer, or whether two texts mean the same."""

FILE = RunFolder(Path()).threshold.name
"""In the folder of a model, also of one that lies outside of its run."""


class RateRecord(Part):
    """A share with its 95% interval."""

    value: float
    low: float
    high: float
    n: int = Field(description="of how many it is a share")


class FiguresRecord(Part):
    """What a threshold is worth on a split, see `train.evaluate.thresholds.Figures`."""

    n: int = Field(description="queries, or pairs")
    units: int = Field(description="of these that are independent")
    right: int = Field(description="queries whose first document is right, or pairs that are matches")
    share: float = Field(description="right / n")
    taken: int = Field(description="of n, whose similarity reaches the threshold")
    taken_right: int
    precision: RateRecord | None = Field(None, description="None where too few are taken or right")
    coverage: RateRecord = Field(description="share of n that is taken")
    found: RateRecord | None = Field(None, description="share of the right ones that is taken (recall)")
    mistaken: RateRecord | None = Field(None, description="share of the wrong ones that is taken")

    @classmethod
    def of(cls, found: Figures) -> FiguresRecord:
        """Return the record of what was found."""
        return cls.model_validate(asdict(found) | {"share": found.share})


class AtShare(Part):
    """Precision where another share of all is right."""

    share: float
    precision: RateRecord

    @classmethod
    def of(cls, share: float, found: Rate) -> AtShare:
        """Return the record of what was found."""
        return cls(share=share, precision=RateRecord.model_validate(asdict(found)))


class BaseThreshold(Part):
    """What the base would need for the same precision, and what its threshold does to the tuned model."""

    threshold: float | None = Field(None, description="None where dev gives none for the base")
    test: FiguresRecord | None = Field(None, description="the base at its own threshold")
    tuned: FiguresRecord | None = Field(None, description="the tuned model at that of the base")


class Threshold(Part):
    """A similarity from which on texts are taken for matches."""

    use: Use
    dataset: str
    data: str = Field("", description="fingerprint of the data set")
    similarity: Literal["cosine", "dot"]
    threshold: float
    precision_asked: float
    share_asked: float | None = Field(
        None, description="of right ones, for which the precision was asked; None: that of the data"
    )
    match_from: float | None = Field(None, description="score of a pair from which on it is a match, on the scale of the data")
    scale: tuple[float, float] | None = Field(None, description="of these scores")
    dev: FiguresRecord
    test: FiguresRecord
    at_share: tuple[AtShare, ...] = Field((), description="precision on test where another share of all is right")
    base: BaseThreshold | None = Field(None, description="None where the model is the base, or this is not here")


class ThresholdRecord(Record):
    """threshold.json: what was chosen for a model, one entry a use."""

    model_sha256: str | None = Field(None, description="of the weights for which they hold")
    made_at: str = ""
    thresholds: tuple[Threshold, ...]

    def of(self, use: Use) -> Threshold | None:
        """Return the threshold for a use, if there is one."""
        return next((one for one in self.thresholds if one.use == use), None)

    def holds_for(self, sha256: str | None) -> bool:
        """Tell whether it was chosen for weights of this SHA-256, as far as both are known."""
        return None in (sha256, self.model_sha256) or sha256 == self.model_sha256


def read_thresholds(model: Path) -> ThresholdRecord | None:
    """Read what lies in the folder of a model; None where there is nothing.

    Raises:
        BrokenRecord: it is damaged, or of a newer version.
    """
    path = model / FILE
    return read_record(path, ThresholdRecord) if path.is_file() else None


def threshold_for(model: Path, sha256: str | None, use: Use) -> Threshold:
    """Return the threshold that lies beside a model's weights.

    Raises:
        ModelError: there is none for this use, or it was chosen for other weights.
        BrokenRecord: it is damaged, or of a newer version.
    """
    record = read_thresholds(model)
    found = None if record is None else record.of(use)
    how = "choose one with embed-tune threshold RUN, or give the similarity as a number"
    if record is None or found is None:
        whose = "searches" if use == "search" else "duplicates"
        raise ModelError(f"{model} has no threshold for {whose} beside its weights ({FILE})", hint=how)
    if not record.holds_for(sha256):
        raise ModelError(f"{model / FILE} was chosen for other weights than these", hint=how)
    return found


def outdated_note(model: Path, sha256: str | None) -> str | None:
    """Return a warning where the threshold in the folder of a model was chosen for other weights, or cannot be read; None where
    all is well."""
    try:
        found = read_thresholds(model)
    except BrokenRecord as error:
        return f"{error.path} {error.why}"
    if found is None or found.holds_for(sha256):
        return None
    return f"{model / FILE} was chosen for other weights than these: thresholds move when a model is trained, so choose anew"


def threshold_sentences(model: Path) -> list[str]:
    """Return a sentence for each threshold that lies beside a model's weights, for its card; none where there is none."""
    found = read_thresholds(model)
    return [] if found is None else [threshold_sentence(one) for one in found.thresholds]


def threshold_sentence(one: Threshold) -> str:
    """Return what a threshold is worth, in a sentence."""
    test = one.test
    measured = "" if test.precision is None else f"{percent(test.precision)} of those on test are"
    asked = f"chosen on dev for a precision of {one.precision_asked:g}"
    if one.use == "search":
        what = f"From a {one.similarity} similarity of {one.threshold:g} on, take the first document of a search for an answer"
        whole = f"{percent(test.coverage)} of the test queries of {one.dataset} get one, and {measured} right"
        scope = f"where the first document of {test.share:.1%} of all queries is right, as there"
    else:
        what = f"From a {one.similarity} similarity of {one.threshold:g} on, take two texts for a match"
        whole = f"{measured} matches, and {percent(test.found)} of all matches in {one.dataset} are found"
        scope = f"where {test.share:.1%} of all pairs are matches, as there"
    at = next((one.precision for one in one.at_share if one.share == one_share), None) if (one_share := one.share_asked) else None
    known = "" if at is None else f"; where {one_share:.1%} are, it is {percent(at)}"
    return f"{what} ({asked}): {whole}, {scope}; where fewer are, precision is lower{known}."


def percent(rate: RateRecord | None) -> str:
    """Return a share with its interval: "93.8% (82.8% to 98.7%)"."""
    return "an unknown share" if rate is None else f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"
