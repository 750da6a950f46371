"""`embed-tune export`: the model of a run as a graph that runs without PyTorch, proven, judged and timed beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.storage import replaced_folder
from train.config.choices import ExportKind
from train.console import detail, quiet_libraries, say
from train.deploy.exporting.eligibility import refuse
from train.deploy.exporting.graph import write_graph
from train.deploy.exporting.make import Source, fill, finish
from train.encode.cache.open import open_cache
from train.encode.contract import Role
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.record import Differences, ExportRecord
from train.encode.golden import GOLDEN_TEXTS
from train.encode.open import open_model
from train.encode.weights.names import folder_of
from train.errors import ModelError, RunError, disk_in_words
from train.resolve.exporting import NEEDS, ExportTask
from train.runs.read import RunRecords
from train.workflows.export.judge import Bench, Judged, open_bench
from train.workflows.export.timing import Timing, time_in_turns

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Made:
    """One export.

    Attributes:
        kind: of it.
        folder: that it lies in.
        record: what its export.json holds.
        size: bytes of all its files.
        judged: on each test; none where it was not judged.
        timing: None where it was not timed.
    """

    kind: ExportKind
    folder: Path
    record: ExportRecord
    size: int
    judged: tuple[Judged, ...] = ()
    timing: Timing | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return its entry of what `--json` prints."""
        return {"folder": str(self.folder), "bytes": self.size, **self.record.model_dump(mode="json")}

    def __str__(self) -> str:
        found, precision = self.record.difference, self.record.settings["precision"]
        lines = [
            f"{self.kind}: {self.folder}, {self.size / 1e6:,.1f} MB, computes in {precision}",
            f"  1 - cosine to the original at most {found.largest:.2g} on {found.texts} texts of ours",
            *(f"  {one}" for one in self.judged),
            *([] if self.timing is None else [f"  {self.timing}"]),
        ]
        if self.record.forced:
            lines.append("  kept by --force, although it is not shown to be not worse")
        return "\n".join(lines)


@dataclass(frozen=True)
class ExportResult:
    """All that was made, and why others were not kept, by kind."""

    made: tuple[Made, ...]
    refused: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {"exports": [one.to_dict() for one in self.made], "refused": self.refused}

    def __str__(self) -> str:
        return "\n".join([*map(str, self.made), *(f"{kind}: not kept: {why}" for kind, why in self.refused.items())])


def export_model(task: ExportTask, *, debug: bool = False) -> ExportResult:
    """Make exports of a model, each whole or not at all.

    Args:
        task: the model, and what is wanted.
        debug: show what libraries log.

    Returns:
        What was made. An export that does not give the model's vectors, or is not shown to be not worse, is not kept; the others
        are.

    Raises:
        ConfigError, DataError: there is nothing to judge on, or it has changed.
        ModelError: the model cannot be exported, or a package is missing; before anything is written.
        RunError: an export cannot be written.
    """
    quiet_libraries(debug)
    _need_all(task.request.kinds)
    trusted = task.run is not None and RunRecords.of(task.run).config.model.trust_remote_code
    opened = open_model(task.candidate.config.model_copy(update={"device": "cpu", "trust_remote_code": trusted}))
    encoder = opened.local
    for note in (*task.candidate.notes, *opened.notes):
        say(f"  note: {note}")
    refuse(encoder)
    bench, stock = None, None
    if task.run is not None and task.request.judge:
        records = RunRecords.of(task.run)
        cache = open_cache(task.request.cache or records.config.vector_cache, records.config.cache, say)
        say(f"scoring {task.candidate.label} on its test …")
        bench = open_bench(records, encoder, cache)
        stock = _stock(task, trusted=trusted)
    say(f"turning {task.candidate.label} into a graph …")
    made: list[Made] = []
    refused: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Source(
            encoder,
            task.candidate.label,
            opened.origin.sha256,
            Path(folder) / "model.onnx",
            folder=folder_of(task.candidate.config.name),
            texts={Role.DOCUMENT: list(GOLDEN_TEXTS)} if bench is None or not bench.dev else dict(bench.dev),
        )
        write_graph(encoder.model, encoder.contract, source.graph, encoder.name)
        if ExportKind.ONNX not in task.request.kinds:  # every kind is made from this graph, so it is proven in any case
            (Path(folder) / "proof").mkdir()
            fill(source, ExportKind.ONNX, Path(folder) / "proof")
        for kind in sorted(task.request.kinds, key=list(ExportKind).index):
            try:
                made.append(_make(task, source, kind, bench, stock))
            except NotKept as error:
                refused[kind.value] = error.what
    if bench is not None and bench.cache is not None:
        bench.cache.close()
    return ExportResult(tuple(made), refused)


def _need_all(kinds: Sequence[ExportKind]) -> None:
    """Refuse kinds whose packages are not all installed.

    Raises:
        ModelError: naming all that is not installed, with one line that installs it.
    """
    missing = [one for one in dict.fromkeys(package for kind in kinds for package in NEEDS[kind]) if find_spec(one) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise ModelError(f"{' and '.join(missing)} {are} not installed", hint=f"pip install {' '.join(missing)}")


class NotKept(ModelError):
    """An export that is not as good as its model."""


def _make(task: ExportTask, source: Source, kind: ExportKind, bench: Bench | None, stock: SentenceTransformer | None) -> Made:
    """Make one export, whole or not at all.

    Raises:
        ModelError: it does not give the model's vectors.
        NotKept: it is not shown to be not worse.
        RunError: it cannot be written.
    """
    folder = task.to(kind)
    say(f"exporting to {kind} …")
    judged: list[Judged] = []
    timing, forced = None, False
    try:
        with replaced_folder(folder) as staged:
            exported = fill(source, kind, staged)
            if bench is not None:
                say("  judging it on test …")
                judged = bench.judge(exported)
                forced = _forced(judged, exported.record.difference, task)
                timing = _timed(exported, stock, bench)
            finish(exported, [one.to_dict() for one in judged], None if timing is None else timing.to_dict(), forced)
    except OSError as error:
        what, hint = disk_in_words(error)
        raise RunError(f"{folder} cannot be written: {what}", hint=f"{hint}; then give the same command again") from error
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return Made(kind, folder, exported.record, size, tuple(judged), timing)


def _forced(judged: list[Judged], difference: Differences, task: ExportTask) -> bool:
    """Return whether an export is kept in spite of its judgement.

    Raises:
        NotKept: it is not shown to be not worse, and nobody insists.
    """
    wanting = [one for one in judged if not one.kept]
    for one in judged:
        detail(f"  {one}")
    if wanting and not task.request.force:
        far = f"1 - cosine to the original at most {difference.largest:.2g}"
        raise NotKept(
            "; ".join([*map(str, wanting), far]),
            hint="judge it on more data with embed-tune evaluate, export to another kind, or insist with --force",
        )
    return bool(wanting)


def _timed(exported: ExportedEncoder, stock: SentenceTransformer | None, bench: Bench) -> Timing | None:
    if stock is None:
        return None
    role = Role.QUERY if bench.dev.get(Role.QUERY) else Role.SYMMETRIC
    say("  timing it, in turn with Sentence Transformers …")
    return time_in_turns(exported, stock, bench.dev.get(role) or list(GOLDEN_TEXTS), role)


def _stock(task: ExportTask, *, trusted: bool) -> SentenceTransformer:
    """Return the model as Sentence Transformers alone loads it, in fp32."""
    import torch
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        task.candidate.config.name,
        device="cpu",
        local_files_only=True,
        trust_remote_code=trusted,
        model_kwargs={"dtype": torch.float32},
    ).float()
