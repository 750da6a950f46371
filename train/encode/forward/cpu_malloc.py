"""Freed memory is kept for the next step instead of being given back to the system.

A training step on a CPU allocates and frees some hundred large tensors. By default the C library maps each of them again, and the
system fills every page of it with zeros first; on virtual machines this cost 5 to 15% of a step.
"""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8
"""Numbers of the settings in glibc's malloc.h; `man mallopt` explains them."""


def keep_freed_memory() -> bool:
    """Make glibc keep what is freed, in one heap for all threads. Settings apply to the whole process.

    Returns:
        Whether it does so; other systems and C libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 - only glibc has it; others give these numbers other meanings
        settings = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 64 << 20, ARENA_MAX: 1}
        accepted = [libc.mallopt(number, value) for number, value in settings.items()]
    except (OSError, AttributeError):
        return False
    return all(accepted)
