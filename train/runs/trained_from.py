"""Where a run's base came from, where that is the model of another run: one entry of environment.json."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from train.evaluate.verdict import RunVerdict


class EarlierRun(BaseModel):
    """One run of those that lead to a base."""

    model_config = ConfigDict(extra="allow", frozen=True)

    run: str = Field(description="its name")
    base: str = Field(description="what it was trained from, as it was named there")
    base_sha256: str | None = Field(None, description="of the weights file of that, where it is one")


class TrainedFrom(BaseModel):
    """The run whose model is the base."""

    model_config = ConfigDict(extra="allow", frozen=True)

    run: str = Field(description="its name")
    verdict: RunVerdict | None = Field(None, description="of its report; None where it was not finished")
    model_digest: str = Field(description="of every file of the model that decides vectors, see `model_digest`")
    chain: tuple[EarlierRun, ...] = Field((), description="that run and those before it, the newest first")
