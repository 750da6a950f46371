"""Runs as bases: training goes on from the model of a run, of which the first base and the rows it was trained on are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from data.splits.hashes import Hashes
from train.config.load import load_config
from train.config.schema import ModelConfig, TrainSettings
from train.encode.weights.digest import model_digest
from train.encode.weights.locate import WeightsOrigin, locate, locate_here
from train.encode.weights.names import folder_of
from train.errors import ModelError
from train.resolve.models import find_candidate
from train.runs.find import look_up
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_environment, read_report
from train.runs.records import EnvironmentRecord, ModelRecord
from train.runs.training_rows import read_dev_rows, read_known_rows

EXPORT = "export.json"
"""The file by which an export of a model is known: there are no weights in it that could be trained."""

Settings = TypeVar("Settings", bound=TrainSettings)


@dataclass(frozen=True)
class Generation:
    """A run whose model is trained on from.

    Attributes:
        run: its folder.
        config: its settings.
        recorded: on what it was made.
        base: the weights that it was trained from.
        kept_base: its model is that base, since nothing was shown to be better.
    """

    run: Path
    config: TrainSettings
    recorded: EnvironmentRecord
    base: ModelRecord
    kept_base: bool = False


@dataclass(frozen=True)
class FirstBase:
    """What the runs before this one began with.

    Attributes:
        config: how to load it, with the settings under which the run of `generation` read it.
        origin: its weights, which are those that the run recorded.
        generation: the run that was trained from it.
    """

    config: ModelConfig
    origin: WeightsOrigin
    generation: Generation


def with_named_run(config: Settings) -> Settings:
    """Return the settings with the folder of a model where the base is a run, by its name or its folder.

    Raises:
        ModelError: the run has no model yet, or the folder holds an export, which cannot be trained.
    """
    name = config.model.name
    folder = look_up(name, config.output_dir)
    if folder is None:
        return config
    _refuse_export(name, folder)
    found = find_candidate(name, config.model, config.output_dir)
    if found.run is None or Path(found.config.name).resolve() == folder.resolve():
        return config
    return config.model_copy(update={"model": config.model.model_copy(update={"name": found.config.name})})


def _refuse_export(name: str, folder: Path) -> None:
    if not (folder / EXPORT).is_file():
        return
    run = folder.resolve().parent.parent
    named = run.name if RunFolder(run).is_run else "RUN"
    raise ModelError(
        f"{name} is an export: a finished graph for answering, which cannot be trained",
        hint=f"train on from the model that it was made of: model.name={named}",
    )


def run_of(name: str) -> Path | None:
    """Return the run that made the model in a folder (its model/, or one of its checkpoints); None where none did."""
    folder = folder_of(name)
    if folder is None or not ((folder / "modules.json").is_file() or (folder / "config.json").is_file()):
        return None
    around = folder.resolve().parent
    return around if RunFolder(around).has_training else None


def generations_before(name: str) -> tuple[Generation, ...]:
    """Return the runs that lead to a base, the newest first; none where no run made it.

    Args:
        name: the base, as in `model.name`.

    Raises:
        BrokenRecord: the record of the newest one cannot be read; of those before it the chain ends there.
    """
    found: list[Generation] = []
    run = run_of(name)
    while run is not None and run not in [one.run for one in found]:
        try:
            found.append(_read(run))
        except BrokenRecord:
            if not found:
                raise
            break
        folder = folder_of_base(found[-1])
        run = None if folder is None else run_of(str(folder))
    return tuple(found)


def _read(run: Path) -> Generation:
    files, recorded = RunFolder(run), read_environment(run)
    config = load_config(files.config)
    if recorded.model is None:
        raise BrokenRecord(files.environment, "is broken (model is missing)")
    kept = files.is_finished and read_report(run).selection.share == 0
    return Generation(run, config, recorded, recorded.model, kept)


def folder_of_base(one: Generation) -> Path | None:
    """Return the folder of what a run was trained from; None of a model that is no folder, or is not there any more.

    Runs that were moved together know each other still: the base of a run beside it is looked for there, too.
    """
    if (found := folder_of(one.base.name)) is not None:
        return found
    named = Path(one.base.name)
    beside = one.run.parent / named.parent.name / named.name
    return beside if len(named.parts) > 1 and beside.is_dir() and RunFolder(beside.parent).has_training else None


def find_first_base(chain: Sequence[Generation], own: ModelConfig) -> tuple[FirstBase | None, list[str]]:
    """Return the earliest base of some runs that can be opened here and is still what it was, and why earlier ones are not.

    Nothing is downloaded.

    Args:
        chain: see `generations_before`.
        own: of the run that asks: where to compute, and whether code that comes with a model may run.
    """
    notes: list[str] = []
    for one in reversed(chain):
        settings = {"device": own.device, "trust_remote_code": own.trust_remote_code}
        folder = folder_of_base(one)
        name = one.base.name if folder is None else str(folder)
        config = one.config.model.model_copy(update={**settings, "name": name})
        origin, why = _as_recorded(one, config, folder)
        if origin is not None:
            return FirstBase(config, origin, one), notes
        notes.append(f"{one.base.name}, from which {one.run.name} was trained, was not judged: {why}.")
    return None, notes


def _as_recorded(one: Generation, config: ModelConfig, folder: Path | None) -> tuple[WeightsOrigin | None, str]:
    """Return the weights that a run was trained from, or why they cannot be used."""
    try:
        origin = locate_here(config) if folder is None else locate(config)
    except ModelError as error:
        return None, error.what
    if origin is None:
        return None, "it is not on this machine"
    earlier = one.recorded.from_run
    changed = any(
        None not in (before, now) and before != now
        for before, now in ((one.base.sha256, origin.sha256), (one.base.revision, origin.revision))
    )
    if changed or (earlier is not None and folder is not None and model_digest(folder) != earlier.model_digest):
        return None, f"its weights have changed since {one.run.name} was trained"
    return origin, ""


@dataclass(frozen=True)
class SeenRows:
    """Which rows the runs before this one have seen.

    Attributes:
        trained: hashes of the rows that one of them was trained on.
        chosen: hashes of the rows of dev on which one of them was chosen.
        unknown: names of runs of which it is not known.
    """

    trained: Hashes
    chosen: Hashes
    unknown: tuple[str, ...] = ()


def rows_seen(chain: Sequence[Generation]) -> SeenRows:
    """Return which rows the weights of a base come from. Runs that kept their base have seen none.

    Raises:
        BrokenRecord: a file of hashes cannot be read.
    """
    trained, chosen, unknown = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.uint64)], []
    for one in chain:
        if one.kept_base:
            continue
        files = RunFolder(one.run)
        try:
            rows, dev = read_known_rows(one.run), read_dev_rows(one.run)
        except (OSError, EOFError, ValueError):
            raise BrokenRecord(files.training_rows, "cannot be read, so it is not known what the base was trained on") from None
        if rows is None:
            unknown.append(one.run.name)
            continue
        trained.append(rows)
        chosen += [] if dev is None else [dev]
    return SeenRows(np.unique(np.concatenate(trained)), np.unique(np.concatenate(chosen)), tuple(unknown))
