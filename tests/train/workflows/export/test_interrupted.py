"""An export that is killed, or meets a full disk, leaves the old export or the new one; the same command again ends whole."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import part, saved
from train.config.choices import ExportKind
from train.config.schema import ModelConfig
from train.deploy.exporting.graph import write_graph
from train.deploy.exporting.make import Source
from train.encode.contract import Role
from train.encode.exported.record import read_record
from train.encode.open import open_model
from train.errors import RunError
from train.resolve.exporting import ExportRequest, ExportTask
from train.workflows.export.export import Made, _make

POINTS = (
    "train.deploy.exporting.make.shutil.copyfile",
    "train.deploy.exporting.make.write_tokenizer",
    "train.deploy.exporting.make.prove",
    "train.deploy.exporting.make.write_text",
    "data.storage.flush",
    "data.storage._exchange",
)
"""Where it happens: before the graph, the tokenizer, the record's figures and the README; before anything is surely on the disk;
before the new folder takes the place of the old one."""


class Killed(BaseException):
    """What stands for kill -9: nothing is tidied up after it."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    place = tmp_path_factory.mktemp("model")
    encoder = open_model(ModelConfig(name=str(saved(place / "bert", *part(place / "parts"))), device="cpu")).local
    write_graph(encoder.model, encoder.contract, place / "model.onnx", "tiny")
    yield Source(encoder, "tiny", None, place / "model.onnx", texts={Role.DOCUMENT: ["a garden", "two words"]})


def make(source: Source, folder: Path) -> Made:
    request = ExportRequest(str(folder), (ExportKind.ONNX,), folder, judge=False)
    return _make(ExportTask(request, None, None, folder), source, ExportKind.ONNX, None, None)  # type: ignore[arg-type]


def raises(error: BaseException) -> Any:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_leaves_the_old_export_or_none(
    source: Source, point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for old in (None, "2001-01-01T00:00:00Z"):
        with monkeypatch.context() as killing:
            killing.setattr("data.storage.shutil.rmtree", lambda *args, **kwargs: None)
            killing.setattr(point, raises(Killed()))
            if old is None and point == "data.storage._exchange":
                killing.setattr("pathlib.Path.rename", raises(Killed()))
            with pytest.raises(Killed):
                make(source, tmp_path)
        folder = tmp_path / "onnx"
        assert folder.exists() is (old is not None)
        if old is not None:
            assert read_record(folder).made_at == old  # whole, and the older one
        assert read_record(make(source, tmp_path).folder).made_from == "tiny"
        aged = read_record(folder).model_copy(update={"made_at": "2001-01-01T00:00:00Z"})
        aged.write(folder)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS[:5])
def test_a_full_disk_is_said_and_leaves_nothing_behind(
    source: Source, point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as filling:
        filling.setattr(point, raises(OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(RunError, match="the disk is full") as raised:
            make(source, tmp_path)
    assert "same command again" in str(raised.value.hint)
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree(make(source, tmp_path).folder)
