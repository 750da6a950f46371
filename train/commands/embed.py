"""`embed-tune embed`."""

from __future__ import annotations


def embed_command() -> None:
    """Turn a file of texts into vectors."""
