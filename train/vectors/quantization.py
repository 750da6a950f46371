"""Vectors in fewer bytes: half precision, a byte a dimension, a bit a dimension.

Shapes: N vectors, D dimensions. The arithmetic of `int8`, `uint8`, `binary` and `ubinary` is that of Sentence Transformers
(`quantize_embeddings`), so that its index helpers and vector databases take what is made here.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from train.errors import ConfigError

Precision = Literal["float32", "float16", "int8", "uint8", "binary", "ubinary"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
CALIBRATED = ("int8", "uint8")
"""Precisions that need the range of each dimension."""
BITS = ("binary", "ubinary")
"""Precisions with a bit a dimension; eight share a byte, the first dimension in its highest bit."""

Ranges = np.ndarray
"""[2, D] float32: lowest and highest value of each dimension, which become the first and the last of 256 steps."""


def width(precision: Precision, dimensions: int) -> int:
    """Return how many numbers a stored vector has: D, or D / 8 rounded up where a number holds eight bits."""
    return -(-dimensions // 8) if precision in BITS else dimensions


def dtype(precision: Precision) -> np.dtype:
    """Return the type of the numbers in a stored vector."""
    return np.dtype({"float32": "<f4", "float16": "<f2", "int8": "i1", "uint8": "u1", "binary": "i1", "ubinary": "u1"}[precision])


def bytes_per_vector(precision: Precision, dimensions: int) -> int:
    """Return the bytes of a stored vector, without its id. ubinary takes a 32nd of float32 where D is a multiple of 8."""
    return width(precision, dimensions) * dtype(precision).itemsize


def calibrate(vectors: np.ndarray) -> Ranges:
    """Return the range of each dimension over a sample [N, D] of the vectors to come. Ten thousand are enough.

    Raises:
        ConfigError: one vector has no range.
    """
    if len(vectors) < 2:
        raise ConfigError(
            "int8 and uint8 need the range of each dimension, and one vector has none",
            hint="give more texts, or --precision float16",
        )
    return np.stack([vectors.min(axis=0), vectors.max(axis=0)]).astype(np.float32)


def outside(vectors: np.ndarray, ranges: Ranges) -> int:
    """Count the values of vectors that lie outside the ranges, so that they are put to their ends."""
    return int(((vectors < ranges[0]) | (vectors > ranges[1])).sum())


def ranges_as_json(ranges: Ranges) -> dict[str, list[float]]:
    """Return ranges as written into a file; the decimals give back the same float32 numbers."""
    return {"low": ranges[0].tolist(), "high": ranges[1].tolist()}


def ranges_from_json(content: Any) -> Ranges:
    """Read what `ranges_as_json` gave.

    Raises:
        ValueError: it is not of that form, or no range.
    """
    try:
        ranges = np.array([content["low"], content["high"]], dtype=np.float32)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"ranges are written {{low: [...], high: [...]}} ({type(error).__name__})") from None
    if ranges.ndim != 2 or not np.isfinite(ranges).all():
        raise ValueError("a range is not a list of numbers, or holds NaN or infinity")
    if (ranges[0] > ranges[1]).any():
        raise ValueError(f"the range of dimension {int(np.argmax(ranges[0] > ranges[1]))} ends before it begins")
    return ranges


def quantise(vectors: np.ndarray, precision: Precision, ranges: Ranges | None = None) -> np.ndarray:
    """Return vectors [N, D] float32 as [N, `width`] numbers of `dtype`.

    Args:
        vectors: what the model gave.
        precision: which form.
        ranges: for int8 and uint8. What lies outside of them is put to their ends: it is never wrapped around.

    Raises:
        ConfigError: a value is too large for float16.
        ValueError: int8 or uint8 without ranges.
    """
    if precision == "float16" and vectors.size and (most := float(np.abs(vectors).max())) > float(np.finfo(np.float16).max):
        raise ConfigError(f"a value of {most:,.0f} does not fit into float16", hint="give --precision float32")
    if precision in ("float32", "float16"):
        return vectors.astype(dtype(precision))
    if precision in BITS:
        bits = np.packbits(vectors > 0, axis=1)
        return bits if precision == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)
    if ranges is None:
        raise ValueError(f"{precision} needs ranges")
    steps = (ranges[1] - ranges[0]) / 255
    numbers = np.clip(np.floor((vectors - ranges[0]) / np.where(steps == 0, 1, steps)), 0, 255)
    stored: np.ndarray = numbers.astype(np.uint8) if precision == "uint8" else (numbers - 128).astype(np.int8)
    return stored


def dequantise(codes: np.ndarray, precision: Precision, dimensions: int, ranges: Ranges | None = None) -> np.ndarray:
    """Return the vectors [N, D] float32 that stored ones stand for: the middle of their step; −1 or 1 for a bit.

    Raises:
        ValueError: int8 or uint8 without ranges.
    """
    if precision in ("float32", "float16"):
        return codes.astype(np.float32)
    if precision in BITS:
        bits = np.unpackbits(as_ubinary(codes, precision), axis=1, count=dimensions)
        signs: np.ndarray = bits.astype(np.float32) * 2 - 1
        return signs
    if ranges is None:
        raise ValueError(f"{precision} needs ranges")
    steps = (ranges[1] - ranges[0]) / 255
    numbers = codes.astype(np.float32) + (128 if precision == "int8" else 0)
    middle = ranges[0] + (numbers + 0.5) * np.where(steps == 0, 1, steps)
    return np.asarray(np.where(steps == 0, ranges[0], np.minimum(middle, ranges[1])), dtype=np.float32)


def as_ubinary(codes: np.ndarray, precision: Precision) -> np.ndarray:
    """Return bits as uint8, whichever of the two forms they have: binary is ubinary − 128."""
    return codes if precision == "ubinary" else (codes.astype(np.int16) + 128).astype(np.uint8)
