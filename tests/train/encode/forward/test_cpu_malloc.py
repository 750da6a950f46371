"""Freed memory is kept for the next tensors; tried in processes of their own, for the setting is one of the whole process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, resource, sys
from train.encode.forward.cpu_malloc import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

told = keep_freed_memory() if sys.argv[1] == "kept" else None
counts = []
for _ in range(3):
    before = faults()
    parts = [bytearray(8 << 20) for _ in range(4)]
    for part in parts:
        part[::4096] = bytes(len(part) // 4096)  # touches every page
    del parts, part
    counts.append(faults() - before)
print(json.dumps([told, counts]))
"""


def run(mode: str) -> tuple[bool | None, list[int]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True)
    told, counts = json.loads(done.stdout)
    return told, counts


def has_glibc() -> bool:
    import platform

    return sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not has_glibc(), reason="the setting is one of glibc's")
def test_large_memory_is_reused_without_new_pages() -> None:
    told, kept = run("kept")
    assert told is True
    _, stock = run("stock")
    pages = 32 * 2**20 // 4096
    assert min(stock) > pages / 2 and kept[0] > pages / 2  # this counts what it says it counts
    assert max(kept[1:]) < min(stock) / 10


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    from train.encode.forward import cpu_malloc

    class Musl:
        """A C library without `gnu_get_libc_version`."""

        def mallopt(self, number: int, value: int) -> int:
            raise AssertionError("a setting was made")

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Musl())
    monkeypatch.setattr(sys, "platform", "linux")
    assert cpu_malloc.keep_freed_memory() is False
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cpu_malloc.keep_freed_memory() is False
