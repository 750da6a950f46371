"""What stands beside base and tuned: words alone, words together with either, and the default model. Light: no torch here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from train.evaluate.verdict import DatasetVerdict

ReferenceKind = Literal["words", "base_and_words", "tuned_and_words", "default_model", "first_base"]
"""BM25 alone; fused with the base; fused with tuned; the default model as it is published; and what the first of the runs that
lead to the base began with."""


class ReferenceResult(BaseModel):
    """Tuned against one reference on one data set; one entry of `references` in report.json."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dataset: str
    kind: ReferenceKind
    name: str = Field(description="what people call it")
    metric: str = Field(description="the primary metric")
    n: int = Field(ge=1, description="queries judged")
    value: float = Field(description="the reference's value")
    tuned: float = Field(description="the tuned model's value")
    delta: float = Field(description="tuned - reference")
    ci95: tuple[float, float] = Field(description="95% interval of delta: low, high")
    p_value: float = Field(ge=0, le=1)
    verdict: DatasetVerdict = Field(description="on tuned against the reference")
    margin: float
    as_good: bool | None = Field(
        None, description="whether the reference is shown to be worse than tuned by less than the margin"
    )


class FirstBaseResult(BaseModel):
    """Tuned against what the runs before this one began with; `first_base` in report.json."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field("", description="of the first base; empty where none of them could be judged")
    kind: str = Field("", description="where it was found, as of any model: folder, hub cache, package")
    runs: tuple[str, ...] = Field((), description="from it to the base, by the names of the runs, the oldest first")
    results: tuple[ReferenceResult, ...] = Field((), description="on each data set, by its primary metric")
    notes: tuple[str, ...] = Field((), description="what was not judged, and why")
