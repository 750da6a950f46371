"""An export is judged like any model, and is not kept where it is not shown to be not worse, unless the user insists."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from data.spec import PromptSpec
from tests.conftest import ROOT
from tests.support.handmade_export import TABLE, handmade_export
from tests.support.tiny_models import part, saved
from train.config.choices import ExportKind
from train.config.schema import EvaluationConfig, TrainingConfig
from train.deploy.exporting.make import opened
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.record import Differences
from train.errors import ConfigError, ModelError
from train.evaluate.evaluator import score_model
from train.evaluate.tasks import RetrievalTask
from train.resolve.exporting import ExportRequest, ExportTask
from train.workflows.export.export import NotKept, _forced
from train.workflows.export.judge import Bench

COLOURS = ("red", "green", "blue", "white")
PAIRS = [f"{one} {other}" for one, other in itertools.combinations(COLOURS, 2)]
TASK = RetrievalTask(
    "colours",
    "test",
    [f"q{number}" for number in range(60)],
    [PAIRS[number % len(PAIRS)] for number in range(60)],
    [f"d{number}" for number in range(len(PAIRS))],
    PAIRS,
    {f"q{number}": {f"d{number % len(PAIRS)}": 1.0} for number in range(60)},
)


FAR = Differences(texts=32, largest=0.5, mean=0.1)


@pytest.fixture
def original(tmp_path: Path) -> ExportedEncoder:
    return opened(handmade_export(tmp_path / "original"), "original")


def bench(original: ExportedEncoder) -> Bench:
    config = SimpleNamespace(training=TrainingConfig(), evaluation=EvaluationConfig(resamples=200))
    records: Any = SimpleNamespace(config=config)
    return Bench(records, {"colours": TASK}, {"colours": PromptSpec()}, {"colours": score_model(TASK, original)}, {})


def asked(*, force: bool = False) -> Any:
    return SimpleNamespace(request=SimpleNamespace(force=force))


def test_what_loses_is_not_kept_unless_forced(original: ExportedEncoder, tmp_path: Path) -> None:
    flat = np.ones_like(TABLE) + 1e-6 * np.random.default_rng(0).normal(size=TABLE.shape)
    bad = opened(handmade_export(tmp_path / "bad", flat), "bad")
    far = bad.record.difference.model_copy(update={"largest": 0.5})
    bad.record = bad.record.model_copy(update={"difference": far})
    (judged,) = bench(original).judge(bad)
    assert (judged.original, judged.n, judged.not_worse) == (1.0, 60, False)
    assert judged.delta == pytest.approx(judged.export - 1) and judged.delta < -0.1
    with pytest.raises(NotKept, match="colours: nDCG@10 1") as raised:
        _forced([judged], FAR, asked())
    assert "--force" in str(raised.value.hint)
    assert _forced([judged], FAR, asked(force=True)) is True


def test_vectors_that_are_the_same_need_no_proof_by_queries(original: ExportedEncoder) -> None:
    (judged,) = bench(original).judge(original)
    assert judged.delta == 0 and not judged.not_worse  # 60 queries cannot show it by 0.02: the rule of three
    assert str(judged).endswith("the same vectors up to rounding")
    assert _forced([judged], FAR, asked()) is False
    few = dataclasses.replace(judged, same=False)
    assert str(few).endswith(f"so few cannot rule out a loss of {-(few.low95 or 0):.3f}, and 0.02 is allowed")
    apart = dataclasses.replace(judged, delta=-0.03)
    with pytest.raises(NotKept):
        _forced([apart], FAR, asked())


def test_what_cannot_be_exported_is_refused_at_once(tmp_path: Path) -> None:
    folder = handmade_export(tmp_path / "onnx")
    for request, error, word in (
        (ExportRequest(str(folder), (ExportKind.ONNX,)), ModelError, "already"),
        (ExportRequest("openai:text-embedding-3-small", (ExportKind.ONNX,)), ModelError, "behind an API"),
        (ExportRequest("all-MiniLM-L6-v2", (ExportKind.ONNX,)), ConfigError, "not the model of a finished run"),
        (ExportRequest("all-MiniLM-L6-v2", (ExportKind.ONNX,), judge=False), ConfigError, "not a folder"),
        (ExportRequest("all-MiniLM-L6-v2", ()), ConfigError, "not said what"),
    ):
        with pytest.raises(error, match=word) as raised:
            ExportTask.of(request)
        assert raised.value.hint


def test_what_is_no_export_is_never_replaced(tmp_path: Path) -> None:
    """As `onnx/` in a folder from the Hub, with the graphs of its publisher."""
    model = saved(tmp_path / "model", *part(tmp_path / "part"))
    theirs = tmp_path / "there" / "onnx" / "model.onnx"
    theirs.parent.mkdir(parents=True)
    request = ExportRequest(str(model), (ExportKind.ONNX,), output=tmp_path / "there", judge=False)
    assert ExportTask.of(request).to(ExportKind.ONNX) == theirs.parent, "an empty folder is as good as none"
    theirs.write_bytes(b"theirs")
    with pytest.raises(ConfigError, match="no export of embed-tune") as refused:
        ExportTask.of(request)
    assert "--output" in str(refused.value.hint) and theirs.read_bytes() == b"theirs"
    (theirs.parent / "export.json").write_text("{}")
    ExportTask.of(request)


def test_the_kinds_that_need_a_package_say_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="onnxruntime is not installed") as raised:
        opened(handmade_export(tmp_path / "onnx"), "x")
    assert raised.value.hint == "pip install onnxruntime"


@pytest.mark.slow
def test_openvino_reports_nothing_over_the_network() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "from train.encode.exported.runtime import openvino\n"
        "openvino().Core()\n"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
