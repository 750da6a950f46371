"""What it costs to keep rows with texts in common apart: planning an epoch of a million rows, and masking a batch.

    python -m tests.benchmarks.batches

Prints, for several kinds of groups, CPU seconds and the share that they are of the training itself, and the memory of the plan.
On a GPU masks are looked up there, which is not measured here: its share is of planning alone.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import RankingBatchSampler
from train.fit.losses.ranking import MaskedRankingLoss

BATCH = 128
STEP_SECONDS = {"CPU": 0.25, "GPU": 0.02}
"""What a step of 128 short pairs takes all-MiniLM-L6-v2 on two CPU cores, and on a data-centre GPU."""

Make = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
KINDS: dict[str, Make] = {
    "nothing in common": lambda n, rng: (np.arange(n), np.arange(n, 2 * n)),
    "10 rows a query": lambda n, rng: (np.arange(n) // 10, np.arange(n, 2 * n)),
    "77 positives in all": lambda n, rng: (np.arange(n), n + rng.integers(0, 77, n)),
    "one positive for half of the rows": lambda n, rng: (np.arange(n), np.where(rng.random(n) < 0.5, n, np.arange(n, 2 * n))),
}


def measure(kind: str, rows: int) -> str:
    """One line of the table."""
    queries, positives = KINDS[kind](rows, np.random.default_rng(0))
    before, began = _peak_mb(), time.process_time()
    relevance = Relevance(queries, positives[:, None])
    sampler = RankingBatchSampler(relevance, BATCH, seed=0)
    masked = bool(relevance.tied.any() and len(relevance.pairs))
    built = time.process_time() - began
    began = time.process_time()
    plan = sampler.plan()
    planned = time.process_time() - began
    mask = _mask_seconds(relevance, plan) if masked else 0.0
    looked_up = {"CPU": mask * len(plan), "GPU": 0.0}
    shares = "  ".join(
        f"{(built + planned + looked_up[where]) / (seconds * len(plan)):6.2%} ({where})"
        for where, seconds in STEP_SECONDS.items()
    )
    memory = _peak_mb() - before
    return f"{kind:34} build {built:5.2f} s  plan {planned:5.2f} s  mask {1e3 * mask:5.2f} ms a step  {memory:4.0f} MB  {shares}"


def _mask_seconds(relevance: Relevance, plan: list[list[int]], steps: int = 50) -> float:
    """CPU seconds a step for looking up what is masked; one look-up serves both directions."""
    loss = MaskedRankingLoss(torch.nn.Identity(), relevance)
    keys = torch.from_numpy(relevance.keys())
    batches = [keys[batch] for batch in plan[:steps]]
    began = time.process_time()
    for batch in batches:
        loss.relevant(batch[:, 0, None], batch[:, 1])
    return (time.process_time() - began) / len(batches)


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Each kind in a process of its own, so that its memory is seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=KINDS, help="measure one kind here")
    given = parser.parse_args()
    if given.kind:
        print(measure(given.kind, given.rows))
        return
    for kind in KINDS:
        command = [sys.executable, "-m", "tests.benchmarks.batches", "--kind", kind, "--rows", str(given.rows)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
