"""`embed-tune benchmark`."""

from __future__ import annotations


def benchmark_command() -> None:
    """Run benchmark tasks."""
