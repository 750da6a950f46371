"""Which rows `embed-tune evaluate` judges: those that no judged model was trained on, as far as that can be known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from data.audit.usable import refuse_stand_ins
from data.brief import rows_and_notes
from data.errors import DataError, reason
from data.load import prepare
from data.prepared import PreparedDataset
from data.schema import UNSPLIT, RowKind
from data.sources import open_source
from data.spec import DatasetSpec, PromptSpec, SplitSpec
from data.splits.hashes import Hashes
from train.config.choices import Split
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.console import detail, say
from train.errors import ConfigError, RunError
from train.evaluate.tasks import Task, build_task
from train.resolve.chosen_on import Choice
from train.resolve.models import Candidate
from train.resolve.requests import Request
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_environment, read_report
from train.runs.training_rows import count_known, read_known_rows

Read = TypeVar("Read")


@dataclass(frozen=True)
class Training:
    """What one of the judged models was trained on.

    Attributes:
        candidate: the model.
        config: of the run that trained it.
        fingerprints: of the data sets as that run split them.
        sources: fingerprints of the sources alone, in the order of the data sets; runs of earlier versions have none.
        known: hashes of the rows that it was trained on, none where its run ships the base; None of runs of earlier versions.
        choice: how it was chosen on dev; None of the base itself.
        found: what `spec_for` has answered, by source.
    """

    candidate: Candidate
    config: TrainSettings
    fingerprints: frozenset[str]
    sources: tuple[str, ...] = ()
    known: Hashes | None = field(default=None, compare=False)
    choice: Choice | None = None
    found: dict[str, DatasetSpec | None] = field(default_factory=dict, compare=False)

    def spec_for(self, spec: DatasetSpec) -> DatasetSpec | None:
        """Return the run's own description of a data set, if the run was trained on it: at that place, or with equal content."""
        if spec.source not in self.found:
            trained = [one for one in self.config.data.datasets if one.train]
            same = next((one for one in trained if _same_source(one.source, spec.source)), None)
            self.found[spec.source] = same or self._with_the_same_rows(spec)
        return self.found[spec.source]

    def _with_the_same_rows(self, spec: DatasetSpec) -> DatasetSpec | None:
        """Read a copy, or the same file by way of another folder or a pattern, as the run read its own."""
        for one, fingerprint in zip(self.config.data.datasets, self.sources, strict=False):
            try:
                if one.train and open_source(_read_as(one, spec)).fingerprint() == fingerprint:
                    return one
            except DataError:
                continue  # it cannot be read so, then it is something else
        return None


class LoadedTasks(NamedTuple):
    """What is judged.

    Attributes:
        tasks: by data set name.
        notes: what was noticed about each data set, its warnings among it.
        warnings: why a judgement on these rows may be too good, a sentence each.
    """

    tasks: dict[str, Task]
    notes: dict[str, list[str]]
    warnings: tuple[str, ...]


def load_tasks(request: Request) -> LoadedTasks:
    """Load every data set and build what is judged. What was recognised, and which rows were taken, is said.

    Raises:
        DataError, ConfigError: the data cannot be judged.
    """
    trainings = _trainings(request)
    cache = request.config.cache
    tasks: dict[str, Task] = {}
    notes: dict[str, list[str]] = {}
    warnings: list[str] = []
    for spec in request.config.data.datasets:
        prepared, split, warned = load_rows(spec, request, trainings, cache)
        if prepared.name in tasks:
            raise ConfigError(
                f"two data sets are called {prepared.name!r}", hint="give one of them a name: data.datasets.1.name=…"
            )
        task = dataclasses.replace(build_task(prepared, Split.TEST if split == Split.ALL else split), split=split)
        things = "scored pairs" if task.kind is RowKind.SCORED else "queries"
        say(f"{prepared.name}: judged on {len(task):,} {things} ({'all rows' if split == 'all' else split})")
        for line in rows_and_notes(prepared, 2):
            say(line)
        tasks[prepared.name], notes[prepared.name] = task, [*prepared.notes, *warned]
        warnings += [f"{prepared.name}: {sentence}" for sentence in warned]
    return LoadedTasks(tasks, notes, tuple(warnings))


