"""`--epochs 3` where a setting is meant: the answer is the whole command as it has to be written."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

from typer.core import TyperCommand

from train.config.compare import CompareSettings
from train.config.messages import fields, nearest_key
from train.config.schema import BaseSettings, JudgeSettings, TrainSettings
from train.errors import ConfigError

OF_TRAINING = ("training.", "mining.", "tracking", "export", "run_name", "panel")
OF_MODELS = ("model.", "vector_cache", "output_dir", "evaluation.batch_size")
TRUE, FALSE = ("true", "yes", "on"), ("false", "no", "off")
OTHER_OPTIONS = {"name": "run_name", "output": "output_dir"}
"""Options of other tools whose words would mean something else as settings."""
WITH_SHORT_FORM = ("model", "tracking", "panel")
"""Sections that can be set by one word."""

Means = Callable[[str], bool]


def _judges(key: str) -> bool:
    return not key.startswith(OF_TRAINING)


def _encodes(key: str) -> bool:
    return key.startswith(OF_MODELS)


def _mines(key: str) -> bool:
    return key.startswith("mining.") or _judges(key)


UNDERSTOOD: dict[str, tuple[type[BaseSettings], Means]] = {
    "train": (TrainSettings, lambda key: True),
    "mine": (JudgeSettings, _mines),
    "compare": (CompareSettings, _judges),
    "embed": (BaseSettings, _encodes),
    "search": (BaseSettings, _encodes),
}
"""Which settings mean something to a command; the others judge."""


class SettingsCommand(TyperCommand):
    """A command that takes settings, KEY=VALUE, and says so to who gives one as an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual.

        Raises:
            ConfigError: an option does not exist, and a setting of this or a similar name does.
        """
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:  # typer may carry click inside itself: the class is known by its name
            if type(error).__name__ != "NoSuchOption":
                raise
            options = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
            found = as_settings(given, options, self.name or "", close=bool(getattr(error, "possibilities", None)))
            if found is None:
                raise
            wrong, words = found
            what = f"{', '.join(wrong)}: there is no such option; settings are written KEY=VALUE"
            raise ConfigError(what, hint=shlex.join([*_program(ctx), *words])) from None


def as_settings(
    words: Sequence[str], options: set[str], command: str, *, close: bool = False
) -> tuple[list[str], list[str]] | None:
    """Return the options that do not exist, and the words with settings in their place; None where one is no setting either.

    Args:
        words: of the command, without its name.
        options: that the command has.
        command: its name, which decides what can be set.
        close: an option has a similar name; then a setting has to have the very name.
    """
    kind, means = UNDERSTOOD.get(command, (JudgeSettings, _judges))
    wrong: list[str] = []
    out: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return wrong, [*out, word, *left]
        name, sign, value = word.partition("=")
        if not word.startswith("--") or name in options:
            out.append(word)
            continue
        found = _setting(name, kind, means, exactly=close)
        if found is None:
            return None
        key, is_switch, no = found
        if not sign:
            value = _value(left, is_switch, no)
        wrong.append(name)
        out.append(f"{key}={value}")
    return wrong, out


def _setting(option: str, kind: type[BaseSettings], means: Means, *, exactly: bool) -> tuple[str, bool, bool] | None:
    """Return the key that an option means, whether it is true or false, and whether the option begins with `--no-`."""
    switches = {key: info.annotation is bool for key, info in fields(kind)}
    sections = {key.rpartition(".")[0] for key in switches} - set(WITH_SHORT_FORM)

    def can_be_set(key: str) -> bool:
        return means(key) and key not in sections

    word = option.removeprefix("--").replace("-", "_")
    key = nearest_key(OTHER_OPTIONS.get(word, word), kind, can_be_set, exactly=exactly)
    if word.startswith("no_") and (negated := nearest_key(word[3:], kind, can_be_set, exactly=True)) and switches[negated]:
        return _short(negated), True, True
    return None if key is None else (_short(key), switches[key], False)


def _short(key: str) -> str:
    """Return a key as it is written for the only data set."""
    return key.replace("data.datasets.0.", "data.")


def _value(left: list[str], is_switch: bool, no: bool) -> str:
    """Take the value of an option from the words that follow it."""
    following = left[0] if left else ""
    if is_switch:
        return left.pop(0) if following.lower() in (*TRUE, *FALSE) and not no else str(not no).lower()
    number = following[1:2].isdigit() or following[1:2] == "."
    return left.pop(0) if following and (number or not following.startswith("-")) else "VALUE"


def _program(ctx: Any) -> list[str]:
    """Return how the command was called; the launcher's script is called without the command's name."""
    program = str(ctx.find_root().info_name)
    own = [] if program.endswith("run.py") and ctx.info_name == "train" else [str(ctx.info_name)]
    return [*program.split(), *own]
