"""What several seeds of one training came to, on the same items; `seeds` in report.json."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from train.evaluate.needed import Needed
from train.evaluate.verdict import DatasetVerdict


class SeedResult(BaseModel):
    """What one seed made, judged on test also where dev would have kept the base."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    seed: int
    dev: float | None = Field(None, description="of what was judged; mean over the data sets that are trained on")
    tuned: float = Field(description="on test")
    delta: float = Field(description="tuned - base")
    kept_base: bool = Field(False, description="whether dev would have kept the base")
    shipped: bool = Field(False, description="whether the run ships this seed's choice: the best of all on dev")
    chosen: bool = Field(False, description="the best of all on dev, where the base is shipped as its gain is unproven")


class SeedsResult(BaseModel):
    """The mean of several seeds against the base on one data set."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    seeds: tuple[SeedResult, ...] = Field(min_length=2)
    n: int = Field(ge=1, description="queries or scored pairs judged")
    groups: int | None = Field(None, ge=1, description="groups that these form and that were resampled")
    base: float
    tuned: float = Field(description="mean of the seeds")
    delta: float
    sd: float = Field(description="standard deviation of the seeds' scores: the luck of training, measured")
    ci95: tuple[float, float] = Field(description="of delta; holds items and seeds")
    item_ci95: tuple[float, float] = Field(description="holds the items alone")
    p_value: float = Field(ge=0, le=1)
    verdict: DatasetVerdict
    against_scores: bool = Field(False, description="see `DatasetResult`")
    needed: tuple[Needed, ...] = Field((), description="as in `DatasetResult`, with the luck of as many seeds")
    failed: tuple[int, ...] = Field((), description="seeds whose training did not converge; they count nowhere else")

    def withheld(self) -> SeedsResult:
        """Return the same where the base is shipped instead of the best of them."""
        seeds = tuple(one.model_copy(update={"shipped": False, "chosen": one.shipped}) for one in self.seeds)
        return self.model_copy(update={"seeds": seeds})

    @property
    def kept_base(self) -> int:
        """Of how many seeds dev would have kept the base."""
        return sum(one.kept_base for one in self.seeds)