def prompts_of(request: Request, names: Sequence[str], candidate: Candidate) -> dict[str, PromptSpec]:
    """Return the prompts with which a model reads the texts of each data set: those given now, or else those with which it was
    trained on it, which is said. Other models read them by their own contract: a base that never saw a prompt is worse under it.

    Args:
        request: models and data sets.
        names: of the data sets, in their order.
        candidate: the model.
    """
    trainings = [one for one in _trainings(request) if one.candidate == candidate]
    prompts: dict[str, PromptSpec] = {}
    for name, spec in zip(names, request.config.data.datasets, strict=True):
        prompts[name] = spec.prompts
        recorded = next((found for one in trainings if (found := one.spec_for(spec)) is not None), None)
        if recorded is None or not request.chosen_data or "prompts" in spec.model_fields_set or _as_shipped(candidate):
            continue
        if recorded.prompts != PromptSpec():
            prompts[name] = recorded.prompts
            said = ", ".join(f"{column} {text!r}" for column, text in recorded.prompts.model_dump(exclude_none=True).items())
            detail(f"{name}: {candidate.label} reads it with the prompts of its training ({said})")
    return prompts


def refuse_prompts(request: Request, command: str) -> None:
    """Refuse prompts of a data set where the command does not read it with them; whoever sets them expects an effect.

    Raises:
        ConfigError: a data set has prompts.
    """
    for spec in request.config.data.datasets:
        if spec.prompts != PromptSpec():
            raise ConfigError(
                f"data.prompts has no effect on {command}: every model reads {spec.source} with its own prompts",
                hint="judge with embed-tune evaluate, or set the model's prompts: model.query_prompt=… model.document_prompt=…",
            )


def _trainings(request: Request) -> list[Training]:
    return [found for candidate in request.candidates if (found := read_training(candidate)) is not None]


def load_rows(
    spec: DatasetSpec, request: Request, trainings: Sequence[Training], cache: Path
) -> tuple[PreparedDataset, Split, list[str]]:
    """Load one data set, split so that the rows to judge are one of its splits ("all": its test split holds every row).

    Data with a test split of its own is judged on that. Data without splits is judged on all rows, unless a judged model was
    trained on it: then on the test rows that were split off for that training. `--split` asks for another choice.

    Returns:
        The data set, the split to judge, and warnings of models that may have seen these rows or were chosen on them; they were
        said.
    """
    own = open_source(spec).splits()
    wanted, split_spec = request.split, request.config.data.split
    if wanted == Split.ALL and UNSPLIT not in own:
        raise DataError(
            f"the data set has splits of its own ({', '.join(own)}), so there is no single set of all rows",
            where=spec.source,
            hint=f"choose one with --split {own[-1]}",
        )
    trained = next((one for one in trainings if one.spec_for(spec) is not None), None)
    if wanted == Split.ALL:
        spec = spec.model_copy(update={"train": False})
    elif trained is not None and request.chosen_data:
        spec, split_spec = _as_trained(spec, trained)
        if UNSPLIT in own:
            say(f"{trained.candidate.label} was trained on {spec.source}: rows are split as they were for its training")
    elif request.chosen_data or wanted is not None:
        spec = spec.model_copy(update={"train": wanted is not None})
    prepared = prepare(spec, split_spec, cache, say=detail)
    refuse_stand_ins(prepared)
    whole = not spec.train and (UNSPLIT in own or tuple(own) == ("train",))
    split = wanted or (Split.ALL if whole else Split.TEST)
    if split != Split.ALL and not len(prepared.splits.get(split, ())):
        raise DataError(
            f"the data set has no {split} rows",
            where=spec.source,
            hint=f"it has {', '.join(prepared.splits)}; choose with --split",
        )
    warnings = _warnings_of_known_rows(prepared, split, given=split in own, spec=spec, trainings=trainings)
    for sentence in warnings:
        say(f"{prepared.name}: {sentence}")
    return prepared, split, warnings


