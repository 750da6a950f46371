"""Settings given as Python values, in the words that the commands read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import yaml

from train.errors import ConfigError


def setting_words(*given: Mapping[str, object] | None) -> list[str]:
    """Return settings as `KEY=VALUE`.

    Args:
        given: settings by dotted key, such as `{"training.seed": 1}`; a section may also be a mapping of its own, as in YAML.

    Raises:
        ConfigError: a value that no setting can have, or one setting given two values.
    """
    words: dict[str, str] = {}
    for settings in given:
        if settings is not None and not isinstance(settings, Mapping):
            kind = type(settings).__name__
            raise ConfigError(f"settings are a mapping, and here is a {kind}", hint='write {"training.seed": 1}')
        for key, value in _leaves(settings or {}):
            word = f"{key}={_written(key, value)}"
            if words.setdefault(key, word) != word:
                what = f"{key} is given twice, with different values"
                raise ConfigError(what, hint="give it once: as an argument, with the model, or among the settings")
    return list(words.values())


def column_settings(columns: Mapping[str, str | list[str] | None]) -> dict[str, object]:
    """Return `data.columns.ROLE` with the name of each column that is named.

    Args:
        columns: names by role, see `data.spec.ColumnSpec`; None where a role is left to be recognised.

    Raises:
        ConfigError: a name is not a text.
    """
    for role, name in columns.items():
        if not (name is None or isinstance(name, str) or (role == "negatives" and isinstance(name, list | tuple))):
            raise ConfigError(f"{role}={name!r} is not the name of a column", hint='write it as a text, for example "question"')
    return {f"data.columns.{role}": name for role, name in columns.items() if name is not None}


def _leaves(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield every setting with its whole key, so that a section given as a mapping replaces nothing but what it names."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _written(key: str, value: object) -> str:
    """Return a value as YAML on one line, in ASCII; a text is quoted, so that "2024" and "off" stay texts."""
    value = _plain(value)
    try:
        str(value).encode("utf-8")
        text: str = yaml.safe_dump(
            value, default_flow_style=True, default_style='"' if isinstance(value, str) else None, width=10**9
        )
    except yaml.YAMLError:
        kind = type(value).__name__
        raise ConfigError(
            f"{key}: a {kind} cannot be a setting", hint="give a text, number, boolean, None, list or dict"
        ) from None
    except UnicodeEncodeError:
        raise ConfigError(f"{key} holds half a character (a lone surrogate)", hint="write the text again") from None
    return text.removesuffix("\n").removesuffix("\n...")


def _plain(value: object) -> object:
    """Return paths, numbers and arrays of NumPy, and tuples as what YAML knows."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return value
