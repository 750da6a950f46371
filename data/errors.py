"""Errors for people: what was wrong, where, and how to correct it."""

from __future__ import annotations


class DataError(ValueError):
    """Something about the user's data is wrong. The text says what, where, and how to correct it.

    Args:
        what: what is wrong, in one sentence.
        where: file, line or row and column, as far as known (`pairs.csv, line 12, column "score"`).
        hint: what the user can do.
        plain: `what` without the content of the cell, where it quotes one; for files that hold no texts of the user.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None, plain: str | None = None) -> None:
        self.what, self.where, self.hint, self.plain = what, where, hint, plain or what
        parts = [what if where is None else f"{where}: {what}"]
        if hint:
            parts.append(f"  What to do: {hint}")
        super().__init__("\n".join(parts))
