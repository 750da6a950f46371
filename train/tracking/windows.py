"""Figures about windows of new texts, in the dashboard in which the run is. Figures only: never texts, ids or names of files."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from data.storage import write_json
from train.config.choices import Backend
from train.config.sharing import TrackingConfig
from train.errors import TrackingError
from train.tracking.destination import QUIET, environment, first_lines, load_wandb, settle
from train.tracking.tensorboard_tracker import FOLDER, load_writer
from train.tracking.wandb_tracker import PATIENCE, PRIVATE

ROOM = "monitor"
"""Folder of the run in which wandb keeps its files about windows; in TensorBoard the run of this name below the training."""
SESSION_FILE = "tracking.json"
"""In that folder: the id of the wandb run, which all windows of a run share."""


def log_window(config: TrackingConfig, run: Path, figures: Mapping[str, float], number: int) -> str | None:
    """Log the figures of a window. What goes wrong is said and harms nothing.

    Args:
        config: which dashboard, and where in it.
        run: the run folder; it has a folder `monitor`.
        figures: by name.
        number: of the window, from 1: the step.

    Returns:
        What the user should read; None where all went well.
    """
    try:
        if config.backend is Backend.TENSORBOARD:
            _to_tensorboard(run, figures, number)
        elif config.backend is Backend.WANDB:
            _to_wandb(config, run, figures, number)
    except Exception as error:  # whatever a broken connection, disk or service process raises
        what = error.what if isinstance(error, TrackingError) else first_lines(error)
        return f"tracking: the figures of this window could not be reported ({what}); they are in the run's folder"
    return None


def _to_tensorboard(run: Path, figures: Mapping[str, float], number: int) -> None:
    writer = load_writer()
    with patch("socket.gethostname", return_value="run"):  # which becomes part of the file's name
        opened = writer(log_dir=str(run / FOLDER / ROOM))
    for name, value in figures.items():
        opened.add_scalar(name, value, number)
    opened.close()


def _to_wandb(config: TrackingConfig, run: Path, figures: Mapping[str, float], number: int) -> None:
    target = settle(config, verify=False)
    if target is None:
        return
    folder = run / ROOM
    file = folder / SESSION_FILE
    known = file.is_file()
    name = str(json.loads(file.read_text(encoding="utf-8"))["id"]) if known else secrets.token_hex(4)
    wandb = load_wandb()
    with environment(QUIET | {"WANDB_DATA_DIR": str(folder.resolve() / "wandb" / "data")}):
        patience = {key: value for key, value in PATIENCE.items() if f"WANDB_{key.upper()}" not in os.environ}
        settings: dict[str, Any] = {**PRIVATE, **patience}
        session = wandb.init(
            project=config.project or os.environ.get("WANDB_PROJECT") or "embed-tune",
            entity=config.entity,
            group=config.group,
            tags=config.tags or None,
            job_type="monitor",
            dir=str(folder),
            id=name,
            name=f"{run.resolve().name}-monitor",
            mode="online" if target.online else "offline",
            resume="allow" if known else None,
            reinit="create_new",
            settings=wandb.Settings(**settings),
        )
        write_json(file, {"id": name})
        session.log(dict(figures), step=number)
        session.finish()
        wandb.teardown()
