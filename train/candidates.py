"""Which models `embed-tune evaluate` judges, and on what terms: the words of the command line turned into checked settings.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from train.config.load import load_config, split_words
from train.config.merge import read_layers
from train.config.presets import SUFFIXES, preset_file, shown
from train.config.schema import Config, JudgeConfig, ModelConfig
from train.encode.api.catalog import KNOWN
from train.encode.api.parse import api_words
from train.encode.weights.locate import full_name
from train.errors import ConfigError, ModelError
from train.finished import RUNS

Split = Literal["train", "dev", "test", "all"]
"""What `--split` takes; "all" is every row of a data set that has no splits of its own."""

MEANINGLESS = ("training.", "mining.", "tracking", "export", "run_name")
"""Settings that train only; `training.seed`, which seeds the resampling too, is allowed."""


@dataclass(frozen=True)
class Candidate:
    """One model to judge.

    Attributes:
        label: what the person called it.
        config: how to load it; `name` is the folder, Hub id or name at an API that was found.
        run: folder of the run that trained it, where that is known.
        notes: what the person should read about what the word was taken for.
    """

    label: str
    config: ModelConfig
    run: Path | None
    notes: tuple[str, ...] = ()

    def same_as(self, other: Candidate) -> bool:
        """Whether both are one model under one set of settings."""
        names = (Path(one.config.name).expanduser().resolve() for one in (self, other))
        return self.config == other.config.model_copy(update={"name": self.config.name}) and len(set(names)) == 1


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
    config: Config
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
        raise ConfigError("no model is named", mend="embed-tune evaluate MODEL --data PATH: a folder, a run or a Hub id")
    if len(names) > 2:
        raise ConfigError(f"{names[2]}: at most two models are judged at once", mend="name a base and one other model")
    _refuse_meaningless(settings, len(names))
    own = {prefix: [word for word in settings if word.startswith(f"{prefix}.")] for prefix in ("model", "other")}
    rest = [word for word in settings if not word.startswith(("model.", "other."))]
    loaded = load_config(config, data=list(data) or None, overrides=rest, kind=JudgeConfig)
    given = {prefix: _model_settings(prefix, words) for prefix, words in own.items()}
    for_both = {key: value for key, value in given["model"].items() if key == "device"}
    candidates = []
    for name, fields in zip(names, (given["model"], {**for_both, **given["other"]}), strict=False):
        candidates.append(find_candidate(name, _model_config(loaded.model, name, fields)))
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
        raise ConfigError("no model is named", mend=f"embed-tune {command} MODEL...: folders, runs, presets, APIs or Hub ids")
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        raise ConfigError(f"{twice} is named twice", mend="name each model once")
    _refuse_meaningless(settings, 1)
    files = _files(config)
    has_data = bool(data) or "data" in read_layers(files).tree
    sources = list(data) or (None if has_data or needs_data else ["none"])
    rest = [word for word in settings if not word.startswith("model.")]
    loaded = load_config(files, data=sources, overrides=rest, kind=JudgeConfig)
    given = _model_settings("model", [word for word in settings if word.startswith("model.")])
    candidates = tuple(find_candidate(name, _model_config(loaded.model, name, given)) for name in names)
    repeat = ("embed-tune", command, *words, *_flags(data, files, split))
    return Request(candidates, loaded, bool(data), split, repeat, has_data)


def _files(config: Path | Sequence[Path] | None) -> list[Path]:
    return [config] if isinstance(config, Path) else list(config or ())


def _flags(data: Sequence[str], files: Sequence[Path], split: Split | None) -> list[str]:
    """The options as words of a command line."""
    options = [*(("--data", one) for one in data), *(("--config", str(one)) for one in files), ("--split", split)]
    return [part for name, value in options if value is not None for part in (name, value)]


def find_candidate(name: str, config: ModelConfig) -> Candidate:
    """The model behind a word: a model folder, a run (its model/), a checkpoint, the name of a run in checkpoints/; else a preset
    (its name in configs/models/, or the path of such a file); else a model behind an API; else an id on the Hub.

    Args:
        name: the word.
        config: settings of the person; they go before those of a preset.

    Raises:
        ConfigError: a preset's file is not well-formed.
        ModelError: a run without a finished model, or a word that looks like a model behind an API that is not known.
    """
    folder = Path(name).expanduser()
    label = "".join(c if c.isprintable() else "?" for c in name)  # it is printed and written to JSON
    if not folder.is_dir() and len(folder.parts) == 1 and (RUNS / folder / "config.yaml").is_file():
        folder = RUNS / folder
    if not folder.is_dir():
        return _by_name(name, label, config)
    notes = _hidden(name, folder)
    if _is_run(folder):
        if not (folder / "model").is_dir():
            raise ModelError(
                f"{folder} has no model/ yet: the run is not finished",
                mend=f"name one of its checkpoint-* folders, or finish it: embed-tune train --resume {folder}",
            )
        return Candidate(label, config.model_copy(update={"name": str(folder / "model")}), folder, notes)
    run = folder.resolve().parent
    return Candidate(label, config.model_copy(update={"name": str(folder)}), run if _is_run(run) else None, notes)


def _by_name(name: str, label: str, config: ModelConfig) -> Candidate:
    """A model that no folder here holds."""
    given = {key: getattr(config, key) for key in config.model_fields_set - {"name"}}
    if (file := preset_file(name)) is not None:
        preset = load_config(file, data="unused", kind=JudgeConfig).model
        notes = () if preset.name in (name, full_name(name)) else (f"{label} stands for {preset.name}, as {shown(file)} says",)
        return Candidate(label, preset.model_copy(update=given), None, notes)
    if config.api is None and (fields := api_words(name)) is not None:
        return Candidate(label, config.model_copy(update={**fields, **given}), None)
    return Candidate(label, config, None)


def _hidden(name: str, folder: Path) -> tuple[str, ...]:
    """What else the word could have meant, had there been no such folder."""
    if name in KNOWN:
        return (f"{folder} is taken, not {KNOWN[name].provider}'s model; that is written {KNOWN[name].provider}:{name}",)
    if not name.endswith(SUFFIXES) and (file := preset_file(name)) is not None:
        return (f"{folder} is taken, not the preset {shown(file)}: a folder here goes before it",)
    return ()


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() and (folder / "environment.json").is_file()


def _refuse_meaningless(settings: Sequence[str], models: int) -> None:
    for word in settings:
        key = word.partition("=")[0]
        if key.startswith(MEANINGLESS) and key != "training.seed":
            raise ConfigError(f"{key} has no meaning here: nothing is trained", mend="drop it")
        if key in ("model.name", "other.name"):
            raise ConfigError(f"{key} has no meaning here", mend="name models as words: embed-tune evaluate MODEL OTHER --data …")
        if key.startswith("other.") and models < 2:
            raise ConfigError(f"{key} is for a second model, and only one is named", mend="name it, or write model.… instead")


def _model_settings(prefix: str, words: Sequence[str]) -> Mapping[str, Any]:
    """The settings of one model that were given, checked."""
    as_model = [f"model.{word.partition('.')[2]}" for word in words]
    try:
        found = load_config(None, data="unused", overrides=as_model, kind=JudgeConfig).model
    except ConfigError as error:
        raise ConfigError(str(error).replace("model.", f"{prefix}.")) from None
    return {key: getattr(found, key) for key in found.model_fields_set}


def _model_config(from_file: ModelConfig, name: str, given: Mapping[str, Any]) -> ModelConfig:
    named = full_name(from_file.name) == full_name(name)
    return (from_file if named else ModelConfig(device=from_file.device)).model_copy(update={**given, "name": name})
