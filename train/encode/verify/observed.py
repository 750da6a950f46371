"""What a copy of a model gave for the golden texts, whatever it is: a folder, a graph, a server.

Shapes: N texts, D dimensions, T tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from train.encode.encoding_format import EncodingFile

FP32, ONNX, BF16, INT8, SERVICE = "fp32", "onnx", "bf16", "int8", "service"
"""Kinds of copies; each has a tolerance of its own."""


@dataclass(frozen=True)
class Reading:
    """What came back for the golden texts under one prompt.

    Attributes:
        vectors: [N] of [D] each, or [T, D] where a copy gives a vector a token; None where it refused the text.
        refused: by place in `vectors`, why.
        tokens: [N] tokens that the copy counted itself; None where it does not say.
    """

    vectors: tuple[np.ndarray | None, ...]
    refused: dict[int, str] = field(default_factory=dict)
    tokens: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class Observed:
    """All that was seen of a copy.

    Attributes:
        name: what the user called it.
        kind: see `FP32` and its like.
        readings: by place in `EncodingFile.golden`; what the copy has no way for is missing.
        token_ids: [N] digests as in `EncodingFile.token_ids`; None where they cannot be seen.
        weights: digest as in `EncodingFile.weights`; None where they cannot be seen.
        settings: what the copy's own files say, by name as in `EncodingContract`.
        together: largest cosine distance between texts read alone and read beside others.
        tolerance: that the copy brings along (of a judged export); None for the usual one.
        notes: what the user should read.
    """

    name: str
    kind: str
    readings: dict[int, Reading]
    token_ids: tuple[str, ...] | None = None
    weights: str | None = None
    settings: dict[str, object] = field(default_factory=dict)
    together: float | None = None
    tolerance: float | None = None
    notes: tuple[str, ...] = ()


class Copy(Protocol):
    """Something that encodes texts and may be a copy of a model."""

    def read(self, encoding: EncodingFile) -> Observed:
        """Return what it gives for the golden texts.

        Raises:
            ModelError: it gives nothing.
        """
        ...


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return [N, D] at unit length in float64; zeros stay."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    found: np.ndarray = wide / np.where(lengths == 0, 1, lengths)
    return found


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the [N] cosine distances of two arrays [N, D], 0 to 2; between two zero vectors 0."""
    a, b = unit(one), unit(other)
    found: np.ndarray = np.maximum(0.0, ((a - b) ** 2).sum(axis=1) / 2)  # of unit vectors; exact where they are nearly equal
    blank = ~one.any(axis=1) ^ ~other.any(axis=1)
    found[blank] = 1.0
    return found
