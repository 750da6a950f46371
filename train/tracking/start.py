"""What the pipeline tells a dashboard, and the choice of the dashboard. A dashboard never stops a run that has begun."""

from __future__ import annotations

from pathlib import Path

from train import distributed
from train.config.choices import Backend
from train.config.schema import TrainSettings
from train.config.sharing import TrackingConfig
from train.tracking.base import Tracker


def check_tracking(config: TrackingConfig) -> None:
    """Find out before anything is read or written whether the dashboard can be reported to. Call on rank 0.

    Raises:
        TrackingError: wandb or TensorBoard is missing or broken, a setting is wrong, there is no key where one is needed, or the
            server refuses it or does not answer within seconds.
    """
    if config.backend == Backend.WANDB:
        from train.tracking.destination import settle

        settle(config, verify=True)
    elif config.backend == Backend.TENSORBOARD:
        from train.tracking.tensorboard_tracker import load_writer

        load_writer()


def start_tracking(config: TrainSettings, run: Path, *, new: bool, made: int | None = 0) -> Tracker:
    """Begin or continue the dashboard of a run. Call on every rank; the others get a tracker that keeps nothing.

    Args:
        config: the resolved config.
        run: the run folder; it holds config.yaml and environment.json.
        new: the folder was made a moment ago; it is removed if the dashboard cannot be reached, as nothing is in it yet.
        made: optimiser steps that are not made again when the run continues; None: all of them.

    Raises:
        TrackingError: as `check_tracking`.
    """
    trackers = [Tracker()]
    if config.tracking.backend == Backend.WANDB:

        def begin() -> None:  # not returned: it could not be sent to the other processes
            from train.tracking.wandb_tracker import begin_wandb

            trackers.append(begin_wandb(config, run, new=new))

        distributed.on_main(begin)
    elif config.tracking.backend == Backend.TENSORBOARD:

        def begin_files() -> None:
            from train.tracking.tensorboard_tracker import begin_tensorboard

            trackers.append(begin_tensorboard(config, run, new=new, made=made))

        distributed.on_main(begin_files)
    return trackers[-1]
