"""Work that continues where it was: vectors in parts, each a file that is complete or absent.

A part has a key, a digest of everything that its content follows from: model, role, precision, ranges, ids and texts. Whether a
part of an earlier attempt is still good is thus known from the part itself: one that was made from other texts, by another model
or with other settings is made again, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from data.storage import atomic_path, digest, remove_leftovers, write_text
from train.errors import RunError
from train.vectors.quantization import Ranges, ranges_as_json, ranges_from_json

if TYPE_CHECKING:
    import pyarrow as pa

KEY = b"embed-tune-part"
RANGES = "ranges.json"
LOCK = "lock"


def part_key(settings: Any, ids: Sequence[str], texts: Sequence[str]) -> str:
    """Return the key of a part, 32 hexadecimal digits.

    Args:
        settings: all that decides the part besides its texts, as JSON.
        ids: N ids.
        texts: N texts.
    """
    found = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    for identity, text in zip(ids, texts, strict=True):
        for word in (identity, text):
            raw = word.encode("utf-8", "surrogatepass")
            found.update(len(raw).to_bytes(8, "little"))
            found.update(raw)
    return found.hexdigest()


class Parts:
    """The parts of one file of vectors, in a hidden folder beside it. Several processes may write different parts.

    Args:
        out: the file.
        shown: what the parts are for, in messages; by default the file.
        make: make the folder; without it parts can only be looked for.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, out: Path, shown: str | None = None, *, make: bool = True) -> None:
        self._out, self._shown = out, shown or str(out)
        self._lock: IO[str] | None = None
        self._held = False
        self.folder = out.with_name(f".{out.name}.parts")
        if make:
            self.folder.mkdir(parents=True, exist_ok=True)

    def hold(self) -> None:
        """Keep other programs from writing the same file, for as long as this process lives. Nothing happens on Windows.

        Raises:
            RunError: another one does so now.
        """
        if sys.platform != "win32":
            import fcntl

            self._lock = (self.folder / LOCK).open("w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_leftovers(self._out.parent, self._out.name)
                remove_leftovers(self.folder)
            except BlockingIOError:
                raise RunError(f"another process is writing {self._shown}", hint="wait for it, or name another one") from None
            except OSError as error:  # some network file systems know no locks
                logging.getLogger(__name__).info("%s cannot be locked: %s", self.folder, error)
        self._held = True

    def begun(self) -> bool:
        """Tell whether an earlier attempt left parts."""
        return next(self.folder.glob("*.parquet"), None) is not None

    def state(self, number: int, key: str) -> bool | None:
        """Tell whether a part is there and good; None where none is there. Reads the end of the file only."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(number)
        if not path.is_file():
            return None
        try:
            return (pq.read_schema(path).metadata or {}).get(KEY) == key.encode()
        except (OSError, pa.ArrowException):
            return False

    def write(self, number: int, key: str, table: pa.Table) -> None:
        """Write a part, instead of an older one.

        Raises:
            OSError: it cannot be written.
        """
        import pyarrow.parquet as pq

        with atomic_path(self._path(number)) as temporary:
            pq.write_table(table.replace_schema_metadata({KEY: key}), temporary, compression="none", use_dictionary=False)

    def rows(self, count: int) -> int:
        """Return the number of rows of parts 0..count - 1 together."""
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(self._path(number)).num_rows for number in range(count))

    def key(self, count: int) -> str:
        """Return a digest of everything in parts 0..count - 1."""
        import pyarrow.parquet as pq

        keys = [(pq.read_schema(self._path(number)).metadata or {}).get(KEY, b"").decode() for number in range(count)]
        return digest(json.dumps(keys))

    def tables(self, count: int, first: int = 0) -> Iterator[pa.Table]:
        """Yield parts `first`..count - 1, one at a time."""
        import pyarrow.parquet as pq

        for number in range(first, count):
            yield pq.read_table(self._path(number), memory_map=False)

    def ranges(self, key: str) -> Ranges | None:
        """Return the ranges that were found before under this key."""
        try:
            content = json.loads((self.folder / RANGES).read_text(encoding="utf-8"))
            return ranges_from_json(content["ranges"]) if content["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_ranges(self, key: str, ranges: Ranges) -> None:
        """Keep ranges under a key, instead of others."""
        write_text(self.folder / RANGES, json.dumps({"key": key, "ranges": ranges_as_json(ranges)}))

    def discard(self) -> None:
        """Delete all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def leave(self) -> None:
        """Delete the folder if this process holds it and nothing is in it yet that would be missed."""
        if self._held and not self.begun():
            self.discard()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.parquet"
