"""`embed-tune compare`."""

from __future__ import annotations


def compare_command() -> None:
    """Compare models on your texts."""
