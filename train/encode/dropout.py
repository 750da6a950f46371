"""Dropout whose masks cost little on a CPU.

`torch.bernoulli_` draws one number after another on one thread; in a small encoder that is a sixth of a training step. Here the
mask comes from NumPy's SFC64, 16 random bits an element. Its seed is drawn from torch's generator at each call, so that
whatever restores torch's state (a resumed run, a gradient cache) restores the masks too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class _CpuDropout(torch.autograd.Function):
    """x · mask / keep; the same mask and scale for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        threshold = round(p * 65536)
        ctx.scale = 65536 / (65536 - threshold)
        ctx.mask = _keep_mask(x.shape, threshold)
        return x.mul(ctx.mask).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].mul(ctx.mask).mul_(ctx.scale), None


def _keep_mask(shape: torch.Size, threshold: int) -> Tensor:
    """Boolean mask, True with probability 1 - threshold / 65536."""
    seed = int(torch.randint(2**62, (1,)).item())
    count = shape.numel()
    words = np.random.SFC64(seed).random_raw(-(-count // 4))
    keep = words.view(np.uint16)[:count] >= threshold
    return torch.from_numpy(keep).view(shape)


def dropout(x: Tensor, p: float) -> Tensor:
    """Dropout with probability p (0 ≤ p < 1, exact to 1/65536), scaled so that the expectation is x."""
    if p == 0.0:
        return x
    if x.device.type != "cpu":
        return nn.functional.dropout(x, p)
    return _CpuDropout.apply(x, p)


class CheapDropout(nn.Module):
    """Stands in for `nn.Dropout`; has no parameters, so a saved model does not know of it."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Dropout in training mode, the identity otherwise."""
        return dropout(x, self.p) if self.training else x


@contextmanager
def cheap_dropout(model: nn.Module) -> Iterator[None]:
    """Replace every `nn.Dropout` of a model for the length of a `with` block."""
    places = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Dropout and child.p < 1
    ]
    for parent, name, child in places:
        setattr(parent, name, CheapDropout(child.p).train(child.training))
    try:
        yield
    finally:
        for parent, name, child in places:
            setattr(parent, name, child.train(parent.training))
