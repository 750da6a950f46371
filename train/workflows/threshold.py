"""`embed-tune threshold`: from which similarity on the model of a run takes texts for matches.

Data and model are opened as for `evaluate`, dev and test as the run split them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import DataError
from data.prepared import PreparedDataset
from data.spec import PromptSpec
from train.config.schema import ModelConfig
from train.console import notebook_view, now, quiet_libraries, say
from train.deploy.card import card_is_ours, write_card
from train.encode.cache.cache import VectorCache
from train.encode.cache.open import open_cache
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.open import open_model
from train.encode.prompts import prompted
from train.encode.protocol import OpenedModel, TextEncoder
from train.encode.shipped import ShippedEncoder
from train.encode.wrappers import wrapped
from train.errors import ConfigError, ModelError
from train.evaluate.evaluator import score_model
from train.evaluate.tasks import Task, build_task
from train.evaluate.thresholds import (
    FEWEST,
    Chosen,
    Decisions,
    choose_threshold,
    decisions_of,
    figures_at,
    precision_at,
)
from train.plan.datasets import load_datasets
from train.report.threshold import threshold_story
from train.resolve.models import find_candidate
from train.resolve.threshold import ThresholdRequest, ThresholdTask
from train.runs.folder import RunFolder
from train.runs.read import RunRecords
from train.runs.thresholds import AtShare, BaseThreshold, FiguresRecord, Threshold, ThresholdRecord, Use, read_thresholds

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.5, 0.1, 0.01)
"""Shares of right ones at which precision is told besides that of the data."""

Both = tuple[Decisions, Decisions]
"""Decisions on dev, and on test."""


@dataclass(frozen=True)
class ThresholdResult:
    """What was found.

    Attributes:
        use: what is decided.
        dataset: on which data set.
        precision_asked: the precision that was wanted.
        threshold: what was chosen, with its figures; None where there is none.
        reason: why there is none, or why nothing can be said of it; empty where all is well.
        notes: what else must be known.
        file: where it is recorded; None where it is not.
    """

    use: Use
    dataset: str
    precision_asked: float
    threshold: Threshold | None
    reason: str = ""
    notes: tuple[str, ...] = field(default=())
    file: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints: what threshold.json holds of it, and `reason`, `notes` and `file`."""
        found = None if self.threshold is None else self.threshold.model_dump(mode="json")
        file = None if self.file is None else str(self.file)
        about = {"use": self.use, "dataset": self.dataset, "precision_asked": self.precision_asked}
        return about | {"threshold": found, "reason": self.reason, "notes": list(self.notes), "file": file}

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a split: threshold, items, those taken and right, precision with its interval."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        if self.threshold is not None:
            for split in ("dev", "test"):
                found: FiguresRecord = getattr(self.threshold, split)
                precision = {} if found.precision is None else found.precision.model_dump(include={"value", "low", "high"})
                counts = {name: getattr(found, name) for name in ("n", "right", "share", "taken", "taken_right")}
                rows.append({"split": split, "threshold": self.threshold.threshold, **counts, **precision})
        columns = ["split", "threshold", "n", "right", "share", "taken", "taken_right", "value", "low", "high"]
        return pd.DataFrame(rows, columns=columns).rename(columns={"value": "precision"})

    def __str__(self) -> str:
        """Return the words for people."""
        told = threshold_story(self.threshold, self.reason, self.notes)
        return told if self.file is None else f"{told}\nrecorded: {self.file}"

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())


def choose_for_run(task: ThresholdTask, *, debug: bool = False) -> ThresholdResult:
    """Choose a threshold on dev, measure it on test, and record it beside the model.

    It is recorded where something can be said of it: dev reaches the precision, and test has enough to measure it.

    Args:
        task: the run, and what is wanted.
        debug: show what libraries log.

    Raises:
        ConfigError: the data set has no dev or no test.
        DataError: the data has changed since the run, or cannot be read.
        ModelError: the model cannot be loaded.
    """
    records, use, name = task.records, task.use, task.dataset
    request = task.request
    quiet_libraries(debug)
    prepared = load_datasets(records.config)[name]
    splits = _tasks(records, prepared)
    cache = open_cache(request.cache or records.config.vector_cache, records.config.cache, say)
    opened, encoder = _shipped(records, name)
    say(f"measuring similarities on dev and test of {name} with the model of {records.folder.name} …")
    tuned = _decisions(splits, encoder, task.unit_match_from, cache)
    base, note = _base(records, name)
    if base is not None:
        say("… and with its base …")
    before = None if base is None else _decisions(splits, base, task.unit_match_from, cache)
    if cache is not None:
        cache.close()
    chosen = choose_threshold(tuned[0], request.precision, request.share)
    notes = () if note is None else (note,)
    if chosen.threshold is None:
        reason = _out_of_reach(chosen, request, tuned[0])
        return ThresholdResult(use, name, request.precision, None, reason, notes)
    found = Threshold(
        use=use,
        dataset=name,
        data=prepared.fingerprint,
        similarity=encoder.similarity if use == "search" else "cosine",
        threshold=chosen.threshold,
        precision_asked=request.precision,
        share_asked=request.share,
        match_from=task.match_from,
        scale=task.scale,
        dev=FiguresRecord.of(figures_at(tuned[0], chosen.threshold)),
        test=FiguresRecord.of(figures_at(tuned[1], chosen.threshold)),
        at_share=_at_shares(tuned[1], chosen.threshold, request.share),
        base=None if before is None else _of_base(before, tuned[1], request),
    )
    if found.test.precision is None:
        return ThresholdResult(use, name, request.precision, found, _too_few(found), notes)
    file = _record(records, found, opened.origin.sha256)
    return ThresholdResult(use, name, request.precision, found, "", notes, file)


