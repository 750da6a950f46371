"""Settings given as Python values, in the words that the commands read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import yaml

from train.errors import ConfigError


def setting_words(settings: Mapping[str, object] | None) -> list[str]:
    """Return settings as `KEY=VALUE`.

    Args:
        settings: by dotted key, such as `{"training.seed": 1}`.

    Raises:
        ConfigError: a value that no setting can have.
    """
    return [f"{key}={_written(key, value)}" for key, value in (settings or {}).items()]


def column_words(columns: Mapping[str, str | list[str] | None]) -> list[str]:
    """Return `data.columns.ROLE=NAME` for the columns that are named.

    Args:
        columns: names by role, see `data.spec.ColumnSpec`; None where a role is left to be recognised.

    Raises:
        ConfigError: a name is not a text.
    """
    for role, name in columns.items():
        if not (name is None or isinstance(name, str) or (role == "negatives" and isinstance(name, list | tuple))):
            raise ConfigError(f"{role}={name!r} is not the name of a column", hint='write it as a text, for example "question"')
    return setting_words({f"data.columns.{role}": name for role, name in columns.items() if name is not None})


def _written(key: str, value: object) -> str:
    """Return a value as YAML on one line; a text is quoted, so that "2024" and "off" stay texts."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        value = list(value)
    try:
        text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9)
    except yaml.YAMLError:
        kind = type(value).__name__
        raise ConfigError(
            f"{key}: a {kind} cannot be a setting", hint="give a text, number, boolean, None, list or dict"
        ) from None
    return text.removesuffix("\n").removesuffix("\n...")
