"""`embed-tune verify` as a command: exit codes, JSON, what it is compared with, servers that are slow to answer or refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from tests.support.copies import copy_with, embedding_server, shipped_model
from train.cli.app import main
from train.encode.api import retry
from train.errors import ModelError
from train.workflows.verify import VerifyRequest, verify_copy

KEY = "sk-secret-0123456789"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shipped_model(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)


def test_a_folder_is_compared_with_its_own_record(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["verify", str(model), "--json"])
    found = json.loads(capfd.readouterr().out)
    assert found["fits"] and found["kind"] == "fp32" and found["cosine"] < 1e-7 and len(found["differences"]) == 3


def test_a_copy_that_does_not_fit_ends_with_4(model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    copy = copy_with(model, tmp_path / "copy", "CLS for mean")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(copy), "--against", str(model)])
    said = capfd.readouterr()
    assert ended.value.code == 4
    assert "pooled by cls, where mean was due" in said.out and "What to do: set the pooling" in said.out
    assert "its files say pooling = 'cls', recorded is 'mean'" in said.out and "pooling" in said.err


def test_without_anything_to_compare_with_it_is_a_mistake(model: Path, tmp_path: Path) -> None:
    bare = copy_with(model, tmp_path / "bare")
    (bare / "encoding.json").unlink()
    for request, hint in (
        (VerifyRequest(str(bare)), "--against"),
        (VerifyRequest("http://127.0.0.1:9/v1"), "--against"),
        (VerifyRequest(str(bare), server_model="x"), "leave them out"),
    ):
        with pytest.raises(ModelError) as caught:
            verify_copy(request)
        assert hint in str(caught.value.hint)
    # an older run has none: its vectors are computed
    found = verify_copy(VerifyRequest(str(model), str(bare)))
    assert found.fits


def test_a_folder_inside_a_run_is_compared_with_the_run(model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(model, run / "model")
    shutil.copytree(model, run / "elsewhere" / "copy")
    (run / "elsewhere" / "copy" / "encoding.json").unlink()
    for name in ("config.yaml", "environment.json"):
        (run / name).write_text("{}")
    found = verify_copy(VerifyRequest(str(run / "elsewhere" / "copy")))
    assert found.fits and found.against == str(run.resolve() / "model" / "encoding.json")
    assert verify_copy(VerifyRequest("run", output_dir=tmp_path)).fits


@pytest.mark.slow
def test_another_batch_size_and_precision_pass(model: Path, tmp_path: Path) -> None:
    import torch

    from train.encode.encoding_file import read_encoding
    from train.encode.verify.diagnose import verify
    from train.encode.verify.folder import FolderCopy

    encoding = read_encoding(model)
    assert encoding is not None
    for size in (1, 3, 64):
        assert verify(encoding, FolderCopy(model, "copy", batch_size=size).read(encoding), "model").fits
    coarse = SentenceTransformer(str(model), device="cpu").to(torch.bfloat16)
    coarse.save_pretrained(str(tmp_path / "bf16"), create_model_card=False)
    found = verify_copy(VerifyRequest(str(tmp_path / "bf16"), str(model)))
    assert found.fits and found.kind == "bf16" and any("lower precision" in note for note in found.notes)
    strict = verify_copy(VerifyRequest(str(tmp_path / "bf16"), str(model), tolerance=1e-7))
    assert [one.code for one in strict.findings] == ["precision"]


def test_the_key_goes_to_the_server_and_nowhere_else(
    model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], impatient: None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with embedding_server(SentenceTransformer(str(model), device="cpu"), plan=[503, 429, 500]) as server:
        main(["verify", server.url, "--against", str(model), "--json"])
    said = capfd.readouterr()
    found = json.loads(said.out)
    assert found["fits"] and any("OPENAI_API_KEY was sent to" in note for note in found["notes"])
    assert {key for _, key, _ in server.requests} == {f"Bearer {KEY}"}
    assert KEY not in said.out + said.err


@pytest.mark.slow
def test_a_server_that_refuses_everything_or_has_several_models(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    served = SentenceTransformer(str(model), device="cpu")
    with embedding_server(served, names=("a", "b")) as server, pytest.raises(ModelError, match="2: a, b") as caught:
        verify_copy(VerifyRequest(server.url, str(model)))
    assert "--model" in str(caught.value.hint)
    with embedding_server(served, plan=[401]) as server, pytest.raises(ModelError) as caught:
        verify_copy(VerifyRequest(server.url, str(model), server_model="x"))
    assert KEY not in str(caught.value) and "key" in str(caught.value.hint)
    with embedding_server(served, most=1) as server, pytest.raises(ModelError, match="refuses every text"):
        verify_copy(VerifyRequest(server.url, str(model)))
    with embedding_server(served, most=100) as server:
        found = verify_copy(VerifyRequest(server.url, str(model)))
    assert not found.fits and {one.code for one in found.findings} == {"refused"}


def test_a_run_is_verified_by_its_name(runs: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["verify", "first", "--json"])
    found = json.loads(capfd.readouterr().out)
    assert found["fits"] and found["against"].endswith("first/model/encoding.json")

    with pytest.raises(SystemExit) as ended:  # trained on other rows, for fewer steps
        main(["verify", "second", "--against", "first", "--json"])
    found = json.loads(capfd.readouterr().out)
    assert ended.value.code == 4 and {one["code"] for one in found["findings"]} == {"other model"}