def read_training(candidate: Candidate) -> Training | None:
    """Read what a model was trained on, where it lies in the folder of its run.

    Raises:
        RunError: the run's records cannot be read.
    """
    if candidate.run is None:
        return None
    run = RunFolder(candidate.run)
    try:
        recorded = read_environment(run.path)
        base = _is_the_base(candidate, run)
        known = np.empty(0, dtype=np.uint64) if base else _hashes_of(run.training_rows, lambda: read_known_rows(run.path))
        choice = None if base else _hashes_of(run.dev_rows, lambda: Choice.of(Path(candidate.config.name), run))
    except BrokenRecord as error:
        raise RunError(
            f"{error.path} {error.why}, so it is not known which rows {candidate.label} was trained on",
            hint="copy the model folder out of its run folder to judge it without regard to that",
        ) from None
    fingerprints, sources = frozenset(recorded.data.values()), tuple(recorded.sources.values())
    return Training(candidate, load_config(run.config), fingerprints, sources, known, choice)


def _hashes_of(path: Path, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except (OSError, EOFError, ValueError) as error:
        raise BrokenRecord(path, f"cannot be read ({reason(error)})") from None


def tuned_by(candidate: Candidate) -> str | None:
    """Return the name of the run that tuned a model; None where none did, or it ships the base."""
    if candidate.run is None or _is_the_base(candidate, RunFolder(candidate.run)):
        return None
    return candidate.run.name


def _as_shipped(candidate: Candidate) -> bool:
    """Tell whether a model is the base that its run kept under the contract of its own files, without the run's prompts."""
    run = None if candidate.run is None else RunFolder(candidate.run)
    return run is not None and _is_the_base(candidate, run) and read_report(run.path).selection.as_shipped


def _is_the_base(candidate: Candidate, run: RunFolder) -> bool:
    """Return whether a run's finished model (or an export of it) is the base itself, which has seen none of the run's rows; a
    checkpoint never is."""
    if not run.ships(Path(candidate.config.name)):
        return False
    return run.is_finished and read_report(run.path).selection.share == 0  # runs of earlier versions shipped a checkpoint


def _as_trained(spec: DatasetSpec, training: Training) -> tuple[DatasetSpec, SplitSpec]:
    """Return the data set and the split options of the run; what the user says about the data set now takes precedence."""
    recorded = training.spec_for(spec)
    if recorded is None:
        raise ValueError(f"{spec.source} is not a data set of that run")
    return _read_as(recorded, spec), training.config.data.split


def _read_as(recorded: DatasetSpec, spec: DatasetSpec) -> DatasetSpec:
    """Return what the run says of its data set, overridden by what the user says now."""
    return recorded.model_copy(update={key: getattr(spec, key) for key in spec.model_fields_set} | {"train": True})


def _warnings_of_known_rows(
    prepared: PreparedDataset, split: Split, *, given: bool, spec: DatasetSpec, trainings: Sequence[Training]
) -> list[str]:
    """Return sentences for each model that may have seen rows that are judged, or was chosen on them."""
    warnings: list[str] = []
    judged = Split.TEST if split == Split.ALL else split
    for training in trainings:
        label = training.candidate.label
        known = None if training.known is None else count_known(prepared, judged, training.known)
        if known:
            warnings.append(
                f"warning: {label} was trained on {known:,} of the {len(prepared.splits[judged]):,} rows that are judged here;"
                " it will look better on them than it is"
            )
        if training.choice and (chosen := training.choice.warning(label, prepared, split, training.fingerprints)):
            warnings.append(chosen)
        if known is not None or training.spec_for(spec) is None:
            continue
        held_out = split in (Split.DEV, Split.TEST) and (given or prepared.fingerprint in training.fingerprints)
        if not held_out:
            warnings.append(
                f"warning: {label} was trained on this data set, and rows judged here may be among those; it would look better"
                " than it is"
            )
    return warnings


def _same_source(one: str, other: str) -> bool:
    """Tell whether two sources are one: the same words, or paths to the same place."""
    return one == other or Path(one).expanduser().resolve() == Path(other).expanduser().resolve()
