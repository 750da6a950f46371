"""How vectors are kept: under which key, and in which bytes.

A value begins with a header (format, number of dimensions, CRC-32 of the rest), so that one that was cut, overwritten or written
by something else is recognised and computed again.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence

import numpy as np

KEY_BYTES = 16
_HEADER = struct.Struct("<2sBxII")
_MAGIC, _FORMAT = b"ev", 1


def keys_of(space: str, texts: Sequence[str]) -> list[bytes]:
    """Return the key of each text in a space (see `train.encode.fingerprint`): BLAKE2b of both, 16 bytes."""
    start = hashlib.blake2b(space.encode() + b"\0", digest_size=KEY_BYTES)
    keys = []
    for text in texts:
        one = start.copy()
        one.update(text.encode("utf-8", "surrogatepass"))
        keys.append(one.digest())
    return keys


def pack(vectors: np.ndarray) -> list[bytes]:
    """Return the value of each of [N, D] float32 vectors."""
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    out = []
    for row in rows:
        body = row.tobytes()
        out.append(_HEADER.pack(_MAGIC, _FORMAT, len(row), zlib.crc32(body)) + body)
    return out


def unpack(value: object, dimensions: int) -> np.ndarray | None:
    """Return the vector [D] float32 in a value, bit for bit as packed; None where it has other dimensions or is damaged."""
    if not isinstance(value, bytes) or len(value) != _HEADER.size + 4 * dimensions:  # SQLite keeps whatever was put there
        return None
    magic, form, width, checksum = _HEADER.unpack_from(value)
    if (magic, form, width) != (_MAGIC, _FORMAT, dimensions) or zlib.crc32(memoryview(value)[_HEADER.size :]) != checksum:
        return None
    return np.frombuffer(value, dtype="<f4", offset=_HEADER.size)
