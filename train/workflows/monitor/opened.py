"""The model that encodes a window, the reference that it is compared with, and whether the two belong together."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import DataError
from data.spec import PromptSpec
from train.config.schema import ModelConfig
from train.console import detail, now, say
from train.encode.contract import Role
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.open import open_model
from train.encode.prompts import prompted
from train.encode.protocol import TextEncoder
from train.errors import ConfigError, ModelError
from train.plan.datasets import load_datasets
from train.resolve.models import find_candidate
from train.resolve.monitor import MonitorTask
from train.runs.folder import RunFolder
from train.runs.read import RunRecords
from train.watch.building import build_reference, first_on_test
from train.watch.canaries import unit
from train.watch.held_out import by_name
from train.watch.lengths import measure_texts, tokenizer_in
from train.watch.reference import NoReference, Reference, ReferenceRecord, read_record, read_reference, write_reference
from train.watch.sample import Floats, Sample

COMPARED = 16
"""Texts that are encoded again to see whether a model still gives the vectors of the reference."""
SAME, NEARLY = 1e-5, 1e-3
"""Largest 1 − cosine to the reference of the run's own model, and of another form of it that says nothing of itself. A base and
what two steps of training make of it may be as near as 1e-4, so little is allowed."""


@dataclass(frozen=True, eq=False)
class Watched:
    """All that a window is compared with.

    Attributes:
        records: of the run.
        reference: of one of its data sets, in the role of the window.
        encoder: who encodes windows.
        tokenizer: of the run's model; None where it has none of transformers.
        label: what the model is called.
        notes: what should be known of all this.
    """

    records: RunRecords
    reference: Reference
    encoder: TextEncoder
    tokenizer: Any
    label: str
    notes: tuple[str, ...] = ()


def open_watched(task: MonitorTask) -> Watched:
    """Open model and reference; a run that has no reference gets one, if its data are what they were.

    Raises:
        ConfigError: the reference has nothing in the role that was asked for.
        ModelError: the model cannot be opened, or gives other vectors than those of the reference.
        NoReference: there is none, and none can be made.
    """
    records = task.records
    folder, model = records.folder, task.request.model
    tokenizer = tokenizer_in(RunFolder(folder).model)
    shipped = open_shipped(records) if model is None or read_record(folder) is None else None
    record, notes = settled_record(records, shipped, tokenizer)
    if task.dataset not in (names := [one.name for one in record.datasets]):
        raise ConfigError(
            f"the reference of {folder} has nothing of {task.dataset}, of which nothing was held out",
            hint=f"choose one of {', '.join(names)} with --dataset" if names else "train with data.split.test above 0",
        )
    reference = read_reference(folder, record, task.dataset)
    if model is not None:
        encoder, label, most = open_other(records, model)
    else:
        assert shipped is not None
        encoder, label, most = shipped, str(folder), SAME
    encoder = prompted(encoder, prompts_of(records, task.dataset))
    role = task.request.role or reference.role
    if role is not reference.role:
        reference = of_documents(reference, encoder, tokenizer) if role is Role.DOCUMENT else refused_role(reference, role)
    check_vectors(encoder, reference, label, most, own=model is None)
    return Watched(records, reference, encoder, tokenizer, label, notes)


def open_shipped(records: RunRecords) -> TextEncoder:
    """Open the model of the run."""
    own = records.config.model
    config = ModelConfig(device=own.device, trust_remote_code=own.trust_remote_code)
    candidate = find_candidate(str(records.folder), config)
    opened = open_model(candidate.config, batch_size=records.config.evaluation.batch_size)
    if opened.device == "cpu":
        keep_freed_memory()
    return opened.encoder


def open_other(records: RunRecords, word: str) -> tuple[TextEncoder, str, float]:
    """Open another form of the run's model. Returns it, what it is called, and how far its vectors may be from the run's."""
    exports, own = RunFolder(records.folder).exports, records.config.model
    place = next((one for one in (Path(word), records.folder / word, exports / word) if one.is_dir()), None)
    config = ModelConfig(device=own.device, trust_remote_code=own.trust_remote_code)
    candidate = find_candidate(word if place is None else str(place), config)
    if candidate.config.api is not None:
        raise ConfigError(
            f"--model {word} is behind an API, and windows are encoded on this machine",
            hint="name an export of the run; `embed-tune verify` looks at what a server gives",
        )
    opened = open_model(candidate.config, batch_size=records.config.evaluation.batch_size)
    for note in (*candidate.notes, *opened.notes):
        say(f"  note: {note}")
    return opened.encoder, word, NEARLY if place is None else tolerance_of(place)


def tolerance_of(folder: Path) -> float:
    """Return the largest cosine difference that an export may have, as its export.json says; `NEARLY` where nothing does."""
    try:
        found = json.loads((folder / "export.json").read_text(encoding="utf-8")).get("tolerance")
    except (OSError, ValueError, AttributeError):
        return NEARLY
    return max(float(found), SAME) if isinstance(found, int | float) and not isinstance(found, bool) else NEARLY


def prompts_of(records: RunRecords, name: str) -> PromptSpec:
    """Return the prompts with which the shipped model reads a data set; audit and settings list them in one order."""
    if records.report.selection.as_shipped:
        return PromptSpec()
    names = [one.name for one in records.audit.datasets]
    return records.config.data.datasets[names.index(name)].prompts


def settled_record(records: RunRecords, shipped: TextEncoder | None, tokenizer: Any) -> tuple[ReferenceRecord, tuple[str, ...]]:
    """Return what the reference of the run is; one that has none gets one. And what must be said of it."""
    found = read_record(records.folder)
    if found is not None:
        return found, ()
    assert shipped is not None  # where there is no record, the model was opened
    say(f"{records.folder.name} has no reference (it is of an earlier version): it is made from the data of the run …")
    record = make_reference(records, shipped, tokenizer)
    return record, ("the reference was made by this command from the data of the run, which had none",)


def make_reference(records: RunRecords, encoder: TextEncoder, tokenizer: Any) -> ReferenceRecord:
    """Make the reference of a run from its data, and write it.

    Raises:
        NoReference: the data are gone, or not what they were.
    """
    folder = records.folder
    hint = f"put the data back as they were ({records.config.data.datasets[0].source}), or train again: a run keeps a reference"
    try:
        datasets = load_datasets(records.config)
    except DataError as error:
        raise NoReference(f"{folder} has no reference, and its data cannot be read: {error.what}", hint=hint) from None
    known = records.environment.data
    if changed := [name for name, one in datasets.items() if one.fingerprint != known.get(name)]:
        what = f"{changed[0]} is not what it was trained and judged on"
        raise NoReference(f"{folder} has no reference, and none can be made: {what}", hint=hint)
    base = records.report.selection.withheld
    found = [
        build_reference(
            held,
            datasets[name],
            prompted(encoder, prompts_of(records, name)),
            tokenizer,
            first_on_test(folder, name, base=base),
        )
        for name, held in by_name(datasets).items()
    ]
    try:
        return write_reference(folder, found, made_at=now(), made_by="monitor")
    except OSError as error:
        raise NoReference(
            f"the reference of {folder} cannot be written ({error.strerror or error})", hint="make room, or check the permissions"
        ) from None


def refused_role(reference: Reference, role: Role) -> Reference:
    """Refuse a role of which the reference has no texts.

    Raises:
        ConfigError: always.
    """
    held = "sentences of scored pairs (symmetric)" if reference.role is Role.SYMMETRIC else "queries and documents"
    raise ConfigError(f"--role {role}: the reference of {reference.about.name} has {held}", hint="leave --role out")


def of_documents(reference: Reference, encoder: TextEncoder, tokenizer: Any) -> Reference:
    """Return the documents of a reference as what new documents are compared with; they are searched for nothing.

    Raises:
        ConfigError: it has none.
    """
    texts = tuple(text for text, kept in zip(reference.documents, reference.searched.tolist(), strict=True) if kept)
    space = reference.about.document_space
    if not texts or space is None:
        refused_role(reference, Role.DOCUMENT)
        raise AssertionError
    figures = measure_texts(tokenizer, encoder.contract, texts, Role.DOCUMENT)
    vectors = reference.document_vectors[reference.searched]
    about = reference.about.model_copy(
        update={"role": Role.DOCUMENT.value, "space": space, "counts": {"corpus": len(texts)}, "canaries": 0, "notes": ()}
    )
    sample = Sample.of(vectors, figures.lengths, figures.cut, figures.unknown)
    return replace(reference, about=about, sample=sample, texts=texts, splits=("corpus",) * len(texts), canaries=())


def check_vectors(encoder: TextEncoder, reference: Reference, label: str, most: float, *, own: bool) -> None:
    """Refuse a model whose vectors are not those of the reference: nothing could be compared.

    Args:
        encoder: who encodes the window.
        reference: what it is compared with.
        label: what the model is called.
        most: largest cosine difference that it may have.
        own: whether it is the model of the run itself.

    Raises:
        ModelError: it gives other vectors.
    """
    if encoder.contract.dimensions != reference.about.dimensions:
        raise ModelError(
            f"{label} gives vectors of {encoder.contract.dimensions} dimensions, and the run's have {reference.about.dimensions}",
            hint="name an export of the run with --model, or leave --model out",
        )
    if encoder.space(reference.role) == reference.about.space:
        return
    rows = np.unique(np.linspace(0, len(reference.texts) - 1, COMPARED).astype(np.int64))
    again: Floats = encoder.encode([reference.texts[row] for row in rows], reference.role, False).numpy()
    worst = float(1 - (unit(again) * unit(reference.sample.vectors[rows])).sum(axis=1).min())
    if worst <= most:
        detail(f"{label}: on {len(rows)} texts of the reference its vectors differ by a cosine of at most {worst:.4f}")
        return
    if own:
        raise ModelError(
            f"{label} gives other vectors than when its reference was made (1 − cosine up to {worst:.3f} on the same texts): the"
            " model was replaced, or other versions of libraries compute it",
            hint="put the model back; if the change was meant, remove the folder reference/ of the run, and it is made again",
        )
    raise ModelError(
        f"{label} gives other vectors than the model of the run (1 − cosine up to {worst:.3f} on the same texts, at most {most:g}"
        " is expected)",
        hint="name an export of this run, or leave --model out",
    )