def _tasks(records: RunRecords, prepared: PreparedDataset) -> tuple[Task, Task]:
    """Return what dev and test pose.

    Raises:
        ConfigError: there is no dev, or no test.
        DataError: the data has changed.
    """
    if prepared.fingerprint != records.environment.data.get(prepared.name):
        raise DataError(
            f"{prepared.name} is not what {records.folder.name} was trained and judged on: it has changed since",
            where=prepared.location,
            hint="put the old data back, or train again",
        )
    lacking = [split for split in ("dev", "test") if not len(prepared.splits.get(split, ()))]
    if lacking:
        raise ConfigError(
            f"{prepared.name} has no {lacking[0]} split: the threshold is chosen on dev and measured on test",
            hint="choose another data set by --dataset, or train with data.split.dev and data.split.test above 0",
        )
    return build_task(prepared, "dev"), build_task(prepared, "test")


def _shipped(records: RunRecords, name: str) -> tuple[OpenedModel, TextEncoder]:
    """Open the model of the run, as it reads the texts of a data set."""
    own = records.config.model
    config = ModelConfig(device=own.device, trust_remote_code=own.trust_remote_code)
    opened = _open(records, find_candidate(str(records.folder), config).config)
    prompts = PromptSpec() if records.report.selection.as_shipped else _prompts(records, name)
    return opened, prompted(opened.encoder, prompts)


def _open(records: RunRecords, config: ModelConfig) -> OpenedModel:
    opened = open_model(config, batch_size=records.config.evaluation.batch_size, tokens=records.config.cache)
    if opened.device == "cpu":
        keep_freed_memory()
    return opened


def _prompts(records: RunRecords, name: str) -> PromptSpec:
    """Return the prompts with which the run reads a data set; audit and settings list them in one order."""
    names = [one.name for one in records.audit.datasets]
    return records.config.data.datasets[names.index(name)].prompts


def _base(records: RunRecords, name: str) -> tuple[TextEncoder | None, str | None]:
    """Open the base of the run under the contract that decided; None, and why, where it cannot stand beside."""
    selection = records.report.selection
    if selection.withheld or selection.share == 0:
        return None, "the model is the base itself, so the threshold did not move"
    gone = "the base is not here as it was, so it is not told how the threshold moved"
    try:
        opened = _open(records, records.config.model)
    except ModelError:
        return None, gone
    if opened.origin.sha256 != records.model.sha256:
        return None, gone
    result = next((one for one in records.report.datasets if one.name == name), None)
    as_shipped = any(one.decides and one.as_shipped for one in (result.contracts if result is not None else ()))
    if as_shipped:
        return ShippedEncoder(opened.local), None
    return prompted(opened.encoder, _prompts(records, name)), None


def _decisions(tasks: tuple[Task, Task], encoder: TextEncoder, match_from: float, cache: VectorCache | None) -> Both:
    """Return what a model would decide on dev and on test; each text is encoded once."""
    remembering = wrapped(encoder, cache=cache, remembered=True)
    try:
        dev, test = (decisions_of(task, score_model(task, remembering), match_from) for task in tasks)
    except ValueError as error:
        raise ModelError(f"similarities on {tasks[0].name} cannot be measured: {error}") from None
    return dev, test


def _at_shares(test: Decisions, threshold: float, asked: float | None) -> tuple[AtShare, ...]:
    shares = dict.fromkeys([*([] if asked is None else [asked]), *SHARES])
    found = [(share, precision_at(test, threshold, share)) for share in shares]
    return tuple(AtShare.of(share, one) for share, one in found if one is not None)


def _of_base(before: Both, tuned_test: Decisions, request: ThresholdRequest) -> BaseThreshold:
    chosen = choose_threshold(before[0], request.precision, request.share)
    if chosen.threshold is None:
        return BaseThreshold(threshold=None)
    both = (FiguresRecord.of(figures_at(one, chosen.threshold)) for one in (before[1], tuned_test))
    return BaseThreshold(threshold=chosen.threshold, test=next(both), tuned=next(both))


def _out_of_reach(chosen: Chosen, request: ThresholdRequest, dev: Decisions) -> str:
    """Return why there is no threshold."""
    right = int(dev.right.sum())
    counted = f"{right:,} of the {len(dev.right):,} on dev are right"
    at = "" if request.share is None else f" where {request.share:.1%} of all are right"
    if chosen.too_few:
        too_few = f"{counted}, and even without a mistake that is too few"
        return f"dev is too small to show a precision of {request.precision:g}{at}: {too_few}"
    most = "" if chosen.most is None else f"; the most is {chosen.most:.1%}, with {chosen.most_taken:,} taken"
    return f"none reaches a precision of {request.precision:g} on dev{at}, counted with one mistake more{most} ({counted})"


def _too_few(found: Threshold) -> str:
    """Return why nothing can be said of a threshold on test."""
    test = found.test
    return (
        f"test has too little to say how right it is: {test.taken:,} of {test.n:,} are taken and {test.right:,} are right, and it"
        f" takes {FEWEST} of both; nothing is recorded"
    )


def _record(records: RunRecords, found: Threshold, sha256: str | None) -> Path:
    """Write the threshold beside the weights; that of the other use stays, if it is of the same weights."""
    files = RunFolder(records.folder)
    old = read_thresholds(files.model)
    kept = [] if old is None or not old.holds_for(sha256) else [one for one in old.thresholds if one.use != found.use]
    ours = card_is_ours(records.folder)
    ThresholdRecord(model_sha256=sha256, made_at=now(), thresholds=(*kept, found)).write(files.threshold)
    if ours:
        write_card(records.folder)
    else:
        say(f"{files.model / 'README.md'} was changed since the run, and is left as it is")
    return files.threshold
