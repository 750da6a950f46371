"""The settings of `embed-tune compare`: those for judging, and models, limits and measurements."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from data.spec import StrictModel, in_one_spelling
from train.config.schema import JudgeSettings, ModelConfig

MOST_MODELS = 26
"""Models of one comparison: each has a letter in the plots."""


class ModelEntry(ModelConfig):
    """One model of a comparison, with settings of its own where it needs some."""

    name: str = Field(min_length=1, description="folder, run, preset, model behind an API or Hub id")
    label: str | None = Field(
        None, min_length=1, max_length=80, description="name in tables and plots; by default the model's name"
    )


class LimitsConfig(StrictModel):
    """What a model must keep to be recommended. Models beyond a limit are measured and shown all the same."""

    _one_spelling = model_validator(mode="before")(in_one_spelling)

    max_latency_ms: float | None = Field(
        None, gt=0, description="latency in milliseconds that 95 of 100 single texts must not exceed"
    )
    min_throughput: float | None = Field(None, gt=0, description="minimum throughput in texts per second, at the best batch size")
    max_memory_mb: float | None = Field(
        None, gt=0, description="maximum peak memory in MiB: of the GPU where one is used, otherwise of the process"
    )
    max_dims: int | None = Field(None, ge=1, description="maximum number of dimensions of a vector")
    max_price: float | None = Field(None, ge=0, description="maximum price in US dollars per million tokens")
    local_only: bool = Field(False, description="true: no model behind an API, so that texts stay on this machine")
    licences: list[str] = Field(default_factory=list, description="allowed licences, by the Hub's ids; by default all")
    tolerance: float = Field(
        0.0, ge=0, lt=1, description="quality that may be given up for a cheaper model, as a fraction: 0.01 is one point of nDCG"
    )

    @field_validator("licences", mode="before")
    @classmethod
    def _one_licence(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class MeasureConfig(StrictModel):
    """How speed, size and price are measured."""

    latency_texts: int = Field(100, ge=5, description="number of single texts that are timed one after the other")
    throughput_texts: int = Field(512, ge=8, description="number of texts whose encoding in batches is timed")
    batch_sizes: list[int] = Field(
        default_factory=lambda: [8, 32, 128], min_length=1, max_length=8, description="numbers of texts per batch that are tried"
    )
    seconds: float = Field(
        8.0, gt=0, description="maximum time in seconds for latency, and the same again for throughput; slow models stop there"
    )
    rounds: int = Field(
        9,
        ge=0,
        le=100,
        description="rounds in which the models take turns to be timed again, for intervals of their speeds; fewer than 6 give"
        " none; 0: each is timed once",
    )
    documents: int = Field(1_000_000, ge=1, description="number of documents in the index whose size is estimated")
    usd_per_hour: float | None = Field(
        None,
        ge=0,
        description="price of an hour of this machine in US dollars, so that local models have a price too; by default none",
    )
    prices: str | None = Field(
        None, description="file with prices of models behind APIs, which take precedence over configs/prices.yaml"
    )

    @field_validator("batch_sizes")
    @classmethod
    def _sizes(cls, value: list[int]) -> list[int]:
        if min(value) < 1:
            raise ValueError("a batch has at least one text")
        return sorted(set(value))


class CompareSettings(JudgeSettings):
    """The settings of a comparison. `model.…` is for all models; an entry of `models` may have settings of its own."""

    models: list[ModelEntry] = Field(
        default_factory=list,
        max_length=MOST_MODELS,
        description="models to compare, at most 26: names, or entries with `name`, `label` and keys of the `model` section",
    )
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    measure: MeasureConfig = Field(default_factory=MeasureConfig)

    @field_validator("limits", "measure", mode="before")
    @classmethod
    def _empty_section(cls, value: object) -> object:
        """Read a section whose keys are all commented out as an empty one."""
        return {} if value is None else value

    @field_validator("models", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        """Accept `models: [a, b]` as short for `models: [{name: a}, {name: b}]`."""
        return [{"name": one} if isinstance(one, str) else one for one in value] if isinstance(value, list) else value
