"""Several YAML files as one configuration: a later file takes precedence over an earlier one, key by key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.config.packaged import config_file
from train.config.short_forms import expand_single_dataset
from train.config.yaml_file import Place, YamlFile, read_yaml
from train.errors import ConfigError

SECTIONS = frozenset({"model", "data", "mining", "training", "evaluation", "tracking", "export"})
"""Keys that hold other keys; without any they count as left out."""

FOR_ALL_DATA = frozenset({"split", "leaks", "near", "strict"})
"""Keys of the `data` section that are about every data set; those of another file or of `--data` too."""

SHORT = {"model": "name", "tracking": "backend"}
"""Sections that may be one word, and the key that it stands for."""


def read_layers(paths: Sequence[Path]) -> YamlFile:
    """Read files, each of which overrides those before it.

    Lists are replaced whole, and a file that names data sets replaces all of them.

    Raises:
        ConfigError: see `read_yaml`.
    """
    together = YamlFile()
    for path in paths:
        layer = read_yaml(config_file(path))
        # a section whose keys are all commented out is an empty one
        layer.tree = {key: value for key, value in layer.tree.items() if value is not None or key not in SECTIONS}
        together = _laid_on(together, layer) if together.tree else layer
    return together


def expand_data(value: Any) -> Any:
    """Return the `data` section with its short forms written out, as far as it is well-formed."""
    try:
        return expand_single_dataset(value) if value is not None else {}
    except ValueError as error:
        raise ConfigError(str(error), hint="say which data set you mean") from None


def _laid_on(below: YamlFile, above: YamlFile) -> YamlFile:
    gone: list[Place] = []
    for key in below.tree.keys() & above.tree.keys():
        _match_forms(below.tree, above.tree, key, gone)
    tree = _merged(below.tree, above.tree, (), gone)

    def stays(place: Place) -> bool:
        return not any(place[: len(one)] == one for one in gone)

    return YamlFile(
        tree,
        {place: line for place, line in below.lines.items() if stays(place)} | above.lines,
        {place: text for place, text in below.written.items() if stays(place)} | above.written,
        {place: path for place, path in below.files.items() if stays(place)} | above.files,
    )


def _match_forms(below: dict[str, Any], above: dict[str, Any], key: str, gone: list[Place]) -> None:
    """Write out the short forms of a section that both files have; data sets of the lower file go where the upper has some."""
    if key in SHORT and isinstance(above[key], dict) and isinstance(below[key], str):
        below[key] = {SHORT[key]: below[key]}
    elif key in SHORT and isinstance(above[key], str) and isinstance(below[key], dict):
        above[key] = {SHORT[key]: above[key]}
    elif key == "data":
        below[key], above[key] = ({"source": one} if isinstance(one, str) else one for one in (below[key], above[key]))
        if isinstance(above[key], dict) and isinstance(below[key], dict) and above[key].keys() & {"source", "datasets"}:
            gone += [(key, name) for name in below[key] if name not in FOR_ALL_DATA]
            below[key] = {name: value for name, value in below[key].items() if name in FOR_ALL_DATA}


def _merged(below: dict[str, Any], above: dict[str, Any], place: Place, gone: list[Place]) -> dict[str, Any]:
    """Merge `above` into `below`, mapping by mapping; add the places of what it replaces to `gone`."""
    out = dict(below)
    for key, value in above.items():
        here = (*place, key)
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merged(out[key], value, here, gone)
            continue
        if key in out:
            gone.append(here)
        out[key] = value
    return out
