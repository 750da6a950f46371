"""The proof that an exported folder gives the model's vectors: alone, in company, padded, short and long.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from train.deploy.exporting.tokens import prompts_of
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.record import Differences
from train.encode.tokens.eligibility import encodable
from train.errors import ModelError

if TYPE_CHECKING:
    from train.encode.local import Encoder

COMPANIES = (2, 5, 16)
"""Texts in the padded batches that are tried."""
MOST = {"fp32": 1e-7, "bf16": 0.02, "int8": 0.1}
"""1 - cosine from which on an export is wrong, whatever its test says. An error of a share e of a vector makes e² / 2 of it:
rounding in fp32 is 1e-6 and less. The others are made from a graph that was proven in fp32: only what cannot be rounding is
refused here, and test judges the rest."""
ALIKE = 0.1
"""Mean 1 - cosine of two texts below which fp32 must be nearer still: where all vectors are alike, a wrong one is near, too."""
LENGTHS = {"fp32": 1e-3, "bf16": 0.05, "int8": 0.2}
"""Share by which the length of a vector may differ that is not normalised."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """Vectors of one set of texts by both.

    Attributes:
        distances: [N] 1 - cosine.
        lengths: [N] share by which the lengths differ.
    """

    distances: np.ndarray
    lengths: np.ndarray


def compared(found: np.ndarray, wanted: np.ndarray) -> Compared:
    """Compare [N, D] vectors with those that they should be."""
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    one, other = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosines = (a * b).sum(axis=1) / np.maximum(one * other, 1e-30)
    return Compared(1 - cosines, np.abs(one / np.maximum(other, 1e-30) - 1))


def prove(exported: ExportedEncoder, encoder: Encoder, texts: Sequence[str], precision: str) -> Differences:
    """Compare an export with its model, on texts under each prompt, and in padded batches of several sizes.

    Args:
        exported: opened from the folder that will be shipped.
        encoder: the model, in fp32.
        texts: N texts of all lengths.
        precision: `fp32`, `bf16` or `int8`.

    Returns:
        How far they are apart.

    Raises:
        ModelError: too far for rounding.
    """
    distances: list[np.ndarray] = []
    for prompt, role in prompts_of(encoder.contract).items():
        wanted = encoder.encode(texts, role, False).numpy()
        most = MOST[precision] * (min(1.0, _apart(wanted) / ALIKE) if precision == "fp32" else 1.0)
        limits = (most, LENGTHS[precision])
        one = compared(exported.encode(texts, role, False).numpy(), wanted)
        _refuse(encoder, exported, one, limits, "texts alone")
        distances.append(one.distances)
        for size, rows, found in _padded(exported, texts, prompt):
            _refuse(encoder, exported, compared(found, wanted[rows]), limits, f"padded batches of {size} texts")
    every = np.concatenate(distances)
    return Differences(texts=len(texts), largest=max(0.0, float(every.max())), mean=max(0.0, float(every.mean())))


def _apart(vectors: np.ndarray) -> float:
    """Return the mean 1 - cosine of two different rows of [N, D]."""
    unit = vectors.astype(np.float64) / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    n = len(unit)
    return float(1 - (np.square(unit.sum(axis=0)).sum() - n) / (n * (n - 1))) if n > 1 else 1.0


def _padded(exported: ExportedEncoder, texts: Sequence[str], prompt: str) -> Iterator[tuple[int, list[int], np.ndarray]]:
    """Yield vectors of texts in batches as other programs send them: long beside short, padded as the tokenizer's file says."""
    tokenizer = _with_padding(exported)
    for size in COMPANIES:
        order = [place for start in range(size) for place in range(start, len(texts), size)]
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            tokens = tokenizer.encode_batch([encodable(prompt + texts[row]) for row in rows])
            ids = np.array([one.ids for one in tokens], dtype=np.int64)
            mask = np.array([one.attention_mask for one in tokens], dtype=np.int64)
            yield size, rows, exported.runtime.run(ids, mask)


def _with_padding(exported: ExportedEncoder) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(exported.folder / "tokenizer.json"))


def _refuse(encoder: Encoder, exported: ExportedEncoder, found: Compared, limits: tuple[float, float], where: str) -> None:
    """Refuse vectors that are too far from the model's.

    Raises:
        ModelError: naming how far.
    """
    worst = float(found.distances.max())
    stretched = 0.0 if exported.contract.normalized else float(found.lengths.max())
    if worst <= limits[0] and stretched <= limits[1]:  # False for NaN, too
        return
    raise ModelError(
        f"{encoder.name} cannot be exported as {exported.record.kind}: {where} get other vectors than the model's"
        f" (1 - cosine up to {worst:.2g}, {limits[0]:.2g} is rounding; lengths differ by up to {stretched:.1%})",
        hint="the graph is not a faithful copy, so it is not kept; serve the model with PyTorch, from its model/ folder",
    )
