"""encoding.json: what is in it, that it is right for every kind of model, and that making it changes nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

from data.schema import RowKind
from data.spec import DatasetSpec, PromptSpec
from tests.support.tiny_models import bert, packaged, part, raw, router, saved, static
from train.config.schema import ModelConfig
from train.deploy.export import export_model
from train.encode import golden_vectors
from train.encode.contract import Role
from train.encode.encoding_file import EncodingFile, read_encoding, write_encoding
from train.encode.encoding_format import Vectors
from train.encode.golden import GOLDEN_TEXTS, PROBES
from train.encode.local import Encoder
from train.encode.open import open_model
from train.encode.prompts import settle_prompts
from train.errors import ModelError


def opened(folder: Path, **settings: object) -> Encoder:
    return open_model(ModelConfig(name=str(folder), device="cpu", **settings)).local  # type: ignore[arg-type]


def recorded(encoder: Encoder, folder: Path) -> EncodingFile:
    export_model(encoder.model, folder, encoder)
    found = read_encoding(folder)
    assert found is not None
    return found


def assert_stock_agrees(found: EncodingFile, folder: Path) -> None:
    """Stock Sentence Transformers gives the golden vectors of each role from the saved folder."""
    model = SentenceTransformer(str(folder), device="cpu")
    calls = {Role.QUERY: model.encode_query, Role.DOCUMENT: model.encode_document, Role.SYMMETRIC: model.encode}
    for role, encode in calls.items():
        block = found.of_role(role)
        assert block is not None
        vectors = np.asarray(encode(found.texts_of(block.texts), batch_size=3))[:, : found.contract.dimensions]
        if found.contract.normalized:
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        assert np.abs(vectors - block.vectors.array()).max() < 2e-6


def test_the_texts_are_32_distinct_ones_of_every_length() -> None:
    assert len(GOLDEN_TEXTS) == len(set(GOLDEN_TEXTS)) == 32
    lines = [line for text in GOLDEN_TEXTS[25:] for line in text.split(". ")]
    assert len(lines) == len(set(lines)), "a long text is made of a sentence that comes again"
    found = golden_vectors._Counter(SentenceTransformer(str(packaged()), device="cpu")).counts("")
    assert found is not None and found[25:] == [57, 119, 167, 322, 652, 1328, 4760] and min(found) == 2
    assert all(8 < found[number] < 60 for number in PROBES)


def test_a_run_model_has_vectors_of_each_prompt(tmp_path: Path, tiny_model: Path) -> None:
    encoder = opened(tiny_model, query_prompt="ask: ")
    found = recorded(encoder, tmp_path / "model")
    assert [(one.prompt, [*one.roles], len(one.texts)) for one in found.golden] == [
        ("ask: ", ["query"], 32),
        ("", ["document", "symmetric"], 32),
    ]
    assert found.contract == encoder.contract and found.prompts == {"query": "ask: ", "document": ""}
    assert found.modules == ("Transformer", "Pooling", "Normalize") and found.versions["torch"] == torch.__version__
    assert_stock_agrees(found, tmp_path / "model")
    again = read_encoding(tmp_path / "model" / "encoding.json")
    assert again == found and read_encoding(tmp_path) is None


@pytest.mark.parametrize("kind", ["static", "router", "fewer dimensions", "not normalised, dot"])
def test_it_is_right_for_other_kinds_of_models(kind: str, tmp_path: Path, tiny_model: Path) -> None:
    settings: dict[str, object] = {}
    if kind == "static":
        folder = static(tmp_path / "base")
    elif kind == "router":
        folder = router(tmp_path / "base")
    elif kind == "fewer dimensions":
        folder, settings = tiny_model, {"dimensions": 8}
    else:
        folder = saved(tmp_path / "base", *part(tmp_path / "part"), similarity_fn_name="dot")
    found = recorded(opened(folder, **settings), tmp_path / "model")
    assert_stock_agrees(found, tmp_path / "model")
    if kind == "router":
        assert [(one.task, [*one.roles]) for one in found.golden] == [
            ("query", ["query"]),
            ("document", ["document"]),
            (None, ["symmetric"]),
        ]
        assert found.token_ids is None and any("router" in said for said in found.left_out)
    elif kind == "not normalised, dot":
        assert found.contract.similarity == "dot" and not found.contract.normalized
        assert np.ptp(np.linalg.norm(found.golden[0].vectors.array(), axis=1)) > 1e-3
    elif kind == "fewer dimensions":
        assert found.golden[0].vectors.dimensions == 8


def test_a_router_without_a_default_route_has_no_vectors_of_texts_in_no_role(tmp_path: Path) -> None:
    found = recorded(opened(router(tmp_path, default=None)), tmp_path / "tuned")
    assert found.of_role(Role.SYMMETRIC) is None and found.of_role(Role.QUERY) is not None
    assert any("no default route" in said for said in found.left_out)


def test_prompts_by_data_set_have_vectors_under_their_names(tmp_path: Path, tiny_model: Path) -> None:
    specs = {
        "a": DatasetSpec(source="x", prompts=PromptSpec(anchor="ask: ")),
        "b": DatasetSpec(source="x", prompts=PromptSpec(anchor="seek: ")),
    }
    encoder, _ = settle_prompts(opened(tiny_model), specs, dict.fromkeys(specs, RowKind.PAIR))
    found = recorded(encoder, tmp_path / "model")
    assert [(one.called(), one.prompt, len(one.texts)) for one in found.golden] == [
        ("query and document and symmetric", "", 32),
        ("a-anchor", "ask: ", len(PROBES)),
        ("b-anchor", "seek: ", len(PROBES)),
    ]
    model = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    expected = model.encode(found.texts_of(PROBES), prompt_name="b-anchor")
    assert np.abs(expected - found.golden[2].vectors.array()).max() < 2e-6


def test_what_wrong_copies_would_give_is_recorded(tmp_path: Path) -> None:
    folder = raw(tmp_path / "raw", bert())
    modules = [Transformer(str(folder), max_seq_length=256), Pooling(32, pooling_mode="mean"), Dense(32, 16)]
    saved(tmp_path / "base", *modules, prompts={"query": "ask: ", "document": ""})
    found = recorded(opened(tmp_path / "base"), tmp_path / "model")
    block = found.of_role(Role.QUERY)
    assert block is not None
    by_name = {(one.kind, one.detail): one for one in block.hypotheses}
    assert list(by_name) == [
        ("no prompt", ""),
        ("prompt twice", ""),
        ("pooling", "cls"),
        ("pooling", "max"),
        ("pooling", "lasttoken"),
        ("left out", "Dense"),
        ("cut", "64"),
        ("cut", "128"),
        ("not cut", "324"),
    ]
    model = SentenceTransformer(str(tmp_path / "model"), device="cpu")

    def unit(vectors: np.ndarray) -> np.ndarray:
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    probes = found.texts_of(PROBES)
    tokens = model[0](model.preprocess(["ask: " + probes[0]]))["token_embeddings"].detach().numpy()
    assert np.abs(by_name["left out", "Dense"].vectors.array()[0] - unit(tokens.mean(axis=1))[0]).max() < 1e-3
    assert np.abs(by_name["no prompt", ""].vectors.array() - unit(model.encode(probes, prompt=""))).max() < 1e-3
    model.max_seq_length = 128
    (number,) = by_name["cut", "128"].texts
    expected = unit(model.encode([found.texts[number]], prompt="ask: "))
    assert np.abs(by_name["cut", "128"].vectors.array() - expected).max() < 1e-3


def test_making_it_changes_nothing(tmp_path: Path, tiny_model: Path) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu"), tokens=tmp_path / "cache").local
    coarse = dataclasses.replace(encoder, bf16=True)
    encoder.model.train()
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    found = write_encoding(coarse, tmp_path / "a")
    assert torch.equal(torch.rand(4), expected)
    assert encoder.model.training and encoder.model[0].training and encoder.model[0].auto_model.training
    assert all(torch.equal(value, before[name]) for name, value in encoder.model.state_dict().items())
    assert not list((tmp_path / "cache").rglob("*.arrow"))
    assert encoder.model.max_seq_length == 64
    # fp32, whatever the precision of the run; and the same every time
    assert found == write_encoding(encoder, tmp_path / "b")
    assert (tmp_path / "a" / "encoding.json").read_bytes() == (tmp_path / "b" / "encoding.json").read_bytes()


def test_texts_that_take_too_long_are_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = saved(tmp_path / "base", *part(tmp_path / "part", tokens=512))
    monkeypatch.setitem(golden_vectors.MOST_WORK, "cpu", 12e6)  # about 160 tokens of this model
    found = recorded(opened(base), tmp_path / "model")
    assert len(found.golden[0].texts) == 27 and found.golden[0].tokens is not None and max(found.golden[0].tokens) == 119
    assert "the 5 longest texts (of 167 tokens and more)" in found.left_out[0] and "cannot be checked" in found.left_out[0]
    assert [one.detail for one in found.golden[0].hypotheses if one.kind == "cut"] == ["64"]


def test_a_model_that_cannot_encode_them_is_exported_all_the_same(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = opened(tiny_model)
    with torch.no_grad():
        encoder.model[0].auto_model.embeddings.LayerNorm.weight.fill_(float("nan"))
    export_model(encoder.model, tmp_path / "model", encoder)
    assert (tmp_path / "model" / "modules.json").is_file() and read_encoding(tmp_path / "model") is None
    assert "encoding.json is left out" in capsys.readouterr().out


def test_a_damaged_or_newer_file_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    recorded(opened(tiny_model), tmp_path / "model")
    path = tmp_path / "model" / "encoding.json"
    whole = json.loads(path.read_text())
    for change, words in (
        ({"format": 99}, "newer version"),
        ({"golden": [{**whole["golden"][0], "texts": [0, 1]}]}, "damaged"),
        ({"golden": [{**whole["golden"][0], "vectors": {"dimensions": 32, "base64": "AAAA"}}]}, "damaged"),
        ({"contract": None}, "damaged .contract: Input should be"),
        ({"golden": []}, "it holds no vectors"),
        ({"golden": [{**whole["golden"][0], "texts": [], "vectors": {"dimensions": 32, "base64": ""}}]}, "are 0"),
        ({"golden": [{**whole["golden"][0], "vectors": Vectors.of(np.full((32, 32), np.nan)).model_dump()}]}, "holds NaN"),
        ({"token_ids": whole["token_ids"][:3]}, "digests of their tokens differ"),
    ):
        path.write_text(json.dumps(whole | change))
        with pytest.raises(ModelError, match=words) as caught:
            read_encoding(tmp_path / "model")
        assert caught.value.hint
    path.write_text(path.read_text()[:1000])
    with pytest.raises(ModelError, match="damaged"):
        read_encoding(path)
    path.write_text(json.dumps(whole | {"added": 1}))
    assert read_encoding(path) is not None


@pytest.mark.slow
def test_reading_8192_tokens_takes_no_minutes(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=6, intermediate_size=1536,
        max_position_embeddings=8192,
    )  # fmt: skip
    folder = raw(tmp_path / "raw", BertModel(config))
    base = saved(tmp_path / "base", Transformer(str(folder), max_seq_length=8192), Pooling(384))
    encoder = opened(base)
    began = time.perf_counter()
    recorded(encoder, tmp_path / "model")
    assert time.perf_counter() - began < 60
    shutil.rmtree(tmp_path)
