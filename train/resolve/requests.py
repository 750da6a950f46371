"""What `evaluate` and its relatives are asked for: models, data and settings, read from words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.config.choices import Split
from train.config.load import load_config, split_words
from train.config.merge import read_layers
from train.config.schema import BaseSettings, JudgeSettings, ModelConfig
from train.encode.weights.locate import full_name
from train.errors import ConfigError
from train.resolve.models import Candidate, find_candidate

MEANINGLESS = ("training.", "mining.", "tracking", "export", "run_name")
"""Settings that train only; `training.seed`, which seeds the resampling too, is allowed."""


@dataclass(frozen=True)
class Request:
    """What `embed-tune evaluate` was asked for.

    Attributes:
        candidates: one model, or the base and the one that is judged against it.
        config: data and evaluation settings.
        chosen_data: whether the data sets come from `--data` rather than from the config file.
        split: what `--split` says.
        command: the words that repeat it.
        has_data: whether any data set is named; where none is, that of `config` stands for nothing.
    """

    candidates: tuple[Candidate, ...]
    config: JudgeSettings
    chosen_data: bool
    split: Split | None
    command: tuple[str, ...]
    has_data: bool = True


def read_request(
    words: Sequence[str], *, data: Sequence[str] = (), config: Path | Sequence[Path] | None = None, split: Split | None = None
) -> Request:
    """Understand `MODEL [OTHER] [KEY=VALUE]... --data … --config … --split …`.

    Settings under `model` are those of the first model, settings under `other` those of the second; `model.device` is for both.
    A config file's `model` section is used for the model that it names.

    Raises:
        ConfigError: no model, more than two, a setting that is unknown or only for training, no data set.
        ModelError: a folder that holds no model.
    """
    names, settings = split_words(words)
    if not names:
        raise ConfigError("no model is named", hint="embed-tune evaluate MODEL --data PATH: a folder, a run or a Hub id")
    if len(names) > 2:
        raise ConfigError(f"{names[2]}: at most two models are judged at once", hint="name a base and one other model")
    _refuse_meaningless(settings, len(names))
    own = {prefix: [word for word in settings if word.startswith(f"{prefix}.")] for prefix in ("model", "other")}
    rest = [word for word in settings if not word.startswith(("model.", "other."))]
    loaded = load_config(config, data=list(data) or None, overrides=rest, kind=JudgeSettings)
    given = {prefix: _model_settings(prefix, words) for prefix, words in own.items()}
    for_both = {key: value for key, value in given["model"].items() if key == "device"}
    candidates = []
    for name, fields in zip(names, (given["model"], {**for_both, **given["other"]}), strict=False):
        candidates.append(find_candidate(name, _model_config(loaded.model, name, fields), loaded.output_dir))
    flags = _flags(data, _files(config), split)
    return Request(tuple(candidates), loaded, bool(data), split, ("embed-tune", "evaluate", *words, *flags))


def read_many(
    command: str,
    words: Sequence[str],
    *,
    data: Sequence[str] = (),
    config: Path | Sequence[Path] | None = None,
    split: Split | None = None,
    needs_data: bool = True,
) -> Request:
    """Understand `MODEL... [KEY=VALUE]... --data … --config … --split …`: many models; settings under `model` are for all.

    Args:
        command: the command's name, for messages.
        words: models and settings.
        data: see `load_config`.
        config: see `load_config`; a `model` section is used for the model that it names.
        split: what `--split` says.
        needs_data: whether a data set must be named.

    Raises:
        ConfigError: no model, one that is named twice, a setting that is unknown or only for training, no data set.
        ModelError: a folder that holds no model.
    """
    names, settings = split_words(words)
    if not names:
        raise ConfigError("no model is named", hint=f"embed-tune {command} MODEL...: folders, runs, presets, APIs or Hub ids")
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        raise ConfigError(f"{twice} is named twice", hint="name each model once")
    _refuse_meaningless(settings, 1)
    files = _files(config)
    has_data = bool(data) or "data" in read_layers(files).tree
    sources = list(data) or (None if has_data or needs_data else ["none"])
    rest = [word for word in settings if not word.startswith("model.")]
    loaded = load_config(files, data=sources, overrides=rest, kind=JudgeSettings)
    given = _model_settings("model", [word for word in settings if word.startswith("model.")])
    candidates = tuple(find_candidate(name, _model_config(loaded.model, name, given), loaded.output_dir) for name in names)
    repeat = ("embed-tune", command, *words, *_flags(data, files, split))
    return Request(candidates, loaded, bool(data), split, repeat, has_data)


def _files(config: Path | Sequence[Path] | None) -> list[Path]:
    return [config] if isinstance(config, Path) else list(config or ())


def _flags(data: Sequence[str], files: Sequence[Path], split: Split | None) -> list[str]:
    """Return the options as words of a command line."""
    options = [*(("--data", one) for one in data), *(("--config", str(one)) for one in files), ("--split", split)]
    return [part for name, value in options if value is not None for part in (name, value)]


def _refuse_meaningless(settings: Sequence[str], models: int) -> None:
    for word in settings:
        key = word.partition("=")[0]
        if key.startswith(MEANINGLESS) and key != "training.seed":
            raise ConfigError(f"{key} has no meaning here: nothing is trained", hint="drop it")
        if key in ("model.name", "other.name"):
            raise ConfigError(
                f"{key} has no meaning here", hint="name models as arguments: embed-tune evaluate MODEL OTHER --data …"
            )
        if key.startswith("other.") and models < 2:
            raise ConfigError(f"{key} is for a second model, and only one is named", hint="name it, or write model.… instead")


def _model_settings(prefix: str, words: Sequence[str]) -> Mapping[str, Any]:
    """Return the settings of one model that were given, checked."""
    as_model = [f"model.{word.partition('.')[2]}" for word in words]
    try:
        found = load_config(None, overrides=as_model, kind=BaseSettings).model
    except ConfigError as error:
        raise ConfigError(str(error).replace("model.", f"{prefix}.")) from None
    return {key: getattr(found, key) for key in found.model_fields_set}


def _model_config(from_file: ModelConfig, name: str, given: Mapping[str, Any]) -> ModelConfig:
    named = full_name(from_file.name) == full_name(name)
    return (from_file if named else ModelConfig(device=from_file.device)).model_copy(update={**given, "name": name})
