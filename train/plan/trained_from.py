"""A base that is the model of a run: what was said of it there, which rows it has seen, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from data.prepared import PreparedDataset
from data.spec import PromptSpec
from data.splits.seen_before import without_seen_rows
from train.config.choices import Leaks
from train.config.schema import TrainSettings
from train.console import detail
from train.encode.weights.digest import model_digest
from train.encode.weights.names import folder_of
from train.resolve.trained_from import Generation, SeenRows, find_first_base, generations_before, rows_seen
from train.runs.folder import RunFolder
from train.runs.read import read_report
from train.runs.records import ContractRecord
from train.runs.trained_from import EarlierRun, TrainedFrom
from train.runs.training_rows import count_known
from train.wording import VERDICT_WORDS, joined

if TYPE_CHECKING:
    from train.encode.local import Encoder
    from train.evaluate.verdict import RunVerdict

READ_AS = ("query_prompt", "document_prompt", "symmetric_prompt", "pooling", "max_tokens", "normalized", "similarity")
"""What of a run's contract its model should carry."""


def without_rows_seen(config: TrainSettings, datasets: Mapping[str, PreparedDataset]) -> dict[str, PreparedDataset]:
    """Return the data sets with dev and test free of the rows that the base was trained on, where runs made it.

    By `data.leaks=keep` such rows are only counted.

    Raises:
        BrokenRecord: it cannot be read which rows these are.
        DataError: nothing would be left to judge.
    """
    if not (chain := generations_before(config.model.name)):
        return dict(datasets)
    seen, model, drop = rows_seen(chain), _called(chain), config.data.leaks == Leaks.DROP
    found = {
        name: without_seen_rows(one, seen.trained, model, drop=drop, cache=config.cache, say=detail)
        for name, one in datasets.items()
    }
    return {name: replace(one, notes=[*_about_test(one, seen, model), *one.notes]) for name, one in found.items()}


def _called(chain: Sequence[Generation]) -> str:
    """Return what the base is called beside the data that it was trained on."""
    newest, *others = [one.run.name for one in chain]
    return f"the base ({newest}, by way of {joined(others)})" if others else f"the base ({newest})"


def _about_test(data: PreparedDataset, seen: SeenRows, model: str) -> list[str]:
    """Return why the base may look better on test than it is, though it was not trained on it."""
    notes = []
    if count := count_known(data, "test", seen.chosen):
        notes.append(
            f"{model} was chosen on {count:,} rows of test, the dev of its run: it looks a little better there than it is"
        )
    if seen.unknown:
        notes.append(f"it is not recorded which rows {joined(seen.unknown)} was trained on: test may hold some of them")
    return notes


def about_earlier_runs(config: TrainSettings, encoder: Encoder) -> list[str]:
    """Return what a user should read of a base that runs made: whose it is, and how it is read otherwise than there."""
    if not (chain := generations_before(config.model.name)):
        return []
    newest = chain[0]
    verdict = _verdict(newest)
    told = "it is not finished" if verdict is None else f"its verdict: {VERDICT_WORDS[verdict]}"
    came = " ← ".join([*(one.run.name for one in chain), chain[-1].base.name])
    first, notes = find_first_base(chain, config.model)
    beside = [] if first is None else [f"tuned is judged against the first base, too: {first.config.name}"]
    return [
        f"training goes on from the model of {newest.run.name} ({told}): {came}",
        *beside,
        *notes,
        *_read_otherwise(newest, config, encoder),
    ]


def _read_otherwise(newest: Generation, config: TrainSettings, encoder: Encoder) -> list[str]:
    """Return how the model is read otherwise than in the run that made it, where nobody asked for that."""
    notes, name = [], newest.run.name
    before = newest.recorded.contract or ContractRecord.model_validate(encoder.contract.as_dict())
    for what in READ_AS:
        was, now = getattr(before, what), getattr(encoder.contract, what)
        asked = getattr(config.model, what, None) is not None or (what == "max_tokens" and config.training.max_tokens is not None)
        if was != now and not asked:
            settable = f" (model.{what} sets it)" if what in type(config.model).model_fields else ""
            notes.append(f"{name} read texts with {what} {was!r}; by its model's own files it is {now!r}{settable}")
    prompts = {spec.prompts for spec in newest.config.data.datasets if spec.train}
    if len(prompts) > 1:
        notes.append(
            f"{name} read its data sets under different prompts, which its model puts before no text by itself: set data.prompts"
        )
    elif (own := next(iter(prompts), PromptSpec())) != PromptSpec() and newest.kept_base:
        notes.append(
            f"{name} kept its base, whose files carry none of the prompts of its data: {own.model_dump(exclude_none=True)}"
        )
    return notes


def _verdict(one: Generation) -> RunVerdict | None:
    return read_report(one.run).verdict if RunFolder(one.run).is_finished else None


def from_run(name: str) -> dict[str, Any]:
    """Return `from_run` of environment.json; nothing where no run made the base.

    Args:
        name: the base, as in `model.name`.
    """
    chain, folder = generations_before(name), folder_of(name)
    if not chain or folder is None:
        return {}
    earlier = tuple(EarlierRun(run=one.run.name, base=one.base.name, base_sha256=one.base.sha256) for one in chain)
    found = TrainedFrom(run=chain[0].run.name, verdict=_verdict(chain[0]), model_digest=model_digest(folder), chain=earlier)
    return {"from_run": found.model_dump(mode="json")}


def has_changed(recorded: TrainedFrom | None, name: str) -> bool:
    """Tell whether the base of a run is another one than when it was recorded; False where that was never recorded."""
    folder = folder_of(name)
    return recorded is not None and (folder is None or model_digest(folder) != recorded.model_digest)
