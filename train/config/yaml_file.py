"""A YAML file as a tree of values, with the line of each key and each scalar as it was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from data.errors import nearest
from train.config.packaged import packaged_beside
from train.errors import ConfigError

UTF8_HINT = "save the file as UTF-8, or convert it: `iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW`"
DATA_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx")
EXAMPLE = "write lines of `key: value`, as the files in configs/ do"

Place = tuple[Any, ...]
"""Keys and list indices that lead to a value."""


@dataclass
class YamlFile:
    """What a file holds, or several of them laid on one another.

    Attributes:
        tree: the values.
        lines: the lines (from 1) of keys and list entries.
        written: the scalars as they stand there.
        files: the file that a key or list entry stands in.
    """

    tree: dict[str, Any] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    written: dict[Place, str] = field(default_factory=dict)
    files: dict[Place, Path] = field(default_factory=dict)

    def places(self) -> dict[Place, str]:
        """Return file and line of each key and list entry, for people."""
        return {place: f"{self.files[place]}, line {line}" for place, line in self.lines.items()}


def read_yaml(path: Path) -> YamlFile:
    """Read a mapping.

    Raises:
        ConfigError: the file is not there, not UTF-8, not YAML, no mapping, names a key twice, or contains itself.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found = YamlFile()
        if node is not None:
            _collect(node, (), (), found, path)
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _broken(path, error) from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        hint = f"give a data file with --data {path}" if path.suffix.lower() in DATA_SUFFIXES else EXAMPLE
        what = f"{path}: a config maps keys to values, but this file holds a {type(tree).__name__}"
        raise ConfigError(what, hint=hint)
    found.tree = tree
    found.files = dict.fromkeys(found.lines, path)
    return found


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        siblings = {p.stem: p for p in sorted([*packaged_beside(path), *path.parent.glob("*.y*ml")])}
        near = nearest(path.stem, siblings)
        shipped = "check the path; the configs that come with embed-tune are found in any folder, as configs/quick.yaml"
        hint = f"did you mean {siblings[near]}?" if near else shipped
        raise ConfigError(f"{path}: no such config file", hint=hint) from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})", hint="name a YAML file that you are allowed to read"
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"{path}, line {line}: not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start} of the file"
        raise ConfigError(what, hint=UTF8_HINT) from None


def _broken(path: Path, error: yaml.YAMLError) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    at = f", line {mark.line + 1}" if mark else ""
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    hint = "look at that line and the one above it: there is a colon, quote or bracket missing, or one too many"
    if "\\t" in problem:
        hint = "indent with spaces; YAML does not allow tabs there"
    elif "tag" in problem:
        hint = "write plain values; YAML tags (!…) are not supported"
    return ConfigError(f"{path}{at}: not valid YAML ({problem})", hint=hint)


def _collect(node: yaml.Node, place: Place, above: tuple[int, ...], found: YamlFile, path: Path) -> None:
    """Collect the lines of every key and the text of every scalar below `node`; `above` are the nodes that contain it."""
    if id(node) in above:
        what = f"{path}, line {node.start_mark.line + 1}: the anchor contains itself"
        raise ConfigError(what, hint="write the value out instead of the alias (*)")
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                what = f"{path}, line {key.start_mark.line + 1}: a key must be a single word, but this one is a list or a mapping"
                raise ConfigError(what, hint="write `key: value`")
            here = (*place, key.value)
            if here in found.lines and key.value != "<<":
                what = f"{path}, line {key.start_mark.line + 1}: {'.'.join(map(str, here))} is given twice"
                raise ConfigError(f"{what} (first on line {found.lines[here]})", hint="remove one of the two")
            found.lines[here] = key.start_mark.line + 1
            _collect(value, here, above, found, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found.lines[(*place, index)] = value.start_mark.line + 1
            _collect(value, (*place, index), above, found, path)
    elif isinstance(node, yaml.ScalarNode):
        found.written[place] = node.value
