"""What a benchmark says about the machine: its description, its matrix peak, and the memory of a process."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Shape = tuple[int, int, int]
"""A matrix product [m, k] @ [k, n] as (m, k, n); it takes 2 m k n floating-point operations."""

LARGEST = {"cpu": 2048, "cuda": 8192}
"""Side of the large square matrices of the peak measurement, by device type."""

REPEATS, AT_LEAST = 5, 0.3
"""A product is timed so many times or more, for so many seconds at least: other work on the machine passes by."""


def describe(device: str) -> dict[str, Any]:
    """The machine and the versions in words, for the report."""
    import sentence_transformers
    import torch
    import transformers

    found: dict[str, Any] = {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "sentence_transformers": sentence_transformers.__version__,
        "transformers": transformers.__version__,
        "gpu": None,
    }
    if device.startswith("cuda"):
        found["gpu"] = torch.cuda.get_device_name(device)
        found["tf32"] = torch.backends.cuda.matmul.allow_tf32
    return found


def cpu_model() -> str:
    """The processor's name; Linux says it in /proc."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def matrix_peaks(device: str, shapes: Sequence[Shape], size: int | None = None) -> dict[str, float]:
    """The best rate of `torch.mm` over large square matrices and the model's own shapes, in FLOP/s, by precision.

    Args:
        device: cpu, cuda, …
        shapes: the model's own products.
        size: side of the square matrices; by default `LARGEST`.
    """
    import torch

    side = size or LARGEST.get(device.split(":", maxsplit=1)[0], LARGEST["cpu"])
    peaks = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        peaks[name] = max(_rate(shape, dtype, device) for shape in [(side, side, side), *shapes])
    return peaks


def _rate(shape: Shape, dtype: Any, device: str) -> float:
    import torch

    m, k, n = shape
    a, b = torch.ones(m, k, dtype=dtype, device=device), torch.ones(k, n, dtype=dtype, device=device)
    seconds: list[float] = []
    until = time.perf_counter() + AT_LEAST
    while len(seconds) < REPEATS or time.perf_counter() < until:
        synchronise(device)
        start = time.perf_counter()
        torch.mm(a, b)
        synchronise(device)
        seconds.append(time.perf_counter() - start)
    return 2 * m * k * n / min(seconds)


def synchronise(device: str) -> None:
    """Wait until the GPU has done what it was given; nothing to wait for on a CPU."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


class Memory:
    """The most memory that a process uses beyond what it has now: resident, or on its GPU.

    Linux lets a process set its own high-water mark back (`/proc/self/clear_refs`, `man 5 proc`), so that what loading the model
    took at its worst does not hide what comes after. Where that is refused, `exact` is False and the mark includes loading.

    Args:
        device: of the model.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        _give_back_unused()
        self.exact = _reset_peak(device)
        self.before = _now(device)

    def figures(self) -> dict[str, Any]:
        """MiB at the start, at the peak, and the difference."""
        peak = _peak(self.device)
        mib = {"before_mb": self.before, "peak_total_mb": peak, "peak_memory_mb": peak - self.before}
        return {key: round(value / 2**20, 2) for key, value in mib.items()} | {"peak_is_exact": self.exact}


def _give_back_unused() -> None:
    """Let glibc return what was freed: memory kept for later would count as in use before, and hide what is needed afterwards."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _reset_peak(device: str) -> bool:
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _now(device: str) -> int:
    """Bytes in use."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated(device))
    import psutil

    return int(psutil.Process().memory_info().rss)


def _peak(device: str) -> int:
    """Most bytes in use since the mark was set back."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    from train.machine import resident_peak_mb

    return int(resident_peak_mb() * 2**20)
