"""`embed-tune search`."""

from __future__ import annotations


def search_command() -> None:
    """Try queries against stored vectors."""
