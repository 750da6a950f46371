"""Dropout whose masks cost little on a CPU.

`torch.bernoulli_` draws one number after another on one thread; in a small encoder that is a sixth of a training step. Here the
mask comes from NumPy's SFC64, 16 random bits an element. Its seed is drawn from torch's generator at each call, so that
whatever restores torch's state (a resumed run, a gradient cache) restores the masks too; or from a seed of one's own (`seeded`).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class _CpuDropout(torch.autograd.Function):
    """x · mask · factor; the same mask and factor for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        kept, ctx.factor = keep_mask(x.numel(), p)
        ctx.save_for_backward(kept.view(x.shape))
        return x.mul(kept.view(x.shape).to(x.dtype)).mul_(ctx.factor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return gradients[0].mul(kept.to(gradients[0].dtype)).mul_(ctx.factor), None


def keep_mask(count: int, p: float) -> tuple[Tensor, float]:
    """Draw what dropout keeps, and return it with the factor that makes up for the rest.

    Args:
        count: number of elements.
        p: probability of losing one, 0 ≤ p < 1; exact to 1/65536.

    Returns:
        [count] uint8, 1 with probability 1 - p, else 0 (bytes become floats faster than booleans do); and 1 / (1 - p).
    """
    threshold = min(round(p * 65536), 65535)
    words = np.random.SFC64(draw_seed()).random_raw(-(-count // 4))
    kept = words.view(np.uint16)[:count] >= threshold
    return torch.from_numpy(kept.view(np.uint8)), 65536 / (65536 - threshold)


def draw_seed() -> int:
    """Draw a seed from torch's generator, or from that of the `seeded` block that this thread is in."""
    own: random.Random | None = getattr(_thread, "seeds", None)
    return own.getrandbits(62) if own is not None else int(torch.randint(2**62, (1,)).item())


_thread = threading.local()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make dropout in this thread follow from a seed for the length of a `with` block.

    Threads do not get into each other's way then, and a forward pass that is done again drops the same.
    """
    before = getattr(_thread, "seeds", None)
    _thread.seeds = random.Random(seed)
    try:
        yield
    finally:
        _thread.seeds = before


def dropout(x: Tensor, p: float) -> Tensor:
    """Apply dropout with probability p (0 ≤ p < 1, exact to 1/65536), scaled so that the expectation is x."""
    if p == 0.0:
        return x
    if x.device.type != "cpu":
        return nn.functional.dropout(x, p)
    return _CpuDropout.apply(x, p)


class CheapDropout(nn.Module):
    """A module that stands in for `nn.Dropout`; it has no parameters, so a saved model does not know of it."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout in training mode, the identity otherwise."""
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
