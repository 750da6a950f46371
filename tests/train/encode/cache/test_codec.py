"""Keys tell spaces and texts apart; values come back bit for bit or not at all."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from train.encode.cache.codec import KEY_BYTES, keys_of, pack, unpack

FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=FLOATS))
def test_vectors_come_back_bit_for_bit(vectors: np.ndarray) -> None:
    for vector, value in zip(vectors, pack(vectors), strict=True):
        found = unpack(value, vectors.shape[1])
        assert found is not None and found.tobytes() == vector.tobytes()


@given(st.binary(max_size=80), st.integers(1, 16))
def test_other_bytes_are_no_vector(value: bytes, dimensions: int) -> None:
    assert unpack(value, dimensions) is None


@given(st.integers(0, 12 + 4 * 8 - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    value = bytearray(pack(np.arange(8, dtype=np.float32)[None])[0])
    if place == 3:
        return  # a byte of padding, which says nothing
    value[place] ^= change
    assert unpack(bytes(value), 8) is None


def test_short_long_and_other_dimensions_are_refused() -> None:
    value = pack(np.ones((1, 8), dtype=np.float32))[0]
    assert (
        unpack(value[:-1], 8) is None and unpack(value + b"\0", 8) is None and unpack(value, 4) is None and unpack(b"", 8) is None
    )


def test_keys_differ_by_space_and_text() -> None:
    keys = [*keys_of("a", ["x", "y", "", "\ud800"]), *keys_of("b", ["x"]), *keys_of("ax", [""])]
    assert len(set(keys)) == len(keys) and all(len(key) == KEY_BYTES for key in keys)
    assert keys_of("a", ["x"]) == keys[:1]
