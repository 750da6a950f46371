"""Exports, bare graphs and our own server give the vectors of the model that they were made from; a coarse graph is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.copies import shipped_model
from tests.train.workflows.test_serve import running
from train.cli.app import main
from train.encode.verify.result import VerifyResult
from train.workflows.verify import VerifyRequest, verify_copy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shipped_model(tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def export(model: Path) -> Path:
    main(["export", str(model), "--to", "onnx", "--no-judge", "--output", str(model.parent / "exports")])
    return model.parent / "exports" / "onnx"


def verified(copy: Path | str, model: Path) -> VerifyResult:
    return verify_copy(VerifyRequest(str(copy), str(model)))


def test_our_own_server_puts_the_prompts_by_itself(model: Path) -> None:
    with running(model) as served:
        found = verified(served.address, model)
    assert found.fits and any("server of embed-tune" in note for note in found.notes)


def test_an_export_fits_within_its_own_tolerance(export: Path, model: Path) -> None:
    found = verified(export, model)
    assert found.fits and found.kind == "onnx" and found.cosine is not None and found.cosine < 1e-9


def test_a_bare_graph_fits_and_a_coarse_one_is_named(export: Path, model: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    shutil.copy(export / "tokenizer.json", tmp_path / "tokenizer.json")
    shutil.copy(export / "model.onnx", tmp_path / "plain.onnx")
    assert verified(tmp_path / "plain.onnx", model).fits
    quantize_dynamic(str(tmp_path / "plain.onnx"), str(tmp_path / "good.onnx"), weight_type=QuantType.QInt8, per_channel=True)
    good = verified(tmp_path / "good.onnx", model)
    assert good.fits and good.kind == "int8" and good.cosine is not None and good.cosine > 1e-6
    # 6 of the 8 bits go lost, as where one huge weight sets the scale of a whole matrix
    graph = onnx.load(str(tmp_path / "good.onnx"))
    for tensor in graph.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype.name == "int8" and array.ndim == 2:
            tensor.CopyFrom(numpy_helper.from_array((array // 64 * 64).astype("int8"), tensor.name))
    onnx.save(graph, str(tmp_path / "bad.onnx"))
    bad = verified(tmp_path / "bad.onnx", model)
    assert not bad.fits and [one.code for one in bad.findings] == ["quantised too coarsely"]


def test_a_graph_that_gives_a_vector_a_token_has_no_pooling(export: Path, model: Path, tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    class Tokens(torch.nn.Module):
        def __init__(self, encoder: torch.nn.Module) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    encoder = SentenceTransformer(str(model), device="cpu")[0].auto_model
    encoder.set_attn_implementation("eager")
    example = (torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64))
    shape = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=512)}
    torch.onnx.export(
        Tokens(encoder).eval(), example, str(tmp_path / "model.onnx"), dynamo=True, verbose=False, dynamic_shapes=(shape, shape),
        input_names=["input_ids", "attention_mask"], external_data=False,
    )  # fmt: skip
    shutil.copy(export / "tokenizer.json", tmp_path / "tokenizer.json")
    assert {one.code for one in verified(tmp_path, model).findings} == {"no pooling"}
