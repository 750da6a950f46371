"""Parts of what was judged, each with its own gain: what was found on them, and what it says.

The two that matter most are queries whose documents train taught and queries whose documents are new to the model. A model may
learn which documents are answers; that carries over to new queries, but not to new documents.

No torch and no numpy here: reports are read without them. `slicing` computes what stands here.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from train.evaluate.verdict import DatasetVerdict, dataset_verdict

ALL = "all"
"""`by` of the slice that holds everything."""
DOCUMENTS = "documents"
"""`by` of the slices of taught and of new documents."""
TAUGHT, NEW = "taught", "new"
"""Names of these two."""

ENOUGH = 50
"""Queries from which on a part of taught or new documents is told in the verdict: with a spread of 0.3 a query, the interval of a
gain is then about ±0.08."""


class SliceResult(BaseModel):
    """Tuned against base on a part of the queries or scored pairs of a data set."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    by: str = Field(description="what divides the items: documents, query length, language, …")
    name: str = Field(description="the part")
    n: int = Field(ge=1, description="queries or scored pairs in it")
    groups: int | None = Field(None, ge=1, description="groups that these form and that were resampled")
    base: float
    tuned: float
    delta: float = Field(description="tuned - base")
    ci95: tuple[float, float] = Field(description="95% interval of delta: low, high")
    p_value: float = Field(ge=0, le=1)
    p_corrected: float | None = Field(
        None, ge=0, le=1, description="p after Holm's correction over the further slices; taught and new documents have none"
    )
    judged10_base: float | None = Field(None, description="share of judged documents among the first ten that the base finds")
    judged10_tuned: float | None = Field(None, description="the same of the tuned model")

    @property
    def verdict(self) -> DatasetVerdict:
        """What the part says by itself: of further slices, after the correction."""
        p = self.p_value if self.p_corrected is None else self.p_corrected
        return dataset_verdict(self.ci95, self.groups or self.n, p)


class DevGain(BaseModel):
    """What the judged model gained on dev, by which it was chosen: the best of several, and so a little flattered.

    Of retrieval, dev is searched among some documents only and is therefore higher than test; its gain can be compared.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    n: int = Field(ge=1, description="dev queries or scored pairs")
    base: float
    tuned: float
    delta: float = Field(description="tuned - base")


class TaughtAndNew(BaseModel):
    """The gains on queries whose documents train taught, and on those whose documents are new; None: there are none."""

    model_config = ConfigDict(frozen=True)

    taught: SliceResult | None
    new: SliceResult | None

    @classmethod
    def of(cls, slices: Sequence[SliceResult]) -> TaughtAndNew:
        """Pick the two out of all slices."""
        found = {one.name: one for one in slices if one.by == DOCUMENTS}
        return cls(taught=found.get(TAUGHT), new=found.get(NEW))

    @property
    def both(self) -> tuple[SliceResult, SliceResult] | None:
        """The two, where each has so many queries that its gain is told in the verdict."""
        if self.taught is None or self.new is None or min(self.taught.n, self.new.n) < ENOUGH:
            return None
        return self.taught, self.new

    @property
    def only_taught(self) -> bool:
        """Tell whether new documents do not gain, as far as can be seen, although taught ones do."""
        return self.both is not None and self.both[0].verdict == "improved" and self.both[1].verdict != "improved"

    @property
    def not_on_new(self) -> tuple[SliceResult, SliceResult] | None:
        """Both, where enough queries ask for new documents and these alone do not gain, as far as can be seen; taught ones may be
        fewer, or not gain alone either."""
        if self.taught is None or self.new is None or self.new.n < ENOUGH or self.new.verdict == "improved":
            return None
        return self.taught, self.new

    @property
    def hardly_new(self) -> bool:
        """Tell whether nearly all queries ask for documents that train taught, so that nothing is known about new ones."""
        taught, new = self.taught, self.new
        return taught is not None and taught.n >= ENOUGH and (new is None or new.n < ENOUGH)
