"""What `embed-tune settings` finds: settings by a word in their key or description."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.errors import nearest
from train.config.compare import CompareSettings
from train.config.describe import SECTIONS, Setting, all_settings
from train.config.messages import nearest_key
from train.console import notebook_view
from train.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 80
"""Columns of a terminal that is not enlarged."""
COLUMNS = ["key", "type", "bounds", "default", "description"]


@dataclass(frozen=True)
class SettingsFound:
    """Settings and what they were found by.

    Attributes:
        word: what was looked for; None: all are listed.
        settings: in the order of the configuration.
    """

    word: str | None
    settings: tuple[Setting, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return them for JSON."""
        return {"word": self.word, "settings": [one.to_dict() for one in self.settings]}

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with a row per setting."""
        import pandas

        return pandas.DataFrame([one.to_dict() for one in self.settings], columns=COLUMNS)

    def __str__(self) -> str:
        """Return them as text, each with its values, its default and what it does."""
        lines: list[str] = []
        section = None
        for one in self.settings:
            if one.section != section and self.word is None:
                section = one.section
                lines += ["", *textwrap.wrap(f"[{section}] {SECTIONS[section]}".replace("`", ""), WIDTH), ""]
            default = "required" if one.required else f"default: {one.shown_default() or 'none'}"
            lines += [one.key, *_indented(f"{one.values()}; {default}"), *_indented(one.description)]
        return "\n".join(lines).strip("\n")

    def _repr_html_(self) -> str:
        return notebook_view(f"{len(self.settings)} settings", self.to_pandas())


def find_settings(word: str | None = None) -> SettingsFound:
    """Find the settings whose key, choices or description hold a word; all of them if none is given.

    Raises:
        ConfigError: none does. It names the nearest key.
    """
    every = all_settings()
    if word is None:
        return SettingsFound(None, tuple(every))
    found = tuple(one for one in every if one.holds(word))
    if not found:
        near = _nearest(word, [one.key for one in every])
        raise ConfigError(f"no setting has {word!r} in its key or description", hint=f"did you mean {near}?")
    return SettingsFound(word, found)


def _nearest(word: str, keys: list[str]) -> str:
    """Return the key that a word is most likely to mean; however far off, there is one."""
    meant = (nearest_key(word, CompareSettings) or "").replace("datasets.0.", "")
    return meant if meant in keys else nearest(word, keys, cutoff=0.0) or keys[0]


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
