"""What is checked before anything is loaded: names, folders, the Hub, the tracker."""

from __future__ import annotations

import hashlib
from pathlib import Path

from train import distributed
from train.config.schema import TrainSettings
from train.console import say
from train.deploy.hub import check_push
from train.encode.cache.open import open_shared_cache
from train.errors import RunError
from train.runs.folder import create_run, default_name
from train.tracking.start import check_tracking


def settle_name(config: TrainSettings) -> str:
    """The name of a new run; what would stop it at its end is found before its data are read."""
    name = config.run_name or default_name(_dataset_name(config))
    if (Path(config.output_dir) / name).exists():
        create_run(Path(config.output_dir), name)  # raises, and says what to do
    if config.export.hub.repo_id is not None:
        check_push(config.export.hub.repo_id)
    check_tracking(config.tracking)
    if config.vector_cache != "auto" and (cache := open_shared_cache(config.vector_cache, config.cache, say)) is not None:
        cache.close()
    return name


def see_run_folder(run: Path) -> None:
    """Processes on other machines must see the folder, too: checkpoints are read from it."""
    sees = distributed.collect(run.is_dir())
    if not all(sees):
        raise RunError(
            f"{run} is not seen by processes {', '.join(str(i) for i, one in enumerate(sees) if not one)}",
            hint="several machines need a folder that all of them share: set output_dir to one",
        )


def _dataset_name(config: TrainSettings) -> str:
    first = config.data.datasets[0]
    stem = first.name or Path(first.source.rstrip("/")).stem or "run"
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem).strip(".-_")
    return clean or hashlib.sha256(first.source.encode()).hexdigest()[:8]
