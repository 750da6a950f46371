"""Files of tokenised texts. Each is written whole under the digest of its bytes, never changed, and mapped into memory when read.

So no lock is needed: two processes that write the same texts write the same file, a name that does not fit the bytes is a damaged
file, and a file that is deleted stays readable for whoever has mapped it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.storage import ASIDE, atomic_path, digest
from train.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

ROOM = "tokens"
"""Folder of all spaces, one folder each, inside the folder that a store is given."""
KEY_BYTES = 16
"""Bytes of a text's key."""
GATHER_ROWS = 1 << 16
"""Texts that are put in order at a time, so that the positions of all tokens never exist at once."""
STALE_SECONDS = 24 * 3600
"""Age at which a temporary file belongs to nobody any more."""


@dataclass(frozen=True, eq=False)
class Segment:
    """N tokenised texts, in the order of their keys.

    Attributes:
        keys: [N] bytes of `KEY_BYTES`, ascending, each once.
        ids: [T] int32, the token ids of all texts, one behind the other.
        offsets: [N + 1] int32; text i has the ids from `offsets[i]` to `offsets[i + 1]`.
        path: the file that is mapped, None for arrays in memory.
    """

    keys: np.ndarray
    ids: np.ndarray
    offsets: np.ndarray
    path: Path | None = field(default=None)

    def __len__(self) -> int:
        """Return N, the number of texts."""
        return len(self.keys)

    def __reduce__(self) -> tuple[Any, ...]:
        """Send a mapped segment to another process as its path, unless the file was deleted since."""
        if self.path is not None and self.path.is_file():
            return _read_again, (self.path,)
        return Segment, (np.array(self.keys), np.array(self.ids), np.array(self.offsets))

    @classmethod
    def of(cls, keys: np.ndarray, ids: np.ndarray, lengths: np.ndarray) -> Segment:
        """Make a segment of texts in any order; of texts with the same key the first is taken.

        Args:
            keys: [N] bytes of `KEY_BYTES`.
            ids: [T] int32, in the order of `keys`.
            lengths: [N] integers, tokens of each text, adding up to T.
        """
        kept, order = np.unique(keys, return_index=True)
        lengths = lengths.astype(np.int64)
        starts = (np.cumsum(lengths) - lengths)[order]
        lengths = lengths[order]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        sorted_ids = np.empty(offsets[-1], dtype=np.int32)
        for first in range(0, len(kept), GATHER_ROWS):
            part = slice(first, first + GATHER_ROWS)
            end = min(first + GATHER_ROWS, len(kept))
            sorted_ids[offsets[first] : offsets[end]] = ids[places(starts[part], lengths[part])]
        return cls(kept, sorted_ids, offsets.astype(np.int32))

    @classmethod
    def merge(cls, segments: Sequence[Segment]) -> Segment:
        """Make one segment with the texts of several, at least one."""
        if len(segments) == 1:
            return segments[0]
        return cls.of(
            np.concatenate([one.keys for one in segments]),
            np.concatenate([one.ids for one in segments]),
            np.concatenate([np.diff(one.offsets) for one in segments]),
        )

    def write(self, folder: Path) -> Segment:
        """Write to a folder, which is made if need be, and give the same segment mapped from its file.

        Raises:
            OSError: the disk is full, or the folder cannot be written to. Nothing half-written stays.
        """
        content = memoryview(_as_arrow(self))
        path = folder / f"{digest(content)}.arrow"
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        return read(path, trusted=True) or self

    def touch(self) -> None:
        """Record that it was used, for `prune`; on a read-only disk this is left out."""
        if self.path is not None:
            with suppress(OSError):
                os.utime(self.path)

    def delete(self) -> None:
        """Delete its file, if it has one; whoever has it mapped can still read it."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()


def read(path: Path, trusted: bool = False) -> Segment | None:
    """Map a segment's file.

    Args:
        path: of the file.
        trusted: it was checked before; pass over its digest.

    Returns:
        None where it is gone, cut off, damaged or not a segment.
    """
    import pyarrow as pa

    try:
        # the mapping remains after the file object is closed: the buffer holds it
        content = pa.memory_map(str(path)).read_buffer()
        if not trusted and digest(memoryview(content)) != path.stem:
            return None
        reader = pa.ipc.open_file(content)
        if reader.schema != _schema() or reader.num_record_batches != 1:
            return None
        batch = reader.get_batch(0)
    except (OSError, pa.ArrowException):
        return None
    _, keys = batch.column("key").buffers()
    _, offsets, _, ids = batch.column("ids").buffers()
    rows = len(batch)
    offset_values = np.frombuffer(offsets, dtype=np.int32, count=rows + 1)
    return Segment(
        np.frombuffer(keys, dtype=f"S{KEY_BYTES}", count=rows),
        np.frombuffer(ids, dtype=np.int32, count=int(offset_values[-1])),
        offset_values,
        path,
    )


def prune(folder: Path, keep_bytes: int) -> int:
    """Delete the segments that were not used for the longest time, until all together take no more than so many bytes.

    Args:
        folder: as given to a store; segments of all its spaces count.
        keep_bytes: bytes that may stay.

    Returns:
        Bytes that stay. What cannot be examined or deleted is skipped.
    """
    now, found = time.time(), []
    for path in (folder / ROOM).glob("*/*"):
        with suppress(OSError):
            status = path.stat()
            abandoned = path.suffix == ASIDE and now - status.st_mtime > STALE_SECONDS
            found.append((float("-inf") if abandoned else status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in found)
    for used, size, path in sorted(found):
        if used != float("-inf") and (total <= keep_bytes or path.suffix != ".arrow"):
            continue
        with suppress(OSError):
            path.unlink()
            total -= size
    for space in (folder / ROOM).glob("*"):
        with suppress(OSError):  # one that is not empty stays, and so does one in which somebody may be about to write
            if now - space.stat().st_mtime > STALE_SECONDS:
                space.rmdir()
    return total


def places(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the positions of the tokens of some texts: `[7, 2], [2, 3]` → `[7, 8, 2, 3, 4]`.

    Args:
        starts: [N] integers, the position of each text's first token.
        lengths: [N] int64.

    Returns:
        [sum of lengths] int64.
    """
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)


def _read_again(path: Path) -> Segment:
    """Return a mapped segment in another process."""
    segment = read(path, trusted=True)
    if segment is None:
        raise RunError(
            f"{path} was deleted or damaged while it was in use", hint="start again; the texts are then tokenised again"
        )
    return segment


def _as_arrow(segment: Segment) -> pa.Buffer:
    import pyarrow as pa

    keys = pa.Array.from_buffers(pa.binary(KEY_BYTES), len(segment), [None, pa.py_buffer(np.ascontiguousarray(segment.keys))])
    batch = pa.record_batch([keys, pa.ListArray.from_arrays(segment.offsets, segment.ids)], schema=_schema())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _schema()) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field("key", pa.binary(KEY_BYTES)), pa.field("ids", pa.list_(pa.int32()))])
