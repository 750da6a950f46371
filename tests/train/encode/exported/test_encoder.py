"""An exported folder encodes like any model: texts cut with their special tokens, prompts put before them, whatever the batch."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.handmade_export import TABLE, handmade_export, mean_of
from train import machine
from train.config.schema import BaseSettings, ModelConfig
from train.encode.contract import Role
from train.encode.exported.encoder import ExportedEncoder, batches
from train.encode.open import open_model
from train.encode.prompts import prompted
from train.errors import ModelError
from train.resolve.models import find_candidate
from train.runs.folder import RunFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return handmade_export(tmp_path_factory.mktemp("export") / "onnx")


def opened(folder: Path, **settings: object) -> ExportedEncoder:
    encoder = open_model(ModelConfig(name=str(folder), **settings)).encoder
    assert isinstance(encoder, ExportedEncoder)
    return encoder


def test_a_vector_is_that_of_the_tokens_with_special_ones_and_cut_at_the_limit(folder: Path) -> None:
    found = opened(folder).encode(["red", "red green blue white", "", "purple"], Role.DOCUMENT)
    wanted = [
        ("[CLS]", "red", "[SEP]"),
        ("[CLS]", "red", "green", "blue", "[SEP]"),
        ("[CLS]", "[SEP]"),
        ("[CLS]", "[UNK]", "[SEP]"),
    ]
    np.testing.assert_allclose(found.numpy(), [mean_of(*words) for words in wanted], rtol=1e-6)


def test_the_prompt_of_the_role_stands_before_the_text(folder: Path) -> None:
    found = opened(folder).encode(["red"], Role.QUERY)
    np.testing.assert_allclose(found[0].numpy(), mean_of("[CLS]", "query:", "red", "[SEP]"), rtol=1e-6)


def test_prompts_of_the_user_and_of_a_data_set_take_its_place(folder: Path) -> None:
    own = opened(folder, query_prompt="blue ")
    np.testing.assert_allclose(own.encode(["red"], Role.QUERY)[0].numpy(), mean_of("[CLS]", "blue", "red", "[SEP]"), rtol=1e-6)
    from data.spec import PromptSpec

    other = prompted(own, PromptSpec(anchor="white "))
    np.testing.assert_allclose(other.encode(["red"], Role.QUERY)[0].numpy(), mean_of("[CLS]", "white", "red", "[SEP]"), rtol=1e-6)


def test_the_order_of_texts_does_not_matter(folder: Path) -> None:
    texts = ["red", "red green blue", "green white", "", "blue blue blue blue blue", "white"] * 3
    encoder = opened(folder)
    there, back = encoder.encode(texts, Role.DOCUMENT), encoder.encode(texts[::-1], Role.DOCUMENT)
    assert there.flip(0).equal(back)
    assert encoder.encode([], Role.DOCUMENT).shape == (0, len(TABLE))


def test_only_texts_of_one_length_share_a_batch() -> None:
    assert list(batches([3, 1, 3, 2, 3, 1], most=2)) == [[1, 5], [3], [0, 2], [4]]
    assert list(batches([3000, 3000], most=64)) == [[0], [1]]


def test_a_copy_is_in_the_same_space_and_other_weights_or_prompts_are_not(folder: Path, tmp_path: Path) -> None:
    here = opened(folder)
    copy = opened(Path(shutil.copytree(folder, tmp_path / "copy")))
    assert copy.space(Role.QUERY) == here.space(Role.QUERY)
    assert here.space(Role.QUERY) != here.space(Role.DOCUMENT)
    assert here.space(Role.DOCUMENT) == here.space(Role.SYMMETRIC)
    assert opened(handmade_export(tmp_path / "other", TABLE + 1)).space(Role.QUERY) != here.space(Role.QUERY)
    shorter = dataclasses.replace(here, contract=dataclasses.replace(here.contract, max_tokens=4))
    assert shorter.space(Role.QUERY) != here.space(Role.QUERY)


def test_int8_on_a_processor_that_adds_otherwise_is_said_and_is_another_space(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    int8 = tmp_path / "int8"
    shutil.copytree(folder, int8)
    record = json.loads((int8 / "export.json").read_text())
    (int8 / "export.json").write_text(json.dumps(record | {"kind": "onnx-int8", "settings": {"products": "exact"}}))
    notes, spaces = [], []
    for flags in ({"avx2", "avx_vnni"}, {"avx2"}):
        monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
        monkeypatch.setattr(machine, "processor_flags", lambda known=frozenset(flags): known)
        found = open_model(ModelConfig(name=str(int8)))
        notes.append(found.notes)
        spaces.append(found.encoder.space(Role.QUERY))
    assert notes[0] == [] and "here they are saturating" in notes[1][0] and spaces[0] != spaces[1]


def test_a_changed_missing_or_newer_file_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    tokenizer = copy / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace('"max_length": 5', '"max_length": 4'), encoding="utf-8")
    with pytest.raises(ModelError, match="was changed since") as raised:
        opened(copy)
    assert "embed-tune export" in str(raised.value.hint)
    tokenizer.unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json is missing"):
        opened(copy)
    record = json.loads((copy / "export.json").read_text(encoding="utf-8"))
    (copy / "export.json").write_text(json.dumps({**record, "format": 99}), encoding="utf-8")
    with pytest.raises(ModelError, match="newer version"):
        opened(copy)
    (copy / "export.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        opened(copy)


@pytest.mark.parametrize("setting", [{"max_tokens": 128}, {"dimensions": 4}, {"pooling": "cls"}])
def test_what_the_graph_has_settled_cannot_be_set(folder: Path, setting: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="was exported with"):
        opened(folder, **setting)


def test_what_needs_weights_is_refused(folder: Path) -> None:
    model = open_model(ModelConfig(name=str(folder)))
    assert model.origin.kind == "export" and model.origin.sha256
    with pytest.raises(ModelError, match="exported graph") as raised:
        model.local
    assert "exported from" in str(raised.value.hint)


def test_an_export_of_a_run_is_known_as_its_model(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "first")
    export = handmade_export(run.exports / "onnx")
    assert find_candidate(str(export), BaseSettings().model).run is None
    run.config.write_text("", encoding="utf-8")
    run.environment.write_text("{}", encoding="utf-8")
    found = find_candidate(str(export), BaseSettings().model)
    assert found.run is not None and found.run.resolve() == run.path.resolve()
    assert run.ships(export) and not run.ships(tmp_path)
    assert find_candidate("first/exports/onnx", BaseSettings().model, tmp_path).config.name == str(export)


def test_the_lines_of_the_readme_give_the_same_vectors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(lines, "README.md", "exec"), names)
    assert "[[" in capsys.readouterr().out
    encoder = opened(folder)
    for role, prompt in ((Role.QUERY, names["QUERY"]), (Role.DOCUMENT, names["DOCUMENT"])):
        texts = ["red green", "blue", "red green blue white red"]  # padded and cut by the file of the tokenizer alone
        np.testing.assert_allclose(names["encode"](texts, prompt), encoder.encode(texts, role), rtol=1e-6)
