"""What is wrong with a setting, in words: its place, the nearest valid key, and what the setting means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from data.errors import nearest
from train.config.schema import BaseSettings, TrainSettings
from train.config.yaml_file import Place
from train.errors import ConfigError

LIST = "`embed-tune settings` lists all settings"

OTHER_NAMES = {
    "lr": "training.learning_rate",
    "num_epochs": "training.epochs",
    "num_train_epochs": "training.epochs",
    "per_device_train_batch_size": "training.batch_size",
    "train_batch_size": "training.batch_size",
    "bs": "training.batch_size",
    "batch": "training.batch_size",
    "gradient_accumulation_steps": "training.gradient_accumulation",
    "max_length": "training.max_tokens",
    "max_seq_length": "training.max_tokens",
    "lr_scheduler_type": "training.schedule",
    "warmup_ratio": "training.warmup",
    "warmup_steps": "training.warmup",
    "scale": "training.temperature",
    "fp16": "training.precision",
    "bf16": "training.precision",
    "mixed_precision": "training.precision",
    "early_stopping_patience": "training.patience",
    "model_name_or_path": "model.name",
    "model_name": "model.name",
    "base_model": "model.name",
    "dataset_name": "data.source",
    "report_to": "tracking.backend",
    "wandb": "tracking.backend",
    "output": "output_dir",
    "license": "export.hub.licence",
    "hub_model_id": "export.hub.repo_id",
    "push_to_hub": "export.hub.repo_id",
}
"""Names that other tools give to a setting."""

LIKELY = ("training.", "evaluation.", "mining.", "model.")
"""Sections that a word without one most likely means, in that order."""


def explained(error: ValidationError, kind: type[BaseSettings], places: Mapping[Place, str]) -> ConfigError:
    """Return an error that names every mistake on a line of its own, then explains the settings concerned.

    Args:
        error: what pydantic found.
        kind: of the configuration.
        places: file and line of each key that stands in a file.
    """
    out, meanings = [], []
    for item in error.errors():
        place: Place = tuple(item["loc"])
        dotted = ".".join(str(part) for part in place)
        where = next((f"{places[one]}: " for one in spellings(place) if one in places), "")
        if item["type"] == "extra_forbidden":
            near = nearest_key(dotted, kind)
            out.append(f"{where}{dotted} is not a setting" + (f"; did you mean {near}?" if near else ""))
            meanings.append(f"correct the key, or remove it; {LIST}")
        else:
            out.append(f"{where}{dotted or 'configuration'}: {_problem(item)}")
            meaning = next((info.description for key, info in fields(kind) if key == dotted), None)
            advice = _advice(item)
            meanings.append(f"{advice}; {dotted} means: {meaning}" if meaning else f"{advice}; {LIST}")
    return ConfigError("\n".join(out), hint="; ".join(dict.fromkeys(meanings)))


def spellings(place: Place) -> Iterator[Place]:
    """Yield the keys under which a value may stand in a file: its full place, and the short form for the only data set."""
    yield place
    if place[:3] == ("data", "datasets", 0):
        yield ("data", *place[3:])


def _problem(item: Mapping[str, object]) -> str:
    """Say what pydantic found in words that need no knowledge of it."""
    got = "" if isinstance(item["input"], dict | list) else f" (got {item['input']!r})"
    if item["type"] == "missing":
        return "is required"
    if item["input"] is None:
        return "has no value"
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"a section of settings is expected here{got}"
    if item["type"] == "string_pattern_mismatch":
        return f"does not have the required form{got}"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}{got}"


def _advice(item: Mapping[str, object]) -> str:
    """Say what to write instead, where that is known."""
    context = item.get("ctx")
    if item["type"] == "enum" and isinstance(context, dict):
        return f"write {context['expected']}".replace("'", "")
    percent = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", item["input"]) if isinstance(item["input"], str) else None
    if item["type"] == "float_parsing" and percent:
        return f"write {float(percent[1]) / 100:g}"
    return "give another value"


def fields(model: type[BaseModel] = TrainSettings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield every key of a configuration, dotted, with what is known about it; entries of lists appear as `0`."""
    for name, info in model.model_fields.items():
        yield f"{prefix}{name}", info
        is_list = "list" in str(info.annotation)
        for nested in (info.annotation, *get_args(info.annotation)):
            if isinstance(nested, type) and issubclass(nested, BaseModel):
                yield from fields(nested, f"{prefix}{name}.0." if is_list else f"{prefix}{name}.")


def all_keys(model: type[BaseModel] = TrainSettings) -> list[str]:
    """Return every key of a configuration."""
    return [key for key, _ in fields(model)]


def nearest_key(
    dotted: str,
    kind: type[BaseModel] = TrainSettings,
    means: Callable[[str], bool] = lambda key: True,
    *,
    exactly: bool = False,
) -> str | None:
    """Return the valid key that a misspelt one most likely meant.

    First the same word elsewhere, then another tool's name for it, then the closest spelling.

    Args:
        dotted: what was written.
        kind: of the configuration.
        means: tells the keys that mean something where this was written.
        exactly: leave out what is only spelt alike.
    """
    known = [key for key in all_keys(kind) if means(key)]
    head, _, last = dotted.rpartition(".")
    if dotted in known:
        return dotted
    same_name = [key for key in known if key.rsplit(".", 1)[-1] == last]
    if same_name:
        return min(same_name, key=_section)
    if (other := OTHER_NAMES.get(last.lower())) in known:
        return other
    siblings = {key.rpartition(".")[2]: key for key in known if key.rpartition(".")[0] == head}
    anywhere = {key.rsplit(".", 1)[-1]: key for key in known}
    for pool, cutoff in () if exactly else ((siblings, 0.6), (anywhere, 0.7)):
        if near := nearest(last, pool, cutoff=cutoff):
            return pool[near]
    return None


def _section(key: str) -> int:
    """Return how seldom a word means a key of this section, where several have a key of that name."""
    return next((rank for rank, section in enumerate(LIKELY) if key.startswith(section)), len(LIKELY))
