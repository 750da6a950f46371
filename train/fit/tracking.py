"""The experiment-tracking dashboard: which one the trainer reports to, and how to look at it."""

from __future__ import annotations

import os
from pathlib import Path

from train.config import TrackingConfig


def start_tracking(config: TrackingConfig, run: Path) -> tuple[list[str], list[str]]:
    """Set up tracking for a run. Only losses, rates and scores are reported, never texts.

    Without an API key or a server of one's own (`WANDB_BASE_URL`) wandb works offline, in the run folder.

    Returns:
        The value of the trainer's `report_to`, and lines that say where to look.
    """
    if config.backend == "none":
        return [], []
    os.environ["WANDB_PROJECT"] = config.project
    os.environ["WANDB_DIR"] = str(run)
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_CONSOLE", "off")  # the terminal names files and columns of the user
    online = any(os.environ.get(key) for key in ("WANDB_API_KEY", "WANDB_BASE_URL"))
    if online or os.environ.get("WANDB_MODE") == "online":
        return ["wandb"], [f"tracking: wandb, project {config.project}"]
    os.environ.setdefault("WANDB_MODE", "offline")
    return ["wandb"], [
        f"tracking: wandb offline (no WANDB_API_KEY); look with `wandb leet {run / 'wandb'}`, upload with `wandb sync`"
    ]
