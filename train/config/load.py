"""Read a configuration from YAML and the command line, and turn every mistake into a sentence with file, line and key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import yaml
from pydantic import ValidationError

from train.config.merge import FOR_ALL_DATA, expand_data, read_layers
from train.config.messages import LIST, explained, spellings
from train.config.presets import preset_file
from train.config.schema import BaseSettings, TrainSettings
from train.config.short_forms import expand_panel
from train.config.yaml_file import Place, YamlFile, read_yaml
from train.errors import ConfigError

NOTHING = ("", "null", "Null", "NULL", "~")
"""Words that YAML reads as no value."""

KEY = re.compile(r"[^=/*?]*=")
SPELLINGS = {"export.hub.license": "export.hub.licence", "limits.licenses": "limits.licences"}
"""Keys in another spelling: what is given later takes precedence over what a file says in either."""
Settings = TypeVar("Settings", bound=BaseSettings)
IS_TEXT = re.compile(r"(_prompt$|\.prompts\.|\.columns\.)")
"""Settings whose leading and trailing blanks matter: prompts, and names of columns."""


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide the words of a command line into names and settings.

    A setting is KEY=VALUE and no file of that name. What has a / or * before the sign is a path or a pattern.
    """
    settings = [word for word in words if KEY.match(word) and not os.path.exists(word)]  # noqa: PTH110 (Path raises for a long one)
    return [word for word in words if word not in settings], settings


@overload
def load_config(
    path: Path | Sequence[Path] | None, *, data: str | Sequence[str] | None = None, overrides: Sequence[str] = ()
) -> TrainSettings: ...


@overload
def load_config(
    path: Path | Sequence[Path] | None,
    *,
    data: str | Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    kind: type[Settings],
) -> Settings: ...


def load_config(
    path: Path | Sequence[Path] | None,
    *,
    data: str | Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    kind: type[BaseSettings] = TrainSettings,
) -> BaseSettings:
    """Read the configuration from YAML files, `--data` and `key=value` overrides, of which later ones take precedence.

    Args:
        path: YAML file, or several: a later one takes precedence over an earlier one key by key. None starts from an empty
            configuration.
        data: stands for one data set (or several) with everything else chosen; replaces the files' data sets.
        overrides: `training.epochs=2`-style settings; values are read as YAML.
        kind: the class of the settings; `BaseSettings` needs no data set.

    Raises:
        ConfigError: naming file, line and key, with the nearest valid key.
    """
    paths = [path] if isinstance(path, Path) else list(path or ())
    file = read_layers(paths)
    tree = file.tree
    if data is not None:
        if any(not one.strip() for one in ([data] if isinstance(data, str) else data)):
            hint = "give a file, folder, glob or Hub id; in a script, check that its variable is set"
            raise ConfigError("--data is empty", hint=hint)
        given = tree.get("data")
        given = given if isinstance(given, dict) else {}
        kept = {k: v for k, v in given.items() if k in FOR_ALL_DATA}
        # what a file says without naming a data set is about those that are named here; what it says about its own goes with them
        own = {} if given.keys() & {"source", "datasets"} else {k: v for k, v in given.items() if k not in FOR_ALL_DATA}
        tree["data"] = {"datasets": [{"source": one, **own} for one in ([data] if isinstance(data, str) else data)], **kept}
    for item in overrides:
        place, text = _apply_override(tree, item)
        file.written[place] = text
        file.lines.pop(place, None)
    if "data" not in tree and kind.model_fields["data"].is_required():
        what = f"{' and '.join(map(str, paths))}: no data set is named" if paths else "no data set is named"
        raise ConfigError(what, hint="give --data PATH, or a --config with a `data:` section")
    _fill_in_preset(file)
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        if not _restore_texts(tree, error, file.written):
            raise explained(error, kind, file.places()) from None
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise explained(error, kind, file.places()) from None


