"""Whether bf16 pays here: asked of the hardware by a short matrix product, not of a table of models."""

from __future__ import annotations

import time

import torch

PAYS_FROM = 1.3
"""bf16 must be at least this many times faster than fp32: below, the casts around it eat the gain."""


def bf16_pays(device: str) -> tuple[bool, str]:
    """Probe the device for a few hundredths of a second.

    Returns:
        Whether to train under bf16 autocast, and the reason in words.
    """
    if device.startswith("cuda"):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return supported, "the GPU computes in bf16" if supported else "the GPU has no bf16"
    if device != "cpu":
        return False, f"not probed on {device}"
    ratio = _time(torch.float32) / _time(torch.bfloat16)
    return ratio >= PAYS_FROM, f"bf16 products run at {ratio:.1f} times the speed of fp32 on this CPU"


def _time(dtype: torch.dtype) -> float:
    """Measure the best of five seconds for a product of the shape that a small encoder's feed-forward layer has."""
    a, b = torch.ones(1024, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return best
