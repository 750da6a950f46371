"""Opens the vector cache that a setting names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from train.encode.cache.cache import VectorCache
from train.encode.cache.store import StoreError, VectorStore
from train.errors import ConfigError

ROOM = "vectors"
"""Folder of the file store, below that of everything else that runs share."""
PLACES = "auto, off, a folder, or redis://HOST:PORT/DB"


def open_cache(place: str, folder: Path, warn: Callable[[str], None]) -> VectorCache | None:
    """The cache in a place.

    Args:
        place: `auto` (a file below `folder`), `off`, a folder, or the address of a Redis server (see `RedisStore`).
        folder: of what all runs share.
        warn: gets a sentence when the store fails later on.

    Returns:
        None for `off`; and for `auto` where the file cannot be used, which is said.

    Raises:
        ConfigError: the place cannot be used.
    """
    if place == "off":
        return None
    try:
        return VectorCache(_store(place, folder, warn), warn)
    except StoreError as error:
        if place == "auto":
            warn(f"note: vectors are not kept for the next time ({error})")
            return None
        raise ConfigError(f"the vector cache cannot be used: {error}", mend=_mend(place)) from None


def _store(place: str, folder: Path, warn: Callable[[str], None]) -> VectorStore:
    if place.startswith(("redis://", "rediss://")):
        from train.encode.cache.redis_store import RedisStore

        return RedisStore(place)
    if "://" in place:
        raise ConfigError(
            f"the vector cache cannot be at an address that begins with {place.partition('://')[0]}://", mend=f"use {PLACES}"
        )
    from train.encode.cache.file_store import FileStore

    return FileStore(folder / ROOM if place == "auto" else Path(place).expanduser(), warn=warn)


def _mend(place: str) -> str:
    if place.startswith(("redis://", "rediss://")):
        return "start the server, check the address, or set REDIS_PASSWORD; `off` goes without a cache"
    return "name a folder that can be written, or `off`"
