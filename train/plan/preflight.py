"""What is checked before anything is loaded: whatever would stop a run at its end stops it before its data are read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from train import distributed
from train.config.schema import TrainSettings
from train.console import say
from train.deploy.hub import check_push
from train.deploy.licences import check_licence
from train.encode.cache.open import open_shared_cache
from train.errors import RunError
from train.plan.panel import check_panel
from train.runs.folder import create_run, default_name
from train.tracking.start import check_tracking


def preflight(config: TrainSettings) -> str:
    """Check the run's folder, the Hub, the dashboard, the vector cache and the panel, and return the run's name. Call on rank 0.

    Raises:
        ConfigError, DataError, HubError, RunError, TrackingError: what the run would fail at.
    """
    name = config.run_name or default_name(_dataset_name(config))
    if (Path(config.output_dir) / name).exists():
        create_run(Path(config.output_dir), name)  # raises, and says what to do
    check_licence(config.export.hub.licence, "export.hub.licence=")
    if config.export.hub.repo_id is not None:
        check_push(config.export.hub.repo_id)
    check_tracking(config.tracking)
    _check_cache(config)
    check_panel(config)
    return name


def see_run_folder(run: Path) -> None:
    """Refuse a folder that processes on other machines do not see: checkpoints are read from it.

    Raises:
        RunError: naming these processes.
    """
    sees = distributed.collect(run.is_dir())
    if not all(sees):
        raise RunError(
            f"{run} is not visible to processes {', '.join(str(i) for i, one in enumerate(sees) if not one)}",
            hint="several machines need a folder that all of them share: set output_dir to one",
        )


def _check_cache(config: TrainSettings) -> None:
    if config.vector_cache == "auto":  # does without where it has to
        return
    cache = open_shared_cache(config.vector_cache, config.cache, say)
    if cache is not None:
        cache.close()


def _dataset_name(config: TrainSettings) -> str:
    first = config.data.datasets[0]
    stem = first.name or Path(first.source.rstrip("/")).stem or "run"
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem).strip(".-_")
    return clean or hashlib.sha256(first.source.encode()).hexdigest()[:8]
