"""Whether bf16 pays here: by the processor's flags, which are the same on a quiet and on a busy machine.

The precision decides the weights that come out, so the same settings must give the same one each time. What flags say needs no
measurement. Where they do not settle it, products are measured once and the answer is kept beside the runs.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from contextlib import suppress
from pathlib import Path

import torch

from data.storage import write_json
from train.machine import processor, processor_flags

PAYS_FROM = 1.3
"""Where bf16 products are measured, they must be at least this many times faster than those of fp32: below, the casts around them
eat the gain."""

ROUNDS = 15
"""Products of each format that are measured, by turns; the median of their ratios decides."""

LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables by which oneDNN, which computes torch's products in bf16, is kept from instructions that the processor has."""

X86, ARM = ("x86_64", "amd64"), ("aarch64", "arm64")
VECTORS_OF_BF16 = {name: {"amx_bf16", "avx512_bf16"} for name in X86} | {name: {"bf16", "svebf16"} for name in ARM}
"""Flags of which a processor has one or more where it has any instructions for bf16, by `platform.machine()`."""

KEPT = "bf16.json"
"""File of the cache in which measured answers are kept."""


def bf16_pays(device: str, cache: Path | None = None) -> tuple[bool, str]:
    """Tell whether to train under bf16 autocast.

    Args:
        device: of the model.
        cache: folder in which an answer that had to be measured is kept, by processor and version of torch; None keeps none.

    Returns:
        The answer, and the reason in words.
    """
    if device.startswith("cuda"):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return supported, "the GPU computes in bf16" if supported else "the GPU has no bf16"
    if device != "cpu":
        return False, f"not tried on {device}"
    return _settled_by_flags() or _measured(cache)


def _settled_by_flags() -> tuple[bool, str] | None:
    """Return what the processor's flags say; None where they do not settle it.

    A processor with matrix units (AMX) multiplies in bf16 at 7 times the speed of fp32 (Intel Xeon of 2.2 GHz, `_ratio`; by the
    clock on the wall, busy, from 1.3 to 21.8). One that only has instructions for vectors of bf16 may or may not gain: the same
    Xeon, kept from its matrix units, runs at 0.6 times the speed of fp32, while an AMD EPYC, on which the README's table was
    measured, has 2.3. Without either, bf16 is emulated (0.2 to 0.3).
    """
    limited = any(os.environ.get(name) for name in LIMITS) or not torch.backends.mkldnn.is_available()
    flags = None if limited else processor_flags()
    if flags is None:
        return None
    machine = platform.machine().lower()
    if machine in X86 and {"amx_bf16", "amx_tile"} <= flags:
        return True, "this processor has matrix units for bf16 (amx_bf16)"
    instructions = VECTORS_OF_BF16.get(machine)
    if instructions is None or flags & instructions:
        return None
    return False, f"this processor has no instructions for bf16 (none of {', '.join(sorted(instructions))})"


def _measured(cache: Path | None) -> tuple[bool, str]:
    """Return what was measured on this machine, now or by an earlier run."""
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if os.environ.get(name)]
    key = ", ".join((processor() or platform.machine(), f"torch {torch.__version__}", *limits))
    kept = {} if cache is None else _kept(cache / KEPT)
    ratio = kept.get(key)
    how = "measured by an earlier run, "
    if ratio is None:
        ratio, how = _ratio(), "measured, "
        if cache is not None:
            with suppress(OSError):  # the next run measures again
                cache.mkdir(parents=True, exist_ok=True)
                write_json(cache / KEPT, kept | {key: ratio})
    return ratio >= PAYS_FROM, f"{how}as flags do not settle it: bf16 products run at {ratio:.1f} times the speed of fp32 here"


def _kept(path: Path) -> dict[str, float]:
    """Return the ratios kept in a file; none where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: float(value) for key, value in found.items() if type(value) in (int, float) and value > 0}


def _ratio() -> float:
    """Return how many times faster a product is in bf16: of the shape that a small encoder's feed-forward layer has.

    The formats take turns, on one thread whose own seconds are counted, so that other work on the machine slows both or neither.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [_seconds(torch.float32) / _seconds(torch.bfloat16) for _ in range(ROUNDS + 1)]
    finally:
        torch.set_num_threads(threads)
    return round(statistics.median(found[1:]), 3)  # the first round prepares both


def _seconds(dtype: torch.dtype) -> float:
    a, b = torch.ones(1024, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
    coarse = time.get_clock_info("thread_time").resolution > 1e-4  # Windows counts a thread's time in 16 ms
    clock = time.perf_counter if coarse else time.thread_time
    start = clock()
    torch.mm(a, b)
    return max(clock() - start, 1e-9)
