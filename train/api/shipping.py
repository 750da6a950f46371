"""Ship a model from Python, as a graph that runs without PyTorch; check it wherever it is served; watch what is asked of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from train.api.models import TextRole, role_of, texts_of
from train.api.runs import OUTPUT_DIR, Run
from train.api.session import session
from train.api.words import ModelName, model_word, stored_texts
from train.console import Listener
from train.errors import ConfigError

if TYPE_CHECKING:
    from train.encode.verify.result import VerifyResult
    from train.workflows.export.export import ExportResult
    from train.workflows.monitor.results import MonitorResult

Kind = Literal["onnx", "onnx-int8", "openvino"]
Tracked = Literal["wandb", "tensorboard", "none"]
"""Where the figures about a window go."""


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


def monitor(
    run: str | os.PathLike[str] | Run,
    window: Sequence[str] | str | os.PathLike[str],
    *,
    role: TextRole | None = None,
    column: str | Sequence[str] | None = None,
    model: ModelName | None = None,
    index: str | os.PathLike[str] | None = None,
    dataset: str | None = None,
    label: int | None = None,
    sheet: str | os.PathLike[str] | None = None,
    track: Tracked | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    progress: Listener | None = None,
) -> MonitorResult:
    """Tell whether new texts are still those that a run was judged on. `result.level` is "quiet", "look" or "alarm".

    A page and a JSON file are written into the run's `monitor/`.

    Args:
        run: a finished run.
        window: the path of a file of new texts or of their vectors; or a list of texts, written below `output_dir` first.
        role: what the texts are; what the run's reference holds, where left out.
        column: columns of the file that hold the text; recognised by their usual names where left out.
        model: another form of the run's model, such as an export.
        index: the file of vectors that production searches.
        dataset: one of the run's data sets; its first where left out.
        label: write a sheet of so many texts to label, the most foreign ones.
        sheet: the CSV file of that sheet; in the run's `monitor/` where left out.
        track: where the figures go; where those of the run went, if left out.
        output_dir: folder that runs are in.
        progress: hears each line that the command would print with --verbose.

    Raises:
        ConfigError, DataError, ModelError, RunError: nothing can be compared; nothing was written about the window.
    """
    from train.config.choices import Backend
    from train.resolve.monitor import MonitorRequest, MonitorTask
    from train.resolve.vectors import TextChoice
    from train.workflows.monitor.monitor import watch_window

    columns = (column,) if isinstance(column, str) else tuple(column or ())
    if label is not None and label < 1:
        raise ConfigError(f"label={label} asks for no texts", hint="ask for 1 or more, or leave it out")
    if track is not None and track not in set(Backend):
        raise ConfigError(f"track={track!r} is no place for figures", hint=f"give {', '.join(Backend)}")
    if isinstance(window, str | os.PathLike):
        place = os.fspath(window)
    else:
        if columns:
            raise ConfigError("column= is for a file of texts, and here is a list", hint="leave it out")
        place = stored_texts(texts_of(window, "window"), output_dir)
    with session(progress):
        request = MonitorRequest(
            run=model_word(run),
            window=TextChoice(place, columns),
            role=None if role is None else role_of(role),
            model=None if model is None else model_word(model),
            index=None if index is None else Path(index),
            dataset=dataset,
            label=label,
            sheet=None if sheet is None else Path(sheet),
            track=None if track is None else Backend(track),
            output_dir=Path(output_dir),
        )
        return watch_window(MonitorTask.of(request))
