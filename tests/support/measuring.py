"""Settings with which `compare` measures speeds in moments: what is tested is everything else."""

from __future__ import annotations

AT_ONCE = ("measure.seconds=0.2", "measure.rounds=0")
FEW_TEXTS = ("measure.latency_texts=5", "measure.throughput_texts=8")
SOME_TEXTS = ("measure.latency_texts=12", "measure.throughput_texts=16")
