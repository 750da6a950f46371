"""Words of a command line that name a data set."""

from __future__ import annotations

from pathlib import Path

from data.errors import nearest
from data.sources import names_source
from train.config.messages import nearest_key
from train.errors import ConfigError

FORMS = "write key=value, for example training.epochs=2; data sets are files, folders, globs or ids on the Hub (owner/name)"


def require_source(word: str) -> None:
    """Refuse a word that is neither a data set nor written like one.

    Raises:
        ConfigError: with what may be meant: a file of a similar name, or a setting.
    """
    if names_source(word):
        return
    hint = FORMS
    if (key := nearest_key(word.replace("-", "_"), exactly=True)) is not None and key != word:
        hint = FORMS.replace("training.epochs=2", f"{key}=VALUE")
    elif near := nearest(word, (path.name for path in Path().iterdir())):
        hint = f"did you mean {near}? {FORMS[0].upper()}{FORMS[1:]}"
    raise ConfigError(f"`{word}` is not a setting, and there is no file or folder of that name", hint=hint)
