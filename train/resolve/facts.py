"""What is known of a model besides what can be measured: size, licence, languages, and where each fact is from.

A fact that nobody states stays None: it is shown as not known, and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from train.config.packaged import packaged
from train.config.schema import ModelConfig
from train.encode.protocol import OpenedModel
from train.encode.weights.locate import full_name, locate_here
from train.encode.weights.mteb_registry import registered
from train.errors import ConfigError
from train.resolve.models import Candidate
from train.runs.read import BrokenRecord, read_environment

TABLE = packaged("facts.yaml")
UNKNOWN = "not known"
SHOWN = 4
"""Languages that are named; of more, the number is."""
PROVIDER, LOADED, REGISTRY = "its provider", "the loaded model", "mteb's registry of models"
"""Sources of facts."""


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model.

    Attributes:
        name: its full name.
        parameters: how many weights it has.
        weights_bytes: what they take in memory as loaded, in bytes.
        dimensions: of a vector.
        max_tokens: longest input, in tokens.
        licence: by the Hub's id where it has one (`apache-2.0`).
        languages: ISO 639 codes, or what the model's card says instead (`multilingual`, `code`).
        open: whether the weights can be had.
        sources: where each fact is from, by its field.
    """

    name: str
    parameters: int | None = None
    weights_bytes: int | None = None
    dimensions: int | None = None
    max_tokens: int | None = None
    licence: str | None = None
    languages: tuple[str, ...] | None = None
    open: bool = True
    sources: Mapping[str, str] = field(default_factory=dict)

    def languages_in_words(self) -> str:
        """Put the languages into words for a table: a few codes, or how many there are."""
        if not self.languages:
            return UNKNOWN
        return ", ".join(self.languages) if len(self.languages) <= SHOWN else f"{len(self.languages)} languages"

    def as_json(self) -> dict[str, Any]:
        """Return the facts for a report; None is what is not known."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "weights_bytes": self.weights_bytes,
            "dimensions": self.dimensions,
            "max_tokens": self.max_tokens,
            "licence": self.licence,
            "languages": None if self.languages is None else list(self.languages),
            "open": self.open,
            "sources": dict(self.sources),
        }

    def with_facts(self, source: str, **found: Any) -> ModelFacts:
        """Return the facts with those of another source where nothing is known yet."""
        new = {key: value for key, value in found.items() if value and getattr(self, key) is None}
        return replace(self, **new, sources={**self.sources, **dict.fromkeys(new, source)})


def facts_of(candidate: Candidate, opened: OpenedModel) -> ModelFacts:
    """Collect all that is known of an opened model.

    Sizes are those of the loaded model. Licence and languages come from the model's card, the table in configs/facts.yaml, and
    mteb's registry, in this order; what a run tuned has what its base has.

    Raises:
        ConfigError: the table is not well-formed.
    """
    contract, config = opened.encoder.contract, candidate.config
    facts = ModelFacts(opened.origin.name, open=config.api is None).with_facts(
        PROVIDER if config.api else LOADED,
        dimensions=contract.dimensions,
        max_tokens=contract.max_tokens,
        **_sizes(opened),
    )
    for name, folder, whose in _stated(candidate, opened):
        if folder is not None:
            facts = facts.with_facts(f"the card of {whose}", **_card(folder))
        if (entry := _table().get(name)) is not None:
            facts = facts.with_facts(entry["source"], licence=entry["licence"], languages=entry["languages"])
        if facts.licence is None or facts.languages is None:  # asking mteb takes seconds
            facts = facts.with_facts(REGISTRY, **_registry(config, name))
    return facts


def _stated(candidate: Candidate, opened: OpenedModel) -> Iterator[tuple[str, Path | None, str]]:
    """Return whose facts hold: the model's own, then its base's. Full name, folder where there is one, and what to call it."""
    if candidate.config.api is not None:
        yield candidate.config.name, None, "the model"
        return
    folder = getattr(opened.origin, "path", None)
    yield full_name(opened.origin.name), folder, "the model"
    if candidate.run is not None and (base := _base(candidate.run)) is not None:
        place = Path(base).expanduser()
        yield full_name(base), place if place.is_dir() else _local(full_name(base)), "its base"


def _base(run: Path) -> str | None:
    """Return the name of the model that a run tuned; None where its records do not say."""
    try:
        model = read_environment(run).model
    except BrokenRecord:
        return None
    return None if model is None else model.name


def _local(name: str) -> Path | None:
    """Return the folder of a model that is on this machine; nothing is downloaded."""
    found = locate_here(ModelConfig(name=name))
    return None if found is None else found.path


def _sizes(opened: OpenedModel) -> dict[str, int]:
    model = getattr(opened.encoder, "model", None)
    if model is None or not hasattr(model, "parameters"):
        return {}
    weights = list(model.parameters())
    return {
        "parameters": sum(one.numel() for one in weights),
        "weights_bytes": sum(one.numel() * one.element_size() for one in weights),
    }


def _card(folder: Path) -> dict[str, Any]:
    """Read licence and languages from the front matter of a model's README.md; nothing where there is none or it is damaged."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
        head = yaml.safe_load(text.split("---", 2)[1]) if text.startswith("---") else None
    except (OSError, ValueError, IndexError, yaml.YAMLError):
        return {}
    if not isinstance(head, dict):
        return {}
    licence = head.get("license_name") if head.get("license") == "other" else head.get("license")
    return {"licence": None if licence is None else str(licence), "languages": _codes(head.get("language"))}


def _codes(found: Any) -> tuple[str, ...] | None:
    """Return the languages as a card states them: one code or a list. YAML reads Norwegian's `no` as false."""
    listed = found if isinstance(found, list) else [found]
    return tuple("no" if one is False else str(one) for one in listed if one is not None) or None


def _registry(config: ModelConfig, name: str) -> dict[str, Any]:
    meta = registered(config, name)
    if meta is None:
        return {}
    codes = dict.fromkeys(code.partition("-")[0] for code in meta.languages or ())
    return {"licence": meta.license, "languages": tuple(codes) or None, "parameters": meta.n_parameters}


@cache
def _table() -> dict[str, dict[str, Any]]:
    """Read the facts of configs/facts.yaml by the model's full name."""
    try:
        models = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["models"]
        return {
            name: {"licence": entry.get("licence"), "languages": _codes(entry.get("languages")), "source": str(entry["source"])}
            for name, entry in models.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ConfigError(f"{TABLE} is not well-formed: {error}", hint="compare it with the project's") from None
