"""`embed-tune export`: the model of a run as a graph that runs without PyTorch, proven against it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.storage import staged_folder
from train.config.choices import ExportKind
from train.console import quiet_libraries, say
from train.deploy.exporting.eligibility import refuse
from train.deploy.exporting.graph import write_graph
from train.deploy.exporting.make import Source, fill
from train.encode.exported.record import ExportRecord
from train.encode.exported.runtime import need
from train.encode.open import open_model
from train.errors import ModelError, RunError, disk_in_words
from train.resolve.exporting import NEEDS, ExportTask


@dataclass(frozen=True)
class Made:
    """One export.

    Attributes:
        kind: of it.
        folder: that it lies in.
        record: what its export.json holds.
        size: bytes of all its files.
    """

    kind: ExportKind
    folder: Path
    record: ExportRecord
    size: int

    def to_dict(self) -> dict[str, Any]:
        """Return its entry of what `--json` prints."""
        return {"folder": str(self.folder), "bytes": self.size, **self.record.model_dump(mode="json")}

    def __str__(self) -> str:
        found = self.record.difference
        return (
            f"{self.kind}: {self.folder}, {self.size / 1e6:,.1f} MB; cosine to the original at least"
            f" {1 - found.largest:.6f} on {found.texts} texts of ours"
        )


@dataclass(frozen=True)
class ExportResult:
    """All that was made."""

    made: tuple[Made, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {"exports": [one.to_dict() for one in self.made]}

    def __str__(self) -> str:
        return "\n".join(map(str, self.made))


def export_model(task: ExportTask, *, debug: bool = False) -> ExportResult:
    """Make exports of a model, each whole or not at all.

    Args:
        task: the model, and what is wanted.
        debug: show what libraries log.

    Raises:
        ModelError: the model cannot be exported, or a package is missing; before anything is written.
        RunError: an export cannot be written.
    """
    quiet_libraries(debug)
    if other := [kind for kind in task.request.kinds if kind != ExportKind.ONNX]:
        raise ModelError(f"{other[0]} cannot be made yet", hint="export to onnx")
    for package in dict.fromkeys(package for kind in task.request.kinds for package in NEEDS[kind]):
        need(package, package)
    opened = open_model(task.candidate.config.model_copy(update={"device": "cpu"}))
    encoder = opened.local
    for note in (*task.candidate.notes, *opened.notes):
        say(f"  note: {note}")
    refuse(encoder)
    say(f"turning {task.candidate.label} into a graph …")
    with tempfile.TemporaryDirectory() as folder:
        source = Source(encoder, task.candidate.label, opened.origin.sha256, Path(folder) / "model.onnx")
        write_graph(encoder.model, encoder.contract, source.graph, encoder.name)
        return ExportResult(tuple(_make(task, source, kind) for kind in task.request.kinds))


def _make(task: ExportTask, source: Source, kind: ExportKind) -> Made:
    """Make one export, whole or not at all.

    Raises:
        ModelError: it does not give the model's vectors.
        RunError: it cannot be written.
    """
    folder = task.to(kind)
    say(f"exporting to {kind} …")
    try:
        with staged_folder(folder, replace=True) as staged:
            exported = fill(source, kind, staged)
    except OSError as error:
        what, hint = disk_in_words(error)
        raise RunError(f"{folder} cannot be written: {what}", hint=f"{hint}; then give the same command again") from error
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return Made(kind, folder, exported.record, size)
