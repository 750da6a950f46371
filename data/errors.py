"""Errors for people: what was wrong, where, and how to correct it; and the two helpers that word them.

The lowest layer: everything may stand on it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LIKE_ENOUGH = 0.6
"""How alike two words must be (0 to 1) for one to be offered instead of the other: difflib's own default."""

LONGEST_REASON = 200
"""Characters that a library's error may add to a message: about two lines of a terminal."""


class EmbedTuneError(Exception):
    """Base of everything that is reported to the user without a traceback. Its text says what, where, and what to do.

    Args:
        what: what is wrong, in one sentence.
        where: file, line or row and column, as far as known (`pairs.csv, line 12, column "score"`).
        hint: what the user can do.

    Attributes:
        message: `where` and `what`, without the hint.
        exit_code: what the command line ends with.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what, self.where, self.hint = what, where, hint
        self.message = what if where is None else f"{where}: {what}"
        super().__init__(f"{self.message}\n  What to do: {hint}" if hint else self.message)


class DataError(EmbedTuneError, ValueError):
    """Something about the user's data is wrong.

    Args:
        what: what is wrong, in one sentence.
        where: file, line or row and column, as far as known.
        hint: what the user can do.
        plain: `what` without the content of the cell, where it quotes one; for files that hold no texts of the user.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None, plain: str | None = None) -> None:
        self.plain = plain or what
        super().__init__(what, where=where, hint=hint)


def nearest(word: str, known: Iterable[str], *, cutoff: float = LIKE_ENOUGH) -> str | None:
    """Return the known word that the user may have meant, for "did you mean"; None where none is alike.

    Args:
        word: what was given.
        known: the words that are understood; of equally alike ones, which is returned does not depend on their order.
        cutoff: how alike the two must be, 0 to 1.
    """
    found = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return found[0] if found else None


def reason(error: BaseException, *, most: int = LONGEST_REASON) -> str:
    """Return the first line of a library's error that says something, or its class where none does; at most `most` characters."""
    lines = (line.strip() for line in str(error).splitlines())
    return (next(filter(None, lines), "") or type(error).__name__)[:most]
