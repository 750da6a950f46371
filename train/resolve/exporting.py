"""What `embed-tune export` is asked for, checked: which model, which kinds, where to.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from train.config.choices import ExportKind
from train.config.schema import ModelConfig
from train.encode.exported.record import holds_export
from train.encode.weights.names import folder_of
from train.errors import ConfigError, ModelError
from train.resolve.models import Candidate, find_candidate
from train.runs.find import RUNS
from train.runs.folder import RunFolder

NEEDS: dict[ExportKind, tuple[str, ...]] = {
    ExportKind.ONNX: ("onnx", "onnxscript", "onnxruntime"),
    ExportKind.INT8: ("onnx", "onnxscript", "onnxruntime"),
    ExportKind.OPENVINO: ("onnx", "onnxscript", "openvino"),
}
"""Packages that each kind takes to make."""


@dataclass(frozen=True)
class ExportRequest:
    """What `embed-tune export` was asked for.

    Attributes:
        model: a run, a model folder, or whatever else names a model with weights.
        kinds: to make.
        output: the folder in which a folder for each kind is made; None for `exports` in the run or the model's folder.
        judge: judge each on the run's test, and time it.
        force: keep an export that is not shown to be not worse.
        cache: where vectors are kept; None for the run's own setting.
        output_dir: where bare names of runs are looked for.
    """

    model: str
    kinds: tuple[ExportKind, ...]
    output: Path | None = None
    judge: bool = True
    force: bool = False
    cache: str | None = None
    output_dir: str | Path = RUNS


@dataclass(frozen=True)
class ExportTask:
    """A request whose model was found.

    Attributes:
        request: what was asked for.
        candidate: the model.
        run: whose finished model it is; None of any other.
        folder: in which a folder for each kind is made.
    """

    request: ExportRequest
    candidate: Candidate
    run: Path | None
    folder: Path

    @classmethod
    def of(cls, request: ExportRequest) -> ExportTask:
        """Find the model, and the place for its exports.

        Raises:
            ConfigError: no kind is named, there is no place or something else is in it, or there are no data to judge on.
            ModelError: there is no such model, it has no weights here, or the run is not finished.
        """
        if not request.kinds:
            raise ConfigError("it is not said what to export to", hint="give --to onnx, onnx-int8 or openvino, or several")
        candidate = find_candidate(request.model, ModelConfig(), request.output_dir)
        if candidate.config.api is not None:
            raise ModelError(
                f"{candidate.label} is behind an API: its weights are not on this machine", hint="name a model with open weights"
            )
        folder = folder_of(candidate.config.name)
        if folder is not None and holds_export(folder):
            raise ModelError(
                f"{candidate.label} is an exported graph already", hint="name the run or the model that it was exported from"
            )
        run = _run(candidate, folder)
        if run is None and request.judge:
            raise ConfigError(
                f"{candidate.label} is not the model of a finished run, so there is no test on which its exports could be judged",
                hint="export without a judgement: --no-judge; or judge them later with embed-tune evaluate",
            )
        task = cls(request, candidate, run, _place(request, run, folder))
        for kind in request.kinds:
            _refuse_to_replace(task.to(kind))
        return task

    def to(self, kind: ExportKind) -> Path:
        """Return the folder of an export."""
        return self.folder / kind


def _run(candidate: Candidate, folder: Path | None) -> Path | None:
    """Return the finished run whose model this is."""
    if candidate.run is None or folder is None:
        return None
    run = RunFolder(candidate.run)
    return candidate.run if run.is_finished and run.ships(folder) else None


def _refuse_to_replace(folder: Path) -> None:
    """Refuse a place in which something else lies than an export of ours, such as the graphs that a model's publisher made.

    Raises:
        ConfigError: something does.
    """
    if folder.is_dir():
        if holds_export(folder) or not any(folder.iterdir()):
            return
    elif not folder.exists() and not folder.is_symlink():
        return
    raise ConfigError(
        f"{folder} is there, and no export of embed-tune: it would be replaced", hint="name another place: --output FOLDER"
    )


def _place(request: ExportRequest, run: Path | None, folder: Path | None) -> Path:
    if request.output is not None:
        return request.output
    if run is not None:
        return RunFolder(run).exports
    if folder is None:
        raise ConfigError(f"{request.model} is not a folder beside which exports could lie", hint="name a place: --output FOLDER")
    return folder / "exports"