def _fill_in_preset(file: YamlFile) -> None:
    """Fill in what the preset says that `model.name` names by a short name; the configuration's own keys take precedence."""
    model: Any = file.tree.get("model")
    if isinstance(model, str):
        model = file.tree["model"] = {"name": model}
    name = model.get("name") if isinstance(model, dict) else None
    if not isinstance(name, str) or Path(name).expanduser().is_dir() or (path := preset_file(name)) is None:
        return
    preset = read_yaml(path)
    found = preset.tree.get("model")
    if not isinstance(found, dict) or not found.get("name"):
        raise ConfigError(
            f"{path}: does not name a model", hint="write `model:` with a `name` in it, as the files in configs/models/ do"
        )
    file.tree["model"] = {**found, **model, "name": found["name"]}
    for place, line in preset.lines.items():
        if place[0] == "model" and (len(place) == 1 or place[1] not in model):
            file.lines.setdefault(place, line)
            file.files.setdefault(place, path)


def _restore_texts(tree: dict[str, Any], error: ValidationError, written: Mapping[Place, str]) -> bool:
    """Put texts that YAML took for numbers, dates or booleans (`run_name: 2024`) back as they were written.

    Returns:
        Whether there were any.
    """
    found = False
    for item in error.errors():
        place: Place = tuple(item["loc"])
        if item["type"] != "string_type" or item["input"] is None or isinstance(item["input"], dict | list):
            continue
        text = next((written[one] for one in spellings(place) if one in written), None)
        if text is None:
            continue
        if place[0] == "data":
            tree["data"] = expand_data(tree["data"])
        target: Any = tree
        for part in place[:-1]:
            target = target[part]
        target[place[-1]] = text
        found = True
    return found


def dump_config(config: BaseSettings) -> str:
    """Return the configuration as YAML that `load_config` reads back to an equal object."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _apply_override(tree: dict[str, Any], item: str) -> tuple[Place, str]:
    """Set one value; returns its place and the text it was given as."""
    key, sep, raw = item.partition("=")
    if not sep or not key or any(not part for part in key.split(".")):
        raise ConfigError(f"`{item}` is not a setting", hint="write key=value, for example training.epochs=2")
    try:
        value = yaml.safe_load(raw) if raw else None
    except yaml.YAMLError:
        value = raw
    if (isinstance(value, dict) and not raw.lstrip().startswith("{")) or (value is None and raw.strip() not in NOTHING):
        # `model.query_prompt=query: ` is a text, though YAML reads a mapping; so is `# `, which it reads as a comment
        value = raw
    if isinstance(value, str) and not raw.lstrip().startswith(("'", '"')):
        value = raw if IS_TEXT.search(key) else raw.strip()
    if key == "tracking" and isinstance(value, str):
        key = "tracking.backend"  # the short form leaves the section's other settings alone
    if key.startswith("tracking.") and isinstance(tree.get("tracking"), str):
        tree["tracking"] = {"backend": tree["tracking"]}
    if key == "model" and isinstance(value, str):
        key = "model.name"
    if key.startswith("model.") and isinstance(tree.get("model"), str):
        tree["model"] = {"name": tree["model"]}
    short = isinstance(tree.get("data"), str) or not key.startswith(("data.datasets", "data.split"))
    if key.startswith("data.") and short:
        tree["data"] = expand_data(tree.get("data"))
    if key.startswith("panel.") and isinstance(tree.get("panel"), str | list):
        tree["panel"] = expand_panel(tree["panel"])
    place: Any = tree
    parts: list[Any] = [int(p) if p.isdigit() else p for p in SPELLINGS.get(key, key).split(".")]
    for part in parts[:-1]:
        place = _step_into(place, part, key)
    _forget_other_spelling(place, SPELLINGS.get(key, key))
    try:
        place[parts[-1]] = value
    except (TypeError, IndexError):
        raise ConfigError(f"{key}: there is no such key in the configuration", hint=LIST) from None
    return tuple(parts), raw


def _step_into(place: Any, part: Any, key: str) -> Any:
    if isinstance(place, list) and isinstance(part, int):
        if part >= len(place):
            entries = "is only 1 entry" if len(place) == 1 else f"are only {len(place)} entries"
            raise ConfigError(f"{key}: there {entries}, counted from 0", hint="list more data sets in a YAML file: --config FILE")
        return place[part]
    if not isinstance(place, dict):
        raise ConfigError(f"{key}: `{part}` cannot be used here", hint=LIST)
    if not isinstance(place.get(part), dict | list):
        place[part] = {}
    return place[part]


def _forget_other_spelling(place: Any, key: str) -> None:
    for other, own in SPELLINGS.items():
        if own == key and isinstance(place, dict):
            place.pop(other.rpartition(".")[2], None)
