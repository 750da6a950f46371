"""Ten faults, planted one each in a copy of a model with prompts and a Dense layer: all are found, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize

from tests.support.copies import DOCUMENT, FAULTS, QUERY, copy_with, embedding_server, quantised, shipped_model
from tests.support.handmade_export import handmade_export
from tests.support.tiny_models import part, saved
from train.config.schema import ModelConfig
from train.encode.encoding_file import write_encoding
from train.encode.exported.record import read_record
from train.encode.open import open_model
from train.encode.verify.diagnose import FAR, verify
from train.encode.verify.graph import EncoderCopy
from train.encode.verify.observed import SERVICE, Observed, Reading
from train.encode.verify.result import VerifyResult
from train.workflows.verify import VerifyRequest, verify_copy


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shipped_model(tmp_path_factory.mktemp("shipped"))


def verified(copy: Path, model: Path) -> VerifyResult:
    return verify_copy(VerifyRequest(str(copy), str(model)))


QUICK = ("prompt missing", "CLS for mean")
"""The rest takes seconds, and is for the slow tests."""


@pytest.mark.parametrize("fault", [fault if fault in QUICK else pytest.param(fault, marks=pytest.mark.slow) for fault in FAULTS])
def test_a_fault_in_a_folder_is_named(fault: str, model: Path, tmp_path: Path) -> None:
    found = verified(copy_with(model, tmp_path / "copy", fault), model)
    assert not found.fits
    assert {one.code for one in found.findings} == {FAULTS[fault][1]}, str(found)
    assert all(one.hint for one in found.findings)


def test_an_untouched_copy_fits(model: Path, tmp_path: Path) -> None:
    found = verified(copy_with(model, tmp_path / "copy"), model)
    assert found.fits and not found.findings and found.cosine is not None and found.cosine < 1e-7


@pytest.mark.parametrize("bf16", [0.5, float("inf"), float("nan")])
def test_a_model_that_bf16_moves_far_takes_no_other_vectors_for_its_own(bf16: float, tmp_path: Path) -> None:
    model = saved(tmp_path / "model", *part(tmp_path / "part"), Normalize())
    encoding = write_encoding(open_model(ModelConfig(name=str(model), device="cpu")).local, tmp_path)
    others = np.ones_like(encoding.golden[0].vectors.array()) / np.sqrt(32, dtype=np.float32)
    seen = Observed("a server", SERVICE, {0: Reading(tuple(others))})
    found = verify(encoding.model_copy(update={"bf16": bf16}), seen, "it")
    assert not found.fits and found.tolerance <= FAR


def test_what_an_export_lost_beside_its_original_allows_nothing_for_another_model(tmp_path: Path) -> None:
    model = saved(tmp_path / "model", *part(tmp_path / "part"), Normalize())
    encoder = open_model(ModelConfig(name=str(model), device="cpu")).local
    encoding = write_encoding(encoder, handmade_export(tmp_path / "onnx"))
    copy, brought = EncoderCopy(encoder, "an export", tmp_path / "onnx"), read_record(tmp_path / "onnx").tolerance
    assert copy.read(encoding).tolerance == brought
    assert copy.read(encoding.model_copy(update={"weights": "another's"})).tolerance is None


@pytest.mark.slow
def test_a_good_int8_copy_fits(model: Path, tmp_path: Path) -> None:
    copy = copy_with(model, tmp_path / "copy")
    quantised(copy, 127, by_row=True)
    found = verified(copy, model)
    assert found.fits and found.kind == "int8" and found.cosine is not None and 1e-6 < found.cosine < found.tolerance


SERVED = {
    "no pooling": {"no pooling"},
    "CLS for mean": {"pooling"},
    "no normalisation": {"not normalised"},
    "prompt doubled": {"prompt doubled", "prompt of others"},
    "128 for 256 tokens": {"cut too early"},
    "dropped Dense": {"module left out"},
    "bad int8": {"precision", "other model"},
    "other model": {"other model"},
    "other tokenizer": {"other tokenizer"},
}
"""By fault what may be said of a server that has it: of quantised weights it shows nothing but vectors."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", SERVED)
def test_a_fault_behind_a_server_is_named(fault: str, model: Path, tmp_path: Path) -> None:
    settings = {"no pooling": {"tokens": True}, "prompt doubled": {"adds": QUERY}}.get(fault, {})
    copy = copy_with(model, tmp_path / "copy", None if settings else fault)
    with embedding_server(SentenceTransformer(str(copy), device="cpu"), **settings) as server:
        found = verify_copy(VerifyRequest(server.url, str(model)))
    assert not found.fits
    codes = {one.code for one in found.findings}
    assert codes and codes <= SERVED[fault], str(found)


@pytest.mark.slow
def test_a_server_fits_in_fp32_and_in_bf16(model: Path) -> None:
    served = SentenceTransformer(str(model), device="cpu")
    for settings in ({}, {"half": True}, {"as_base64": True, "counts": False}):
        with embedding_server(served, **settings) as server:
            found = verify_copy(VerifyRequest(server.url, str(model)))
            assert found.fits, str(found)
            assert {content["model"] for _, _, content in server.requests} == {"served"}
        assert any("lower precision" in note for note in found.notes) == (settings == {"half": True})


@pytest.mark.slow
def test_a_prompt_that_the_server_does_not_add_is_missed(model: Path) -> None:
    served = SentenceTransformer(str(model), device="cpu")
    with embedding_server(served) as server:
        found = verify_copy(VerifyRequest(server.url, str(model), server_adds_prompts=True))
    assert {one.code for one in found.findings} == {"prompt missing"} and not found.fits
    with embedding_server(served, adds=DOCUMENT) as server:
        found = verify_copy(VerifyRequest(server.url, str(model), server_adds_prompts=True))
    assert [(one.code, one.roles) for one in found.findings] == [("prompt of others", ("query", "symmetric"))]
