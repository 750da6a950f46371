"""Asks before money is spent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from train.console import say
from train.encode.api.prices import Estimate, dollars
from train.errors import ConfigError, Interrupted


def confirm_spending(estimates: Sequence[Estimate], yes: bool, ask: Callable[[str], str] = input) -> None:
    """Say what requests would cost, and go on only if the person agrees. Nothing is asked where nothing is to be paid.

    Args:
        estimates: one a model.
        yes: `--yes` was given.
        ask: how to ask; a terminal is needed for it.

    Raises:
        ConfigError: there is nobody to ask.
        Interrupted: the answer is not yes.
    """
    charged = [one for one in estimates if one.texts and one.usd != 0]
    if not charged:
        return
    for one in charged:
        say(f"  {one.sentence()}")
    known = sum(one.usd or 0 for one in charged)
    total = f"about {dollars(known)}" + (", and what has no known price" if any(one.usd is None for one in charged) else "")
    if yes:
        say(f"  together {total}; agreed to by --yes")
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            f"this would cost {total}, and nobody can be asked",
            hint="agree beforehand with --yes, or leave out models behind an API",
        )
    try:
        answer = ask(f"  together {total}. Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise Interrupted("none of your texts was sent, and nothing was spent on them")
