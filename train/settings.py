"""Reads a configuration from YAML and the command line, and turns every mistake into a sentence with file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from train.config import Config, expand_single_dataset
from train.errors import ConfigError


def load_config(
    path: Path | None, *, data: str | Sequence[str] | None = None, overrides: Sequence[str] = (), kind: type[Config] = Config
) -> Config:
    """The configuration out of a YAML file, `--data` and `key=value` overrides, later ones winning.

    Args:
        path: YAML file; None starts from an empty configuration.
        data: stands for one data set (or several) with everything else chosen; replaces the file's data sets.
        overrides: `training.epochs=2`-style settings; values are read as YAML.
        kind: `Config`, or a class made from it that checks other things.

    Raises:
        ConfigError: naming file, line and key, with the nearest valid key.
    """
    tree, lines = _read_yaml(path) if path else ({}, {})
    if data is not None:
        kept = {k: v for k, v in (tree.get("data") or {}).items() if k == "split"} if isinstance(tree.get("data"), dict) else {}
        tree["data"] = {"datasets": [{"source": one} for one in ([data] if isinstance(data, str) else data)], **kept}
    for item in overrides:
        _apply_override(tree, item)
    if "data" not in tree:
        raise ConfigError("no data set is named", mend="give --data PATH, or a --config with a `data:` section")
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_explain(error, path, lines)) from None


def dump_config(config: Config) -> str:
    """The configuration as YAML that `load_config` reads back to an equal object."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[tuple[Any, ...], int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.y*ml")], n=1)
        hint = (
            f"did you mean {path.parent / near[0]}?"
            if near
            else "check the path; configs that ship with the project are in configs/"
        )
        raise ConfigError(f"{path}: no such config file", mend=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{at}: not valid YAML ({getattr(error, 'problem', error)})") from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a config is a mapping of keys to values, this file holds a {type(tree).__name__}")
    lines: dict[tuple[Any, ...], int] = {}
    if node is not None:
        _collect_lines(node, (), lines)
    return tree, lines


def _collect_lines(node: yaml.Node, path: tuple[Any, ...], lines: dict[tuple[Any, ...], int]) -> None:
    """Line numbers (from 1) of every key, by path."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, key.value)] = key.start_mark.line + 1
            _collect_lines(value, (*path, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*path, index)] = value.start_mark.line + 1
            _collect_lines(value, (*path, index), lines)


def _apply_override(tree: dict[str, Any], item: str) -> None:
    key, sep, raw = item.partition("=")
    if not sep or not key or any(not part for part in key.split(".")):
        raise ConfigError(f"`{item}` is not a setting", mend="write key=value, for example training.epochs=2")
    try:
        value = yaml.safe_load(raw) if raw else None
    except yaml.YAMLError:
        value = raw
    if key.startswith("data.") and not key.startswith(("data.datasets", "data.split")):
        tree["data"] = expand_data(tree.get("data"))
    place: Any = tree
    parts: list[Any] = [int(p) if p.isdigit() else p for p in key.split(".")]
    for part in parts[:-1]:
        place = _step_into(place, part, key)
    try:
        place[parts[-1]] = value
    except (TypeError, IndexError):
        raise ConfigError(f"{key}: there is no such place in the configuration") from None


def expand_data(value: Any) -> Any:
    """The `data` section with its short forms written out, as far as it is well-formed."""
    try:
        return expand_single_dataset(value) if value is not None else {}
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _step_into(place: Any, part: Any, key: str) -> Any:
    if isinstance(place, list) and isinstance(part, int):
        if part >= len(place):
            raise ConfigError(f"{key}: there are only {len(place)} entries (counted from 0)")
        return place[part]
    if not isinstance(place, dict):
        raise ConfigError(f"{key}: `{part}` cannot stand here")
    if not isinstance(place.get(part), dict | list):
        place[part] = {}
    return place[part]


def _explain(error: ValidationError, path: Path | None, lines: dict[tuple[Any, ...], int]) -> str:
    out = []
    for item in error.errors():
        loc = tuple(item["loc"])
        dotted = ".".join(str(p) for p in loc)
        line = lines.get(loc)
        where = f"{path}, line {line}: " if path and line else ""
        if item["type"] == "extra_forbidden":
            near = nearest_key(dotted)
            hint = f"; did you mean {near}?" if near else "; README.md lists all settings"
            out.append(f"{where}{dotted} is not a setting{hint}")
        elif item["type"] == "missing":
            out.append(f"{where}{dotted} is required")
        else:
            message = item["msg"].removeprefix("Value error, ")
            shown = "" if isinstance(item["input"], dict | list) else f" (got {item['input']!r})"
            out.append(f"{where}{dotted or 'configuration'}: {message[:1].lower()}{message[1:]}{shown}")
    return "\n".join(out)


def all_keys(model: type[BaseModel] = Config, prefix: str = "") -> list[str]:
    """Every key of the configuration, dotted; entries of lists appear as `0`."""
    keys = []
    for name, info in model.model_fields.items():
        dotted = f"{prefix}{name}"
        keys.append(dotted)
        nested = [t for t in (info.annotation, *get_args(info.annotation)) if isinstance(t, type) and issubclass(t, BaseModel)]
        is_list = "list" in str(info.annotation)
        for kind in nested:
            keys.extend(all_keys(kind, f"{dotted}.0." if is_list else f"{dotted}."))
    return keys


def nearest_key(dotted: str) -> str | None:
    """The valid key that a misspelt one most likely meant: the same last word elsewhere, or the closest spelling."""
    known = all_keys()
    last = dotted.rsplit(".", 1)[-1]
    same_name = [k for k in known if k.rsplit(".", 1)[-1] == last]
    if same_name:
        return same_name[0]
    siblings = [k for k in known if k.rpartition(".")[0] == dotted.rpartition(".")[0]]
    for pool in (siblings, known):
        near = difflib.get_close_matches(dotted, pool, n=1, cutoff=0.75)
        if near:
            return near[0]
    names = {k.rsplit(".", 1)[-1]: k for k in known}
    near = difflib.get_close_matches(last, names, n=1, cutoff=0.7)
    return names[near[0]] if near else None
