"""What `embed-tune compare` is asked for: models, data, limits, and how thoroughly speed is measured. Light: no torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from train.config.choices import Split
from train.config.compare import MOST_MODELS, CompareSettings, ModelEntry
from train.config.load import load_config, split_words
from train.config.schema import ModelConfig
from train.errors import ConfigError
from train.resolve.models import Candidate, find_candidate
from train.resolve.requests import MEANINGLESS, Request


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
        """Return what `load_tasks` takes."""
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
            raise ConfigError(f"{key} has no meaning here", hint="name models as arguments: embed-tune compare MODEL… --data …")
    loaded = load_config(list(config), data=list(data) or None, overrides=settings, kind=CompareSettings)
    entries = [ModelEntry(name=name) for name in names] or loaded.models
    if not entries:
        raise ConfigError("no model is named", hint="embed-tune compare MODEL MODEL… --data PATH, or `models:` in a --config")
    if len(entries) > MOST_MODELS:
        raise ConfigError(f"{len(entries)} models are named, at most {MOST_MODELS} are compared at once", hint="name fewer")
    flags = [part for one in data for part in ("--data", one)] + [part for one in config for part in ("--config", str(one))]
    flags += [] if split is None else ["--split", split]
    command = ("embed-tune", "compare", *words, *given, *flags)
    return CompareRequest(_candidates(entries, loaded), loaded, bool(data), split, command)


def _candidates(entries: Sequence[ModelEntry], config: CompareSettings) -> tuple[Candidate, ...]:
    common = {key: getattr(config.model, key) for key in config.model.model_fields_set - {"name"}}
    found: list[Candidate] = []
    for entry in entries:
        own = {key: getattr(entry, key) for key in entry.model_fields_set - {"name", "label"}}
        settings = ModelConfig.model_validate({**common, **own, "name": entry.name})
        candidate = find_candidate(entry.name, settings, config.output_dir)
        candidate = replace(candidate, label=entry.label or _label(candidate))
        if any(candidate.same_as(other) for other in found):
            continue  # named twice
        if any(candidate.label == other.label for other in found):
            raise ConfigError(f"two models are called {candidate.label}", hint="give one a label: models: [{name: …, label: …}]")
        found.append(candidate)
    return tuple(found)


def _label(candidate: Candidate) -> str:
    """Return the label of a model that nobody named."""
    dimensions = candidate.config.dimensions
    return candidate.label if dimensions is None else f"{candidate.label} ({dimensions} dims)"


def _yaml(value: Any) -> str:
    """Return a value as the overrides take it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
