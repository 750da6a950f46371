"""The one place where vectors that are no numbers are refused: whatever encodes texts goes through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from train.errors import ModelError, NotFinite

if TYPE_CHECKING:
    from torch import Tensor, nn


def checked_vectors(vectors: Tensor, texts: Sequence[str], dimensions: int, name: str, model: nn.Module) -> Tensor:
    """Return the vectors that a model gave, if they are vectors of these texts.

    Args:
        vectors: [N, D] float32.
        texts: N texts.
        dimensions: D of the model's contract.
        name: of the model.
        model: whose weights are looked into where a vector is not finite.

    Raises:
        NotFinite: a vector holds NaN or infinity.
        ModelError: they are not of that shape.
    """
    if vectors.shape != (len(texts), dimensions):
        raise ModelError(
            f"{name} gives an array {list(vectors.shape)} for {len(texts):,} texts, where [{len(texts)}, {dimensions}] was due",
            hint="the model is not a text encoder, or its modules do not fit together; name another one",
        )
    if bool(torch.isfinite(vectors.sum())):  # a sum is finite only if all of it is; no second array is needed to see that
        return vectors
    bad = (~torch.isfinite(vectors).all(dim=1)).nonzero().flatten().tolist()
    if not bad:  # the sum alone was too large
        return vectors
    raise NotFinite(
        f"{name} gives vectors that are not finite (NaN or infinity): those of {len(bad):,} of {len(texts):,} texts",
        hint=_hint(model),
        text=texts[bad[0]],
    )


def _hint(model: nn.Module) -> str:
    """Say whether the weights are to blame, or what computes with them."""
    for name, weight in model.named_parameters():
        if not bool(torch.isfinite(weight).all()):
            return f"its weights hold NaN or infinity (in {name}): download or save the model again, or name another one"
    return "its weights are finite, so the computation is at fault: try another device (model.device=cpu) or another model"
