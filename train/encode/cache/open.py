"""Opening the vector cache that a setting names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from train.distributed import on_one_machine, totals
from train.encode.cache.cache import Counters, VectorCache
from train.encode.cache.protocol import StoreError, VectorStore
from train.errors import ConfigError

ROOM = "vectors"
"""Folder of the file store, below that of everything else that runs share."""
PLACES = "auto, off, a folder, or redis://HOST:PORT/DB"
SCHEMES = ("redis", "rediss")
NO_FOLDERS = frozenset({"", "no", "none", "false", "on", "yes", "true", "redis"})
"""What is more likely a mistake than the name of a folder."""


def open_cache(place: str, folder: Path, warn: Callable[[str], None]) -> VectorCache | None:
    """Open the cache in a place.

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
            warn(f"note: vectors are not kept for later runs ({error})")
            return None
        raise ConfigError(f"the vector cache cannot be used: {error}", hint=_hint(place)) from None


def open_shared_cache(place: str, folder: Path, warn: Callable[[str], None]) -> VectorCache | None:
    """Open the cache that all processes of a run use; see `open_cache`.

    A file is not shared by several machines, whose locks do not hold on most network file systems: there `auto` is none.
    """
    return None if place == "auto" and not on_one_machine() else open_cache(place, folder, warn)


def counters_of_all(cache: VectorCache | None) -> Counters:
    """Return what all processes did with the cache, together. Every process must call it at the same time."""
    own = astuple(Counters() if cache is None else cache.counters)
    return Counters(*(int(total) for total in totals(own)))


def _store(place: str, folder: Path, warn: Callable[[str], None]) -> VectorStore:
    scheme, colon, _ = place.partition(":")
    if _is_redis(place):
        from train.encode.cache.redis_store import RedisStore

        return RedisStore(place)
    if "://" in place or (colon and scheme.lower() in SCHEMES):
        raise ConfigError(f"the vector cache cannot be at an address that begins with {scheme}:", hint=f"use {PLACES}")
    if place.strip().lower() in NO_FOLDERS:
        raise ConfigError(f"the vector cache cannot be in {place!r}", hint=f"use {PLACES} (./{place.strip() or 'vectors'})")
    from train.encode.cache.sqlite_store import FileStore

    try:
        return FileStore(folder / ROOM if place == "auto" else Path(place).expanduser(), warn=warn)
    except RuntimeError as error:  # ~name of a user who is not known
        raise StoreError(f"{place}: {error}") from None


def _is_redis(place: str) -> bool:
    return place.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def _hint(place: str) -> str:
    if _is_redis(place):
        return "start the server, check the address, or set REDIS_PASSWORD; `off` goes without a cache"
    return "name a folder that can be written, or `off`"
