"""What `embed-tune compare` is asked for: models, data, limits, and how thoroughly speed is measured. Light: no torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from data.spec import StrictModel
from train.config.choices import Split
from train.config.load import load_config, split_words
from train.config.schema import JudgeSettings, ModelConfig
from train.errors import ConfigError
from train.resolve.models import Candidate, find_candidate
from train.resolve.requests import MEANINGLESS, Request

MOST_MODELS = 26
"""Models of one comparison: each has a letter in the plots."""


class ModelEntry(ModelConfig):
    """One model of a comparison, with settings of its own where it needs some."""

    name: str = Field(min_length=1, description="folder, run, preset, model behind an API, or Hub id")
    label: str | None = Field(None, min_length=1, max_length=80, description="what to call it; by default its name")


class LimitsConfig(StrictModel):
    """What a model must keep to be recommended. Models beyond a limit are measured and shown all the same."""

    max_latency_ms: float | None = Field(None, gt=0, description="milliseconds that 95 of 100 single texts may take")
    min_throughput: float | None = Field(None, gt=0, description="texts a second at the best batch, at least")
    max_memory_mb: float | None = Field(
        None, gt=0, description="peak memory in MiB: of the GPU where one is used, else of the process"
    )
    max_dims: int | None = Field(None, ge=1, description="dimensions of a vector, at most")
    max_price: float | None = Field(None, ge=0, description="US dollars for a million tokens, at most")
    local_only: bool = Field(False, description="no model behind an API: texts stay on this machine")
    licences: list[str] = Field(default_factory=list, description="licences that are allowed, by the Hub's ids; empty allows all")
    tolerance: float = Field(
        0.0, ge=0, lt=1, description="quality that may be given up for a cheaper model, as a fraction: 0.01 is a point of nDCG"
    )

    @field_validator("licences", mode="before")
    @classmethod
    def _one_licence(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class MeasureConfig(StrictModel):
    """How speed, size and price are measured."""

    latency_texts: int = Field(100, ge=5, description="single texts that are timed, one after the other")
    throughput_texts: int = Field(512, ge=8, description="texts that are encoded in batches against the clock")
    batch_sizes: list[int] = Field(
        default_factory=lambda: [8, 32, 128], min_length=1, max_length=8, description="texts in a batch that are tried"
    )
    seconds: float = Field(8.0, gt=0, description="seconds for latency, and as much for throughput; slow models stop there")
    documents: int = Field(1_000_000, ge=1, description="documents of the index whose size is worked out")
    usd_per_hour: float | None = Field(
        None, ge=0, description="what an hour of this machine costs in US dollars, so that local models have a price, too"
    )
    prices: str | None = Field(None, description="file with prices of models behind APIs, used before configs/prices.yaml")

    @field_validator("batch_sizes")
    @classmethod
    def _sizes(cls, value: list[int]) -> list[int]:
        if min(value) < 1:
            raise ValueError("a batch has at least one text")
        return sorted(set(value))


class CompareSettings(JudgeSettings):
    """The settings of a comparison. `model.…` is for all models; an entry of `models` may have settings of its own."""

    models: list[ModelEntry] = Field(default_factory=list, max_length=MOST_MODELS, description="what is compared")
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    measure: MeasureConfig = Field(default_factory=MeasureConfig)

    @field_validator("limits", "measure", mode="before")
    @classmethod
    def _empty_section(cls, value: Any) -> Any:
        """A section whose keys are all commented out is an empty one."""
        return {} if value is None else value

    @field_validator("models", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """`models: [a, b]` is short for `models: [{name: a}, {name: b}]`."""
        return [{"name": one} if isinstance(one, str) else one for one in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class CompareRequest:
    """What `embed-tune compare` was asked for.

    Attributes:
        candidates: the models, each with a label of its own.
        config: everything else.
        chosen_data: whether the data sets come from `--data` rather than from a config file.
        split: which rows are judged, where that was said.
        command: the words that repeat it.
    """

    candidates: tuple[Candidate, ...]
    config: CompareSettings
    chosen_data: bool
    split: Split | None
    command: tuple[str, ...]

    def as_request(self) -> Request:
        """What `load_tasks` takes."""
        return Request(self.candidates, self.config, self.chosen_data, self.split, self.command)


def read_compare_request(
    words: Sequence[str],
    *,
    data: Sequence[str] = (),
    config: Sequence[Path] = (),
    split: Split | None = None,
    options: Mapping[str, Any] | None = None,
) -> CompareRequest:
    """Understand `MODEL… [KEY=VALUE]… --data … --config …`.

    Args:
        words: models and settings. Models named here replace those of the config files.
        data, config, split: the options of these names.
        options: settings by key that options of their own gave; None is left out.

    Raises:
        ConfigError: no model, too many, two of one label, a setting that is unknown or only for training, no data set.
        ModelError: a run that is not finished.
    """
    names, own = split_words(words)
    given = [f"{key}={_yaml(value)}" for key, value in (options or {}).items() if value is not None]
    settings = [*own, *given]
    for word in settings:
        key = word.partition("=")[0]
        if key.startswith(MEANINGLESS) and key != "training.seed":
            raise ConfigError(f"{key} has no meaning here: nothing is trained", hint="drop it")
        if key in ("model", "model.name"):
            raise ConfigError(f"{key} has no meaning here", hint="name models as words: embed-tune compare MODEL… --data …")
    loaded = load_config(list(config), data=list(data) or None, overrides=settings, kind=CompareSettings)
    entries = [ModelEntry(name=name) for name in names] or loaded.models
    if not entries:
        raise ConfigError("no model is named", hint="embed-tune compare MODEL MODEL… --data PATH, or `models:` in a --config")
    if len(entries) > MOST_MODELS:
        raise ConfigError(f"{len(entries)} models are named, at most {MOST_MODELS} are compared at once", hint="name fewer")
    flags = [part for one in data for part in ("--data", one)] + [part for one in config for part in ("--config", str(one))]
    flags += [] if split is None else ["--split", split]
    command = ("embed-tune", "compare", *words, *given, *flags)
    return CompareRequest(_candidates(entries, loaded.model), loaded, bool(data), split, command)


def _candidates(entries: Sequence[ModelEntry], for_all: ModelConfig) -> tuple[Candidate, ...]:
    common = {key: getattr(for_all, key) for key in for_all.model_fields_set - {"name"}}
    found: list[Candidate] = []
    for entry in entries:
        own = {key: getattr(entry, key) for key in entry.model_fields_set - {"name", "label"}}
        candidate = find_candidate(entry.name, ModelConfig.model_validate({**common, **own, "name": entry.name}))
        candidate = replace(candidate, label=entry.label or _label(candidate))
        if any(candidate.same_as(other) for other in found):
            continue  # named twice
        if any(candidate.label == other.label for other in found):
            raise ConfigError(f"two models are called {candidate.label}", hint="give one a label: models: [{name: …, label: …}]")
        found.append(candidate)
    return tuple(found)


def _label(candidate: Candidate) -> str:
    """What a model is called that nobody gave a name."""
    dimensions = candidate.config.dimensions
    return candidate.label if dimensions is None else f"{candidate.label} ({dimensions} dims)"


def _yaml(value: Any) -> str:
    """A value as the overrides take it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
