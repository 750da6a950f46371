"""The protocol of a place in which vectors are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class StoreError(Exception):
    """A store cannot be used right now; the text says why, as half a sentence without passwords."""


class VectorStore(Protocol):
    """Bytes by key. Any number of processes may use one place at the same time."""

    @property
    def name(self) -> str:
        """Where it is, for people; never with a password."""
        ...

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key, None for those that are not there.

        Raises:
            StoreError: the store cannot be used.
        """
        ...

    def put_many(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep values, each instead of an older one.

        Raises:
            StoreError: the store cannot be used.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
