"""What this machine is: versions, processor, memory."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

PACKAGES = (
    "sentence-transformers",
    "transformers",
    "torch",
    "accelerate",
    "datasets",
    "tokenizers",
    "numpy",
    "scipy",
    "embed-tune",
)


CPUINFO = Path("/proc/cpuinfo")
"""Where Linux describes the processor."""


def environment(extra: Mapping[str, object]) -> dict[str, object]:
    """Return versions, hardware and revision of the code, for `environment.json`."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": sys.version.split()[0],
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
        "world_size": int(os.environ.get("WORLD_SIZE", "1")),
        "git_revision": _git_revision(),
        **extra,
    }


def use_threads(number: int | None) -> None:
    """Let torch use so many CPU threads in this process; None leaves it as it is."""
    if number is not None:
        import torch

        torch.set_num_threads(number)


def own_version() -> str:
    """Return the version of this program; a clone that is not installed has none."""
    return _version("embed-tune") or "not installed"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """Return the name of the processor, as the system gives it."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def processor_flags() -> frozenset[str] | None:
    """Return what the processor can do, in the words of Linux (`amx_bf16`, `avx512_bf16`, `svebf16`); None where nobody says.

    Systems without /proc/cpuinfo are asked through torch, which knows those about bf16 of x86.
    """
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return _flags_by_torch()
    words = ("flags", "features")  # x86 and ARM
    found = next((line.split(":", 1)[1] for line in lines if line.split(":")[0].strip().lower() in words and ":" in line), None)
    return None if found is None else frozenset(found.split())


def int8_products() -> str:
    """Return how the processor adds products of 8-bit integers: `exact`, `saturating` or `not known`.

    x86 without VNNI has an instruction for them (VPMADDUBSW) that adds pairs within 16 bits, so that large sums are clipped.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return "exact"
    flags = processor_flags()
    if flags is None or not CPUINFO.exists():
        return "not known"
    return "exact" if flags & {"avx512_vnni", "avx_vnni", "amx_int8"} else "saturating"


def _flags_by_torch() -> frozenset[str] | None:
    import torch

    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    asked = {
        "amx_bf16": "_is_amx_tile_supported",
        "amx_tile": "_is_amx_tile_supported",
        "avx512_bf16": "_is_avx512_bf16_supported",
    }
    if not all(hasattr(torch.cpu, name) for name in asked.values()):  # functions that are no part of torch's interface
        return None
    return frozenset(flag for flag, name in asked.items() if getattr(torch.cpu, name)())


def _git_revision() -> str | None:
    """Return the commit of the clone that this code lies in; None where it was installed as a package."""
    root = Path(str(files("train"))).parent
    if not (root / ".git").exists():  # an environment may lie inside of the user's own repository
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() or None


def peak_memory_mb() -> float:
    """Return the most memory that this process has used, in MiB: of its GPU where there is one, otherwise resident."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resident_peak_mb()


def resident_peak_mb() -> float:
    """Return the most main memory that this process has used, in MiB.

    On Linux it is read from /proc, since `ru_maxrss`, used elsewhere, begins there with what the parent program had used.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        unit = 2**20 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
