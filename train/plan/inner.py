"""Runs inside of a run: the parts of a cross-validation, and further seeds.

Each has a folder of its own below the run's, with the run's settings but for what makes it another one. Nothing of it leaves the
machine, and it starts no inner runs itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from train.config import choices
from train.config.schema import TrainSettings
from train.console import heard_by, say
from train.distributed import is_main
from train.runs.finished import read_finished
from train.wording import change, counted, fraction, metric_name


def inner_config(
    config: TrainSettings, place: Path, name: str, *, split: Mapping[str, object] = {}, training: Mapping[str, object] = {}
) -> TrainSettings:
    """Return the settings of an inner run.

    Args:
        config: of the run.
        place: folder below the run's in which its folder is made.
        name: of its folder.
        split: what differs in `data.split`.
        training: what differs in `training`.
    """
    cache = config.vector_cache if config.vector_cache != "auto" else str(config.cache / "vectors")
    whole = config.model_dump(exclude={"tracking", "export"})
    whole |= {"run_name": name, "output_dir": str(place), "vector_cache": cache}
    whole["data"]["split"] |= split
    whole["training"] |= {"seeds": 1, **training}
    whole["evaluation"] |= {"cross_validation": choices.CrossValidation.OFF}
    return TrainSettings.model_validate(whole)


def run_inside(config: TrainSettings, folder: Path, train: Callable[[TrainSettings], None]) -> None:
    """Carry out an inner run; what it says goes to a file beside its folder, and its result is said."""
    folder.parent.mkdir(exist_ok=True)
    if not is_main():  # says nothing anyway
        train(config)
        return
    with folder.with_suffix(".log").open("a", encoding="utf-8") as log, heard_by(lambda line: print(line, file=log, flush=True)):
        train(config)
    for name, result in read_finished(folder).results.items():
        say(
            f"  {name}: {metric_name(result.metric)} {fraction(result.base)} → {fraction(result.tuned)} ({change(result.delta)}),"
            f" {counted(result.n, result.kind, result.groups)}"
        )
