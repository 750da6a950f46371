"""Ship a model from Python: as a graph that runs without PyTorch, and checked wherever it is served."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from train.api.runs import OUTPUT_DIR
from train.api.session import session
from train.api.words import ModelName, model_word
from train.console import Listener
from train.errors import ConfigError

if TYPE_CHECKING:
    from train.encode.verify.result import VerifyResult
    from train.workflows.export.export import ExportResult

Kind = Literal["onnx", "onnx-int8", "openvino"]


def export(
    model: ModelName,
    to: Kind | Sequence[Kind] = "onnx",
    *,
    output: str | os.PathLike[str] | None = None,
    judge: bool = True,
    force: bool = False,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    progress: Listener | None = None,
) -> ExportResult:
    """Turn a model into a graph that runs without PyTorch, and prove that it is as good.

    Args:
        model: a finished run, or the folder of a model.
        to: what to make.
        output: the folder in which a folder a kind is made; `exports` in the run, where left out.
        judge: judge each on the run's test.
        force: keep an export that is not shown to be not worse.
        output_dir: folder that runs are in.
        progress: hears each line that the command would print with --verbose.

    Raises:
        ConfigError, ModelError, RunError: nothing was written, or what was written is complete.
    """
    from train.config.choices import ExportKind
    from train.resolve.exporting import ExportRequest, ExportTask
    from train.workflows.export.export import export_model

    names = (to,) if isinstance(to, str) else tuple(to)
    if other := [name for name in names if name not in {kind.value for kind in ExportKind}]:
        raise ConfigError(f"to={other[0]!r} is no kind of export", hint=f"give {', '.join(ExportKind)}")
    kinds = tuple(dict.fromkeys(map(ExportKind, names)))
    place = None if output is None else Path(output)
    with session(progress):
        request = ExportRequest(model_word(model), kinds, place, judge, force, output_dir=os.fspath(output_dir))
        return export_model(ExportTask.of(request))


def verify(
    model: ModelName,
    against: ModelName | None = None,
    *,
    server_model: str | None = None,
    tolerance: float | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    progress: Listener | None = None,
) -> VerifyResult:
    """Check that a folder, an exported file or a server gives the vectors of a model, and say why where it does not.

    Args:
        model: what is checked: a folder, a run, an .onnx file, or the address of a server.
        against: the run or folder that it should agree with; its own record, or its run's, where left out.
        server_model: what a server calls the model; it is asked where left out.
        tolerance: largest cosine distance that is allowed; that of its kind where left out.
        output_dir: folder that runs are in.
        progress: hears each line that the command would print.

    Raises:
        ModelError: it cannot be loaded or reached, or there is nothing to compare it with.
    """
    from train.workflows.verify import VerifyRequest, verify_copy

    other = None if against is None else model_word(against)
    with session(progress):
        return verify_copy(
            VerifyRequest(model_word(model), other, server_model, tolerance=tolerance, output_dir=Path(output_dir))
        )
