"""Vectors in a file on this machine: SQLite, which several processes may read and write at the same time.

For several machines use Redis: SQLite's locks do not hold on most network file systems.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from data.foreign_errors import NO_SUCH_COLUMN
from train.encode.cache.protocol import StoreError

T = TypeVar("T")

FILE = "vectors.sqlite"
KEEP_BYTES = 8 << 30
"""Bytes that a file may have; beyond them the least recently used vectors go."""
ROWS_AT_ONCE = 5000
"""Rows deleted in one transaction, so that other processes need not wait long."""
KEYS_AT_ONCE = 500
"""Keys in one query; older SQLite libraries take 999 variables at most."""
PATIENCE = 10.0
"""Seconds to wait for another process that writes."""
DAY = 86_400

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS vectors "
    "(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL, used INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used)",  # the oldest are found without reading everything
)


class FileStore:
    """Vectors in `folder`/vectors.sqlite. When a vector was last used is kept to the day.

    Args:
        folder: created if it does not exist.
        keep_bytes: see `KEEP_BYTES`.
        warn: gets the sentence that says that a broken file was set aside.

    Raises:
        StoreError: the folder cannot be made, or the file cannot be used.
    """

    def __init__(self, folder: Path, keep_bytes: int = KEEP_BYTES, warn: Callable[[str], None] = print) -> None:
        self._path, self._keep_bytes, self._warn = folder / FILE, keep_bytes, warn
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None  # of the file that is open
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(error.strerror or str(error)) from None
        self._with(self._make_room)

    @property
    def name(self) -> str:
        """Path of the file."""
        return str(self._path)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `VectorStore`."""
        found = self._with(lambda connection: _select(connection, keys))
        return [found.get(key) for key in keys]

    def put_many(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """See `VectorStore`."""

        def put(connection: sqlite3.Connection) -> None:
            _insert(connection, keys, values)
            _prune(connection, self._keep_bytes)

        self._with(put)

    def close(self) -> None:
        """See `VectorStore`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Make a file that is too large smaller; while it is in use, the room is kept for the vectors to come."""
        if _prune(connection, self._keep_bytes):
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` would give back a single page

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what some work gives with the file; set a broken one aside, and do the work with a new one."""
        for attempt in (1, 2):
            try:
                if self._connection is None:
                    self._inode = self._path.stat().st_ino if self._path.exists() else None
                    self._connection = _connect(self._path)
                return work(self._connection)
            except sqlite3.Error as error:
                if not _is_broken(error) or attempt == 2:
                    raise StoreError(f"{self._path}: {error}") from None
                self._set_aside(error)
            except OSError as error:
                raise StoreError(f"{self._path}: {error.strerror or error}") from None
        raise AssertionError("unreachable")

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Rename a broken file, and the two that SQLite keeps beside it, so that the next use makes a new one."""
        self.close()
        if not self._path.exists() or self._inode not in (None, self._path.stat().st_ino):
            return  # another process has done it already
        broken = f".broken-{time.strftime('%Y%m%d-%H%M%S')}"
        for suffix in ("", "-wal", "-shm"):
            path = self._path.with_name(self._path.name + suffix)
            if path.exists():
                path.replace(path.with_name(path.name + broken))
        self._warn(f"warning: {self._path} was broken ({error}); it was renamed to {FILE}{broken}, and a new one was started")


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file if it is complete enough to be used, or make a new one."""
    connection = sqlite3.connect(path, timeout=PATIENCE)
    try:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # takes effect in a new file
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("SELECT id FROM vectors LIMIT 1").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _select(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the values of the keys that are there, and note that they were used today."""
    found: dict[bytes, bytes] = {}
    old: list[int] = []
    today = int(time.time()) // DAY
    for start in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[start : start + KEYS_AT_ONCE]
        marks = ",".join("?" * len(part))
        rows = connection.execute(f"SELECT id, key, value, used FROM vectors WHERE key IN ({marks})", part)
        for number, key, value, used in rows:
            found[key] = value
            if used < today:
                old.append(number)
    if old:
        with suppress(sqlite3.OperationalError), connection:  # busy, full or read-only: what was found is good all the same
            connection.executemany("UPDATE vectors SET used = ? WHERE id = ?", ((today, number) for number in old))
    return found


def _insert(connection: sqlite3.Connection, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
    today = int(time.time()) // DAY
    with connection:
        connection.executemany(
            "INSERT INTO vectors (key, value, used) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value, used = excluded.used",
            ((key, value, today) for key, value in zip(keys, values, strict=True)),
        )


def _is_broken(error: sqlite3.Error) -> bool:
    """Tell whether the file is no database, a damaged one or another program's, rather than busy, full or read-only."""
    code = getattr(error, "sqlite_errorcode", None)  # errors that the module itself raises have none
    if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    return NO_SUCH_COLUMN.said_by(error)


def _prune(connection: sqlite3.Connection, keep_bytes: int) -> bool:
    """Delete the least recently used vectors until nine tenths of the limit are left; return whether there was one to delete."""
    (page,), (pages,), (free,) = (
        connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_size", "page_count", "freelist_count")
    )
    used = page * (pages - free)
    if used <= keep_bytes:
        return False
    (count,) = connection.execute("SELECT COUNT(*) FROM vectors").fetchone()
    surplus = round(count * (1 - 0.9 * keep_bytes / used))
    oldest = "SELECT id FROM vectors ORDER BY used, id LIMIT ?"
    for done in range(0, surplus, ROWS_AT_ONCE):
        with connection:
            connection.execute(f"DELETE FROM vectors WHERE id IN ({oldest})", (min(ROWS_AT_ONCE, surplus - done),))
    return True
