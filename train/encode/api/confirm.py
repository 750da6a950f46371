"""Asks before money is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from train.console import say
from train.encode.api.prices import Estimate, dollars
from train.errors import ConfigError, Interrupted

Confirm = Callable[[str], bool]
"""Gets what requests would cost, in words, and returns whether that may be spent."""


def confirm_spending(estimates: Sequence[Estimate], confirm: Confirm | None) -> None:
    """Say what requests would cost, and continue only if that is agreed to. Nothing is asked where nothing is to be paid.

    Args:
        estimates: one a model.
        confirm: asked before money is spent; None refuses.

    Raises:
        ConfigError: there is nobody to ask.
        Interrupted: the answer is no.
    """
    charged = [one for one in estimates if one.texts and one.usd != 0]
    if not charged:
        return
    for one in charged:
        say(f"  {one.sentence()}")
    known = sum(one.usd or 0 for one in charged)
    total = f"about {dollars(known)}" + (
        ", plus models whose price is not known" if any(one.usd is None for one in charged) else ""
    )
    if confirm is None:
        raise ConfigError(
            f"this would cost {total}, and nobody can be asked",
            hint="agree beforehand with --yes (in Python: confirm=lambda cost: True), or leave out models behind an API",
        )
    if not confirm(total):
        raise Interrupted("none of your texts was sent, and nothing was spent on them")
