"""The encoding contract: read from the model, from the family table or from the person, and kept through saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from data.schema import RowKind
from data.spec import DatasetSpec, PromptSpec
from train.config.schema import ModelConfig
from train.encode.contract import EncodingContract, apply_contract, read_contract
from train.encode.local import Encoder
from train.encode.open import open_model
from train.encode.prompts import settle_prompts
from train.encode.token_limit import limited_tokens
from train.encode.wrappers import RememberingEncoder
from train.errors import ModelError


def contract_of(model: SentenceTransformer, name: str, **settings: object) -> EncodingContract:
    return read_contract(model, name, ModelConfig(**settings))


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu")


def test_what_is_read_from_a_plain_model(model: SentenceTransformer) -> None:
    contract = contract_of(model, "someone/some-model")
    assert (contract.dimensions, contract.pooling, contract.normalized, contract.max_tokens) == (32, "mean", True, 64)
    assert contract.prompt("query") == contract.prompt("document") == contract.prompt("symmetric") == ""


@pytest.mark.parametrize(
    ("name", "query", "document", "symmetric"),
    [
        ("intfloat/e5-base-v2", "query: ", "passage: ", "query: "),
        ("intfloat/multilingual-e5-large", "query: ", "passage: ", "query: "),
        ("BAAI/bge-small-en-v1.5", "Represent this sentence for searching relevant passages: ", "", ""),
        ("BAAI/bge-m3", "", "", ""),
    ],
)
def test_families_have_their_prompts(model: SentenceTransformer, name: str, query: str, document: str, symmetric: str) -> None:
    contract = contract_of(model, name)
    assert (contract.prompt("query"), contract.prompt("document"), contract.prompt("symmetric")) == (query, document, symmetric)


def test_the_models_own_prompts_win_over_the_table_and_the_persons_over_both(model: SentenceTransformer) -> None:
    model.prompts = {"query": "Q: ", "passage": "P: "}
    own = contract_of(model, "intfloat/e5-base-v2")
    assert (own.query_prompt, own.document_prompt, own.prompts_from) == ("Q: ", "P: ", "the model's config")
    given = contract_of(model, "intfloat/e5-base-v2", query_prompt="ask: ")
    assert (given.query_prompt, given.document_prompt, given.prompts_from) == ("ask: ", "P: ", "your config")
    none = contract_of(model, "intfloat/e5-base-v2", query_prompt="", document_prompt="")
    assert (none.query_prompt, none.document_prompt) == ("", "")


def test_a_family_keeps_its_prompt_for_pairs_when_it_is_saved(model: SentenceTransformer, tmp_path: Path) -> None:
    contract = contract_of(model, "intfloat/e5-base-v2")
    apply_contract(model, contract)
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    again = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    found = contract_of(again, "saved")
    assert [found.prompt(role) for role in ("query", "document", "symmetric")] == ["query: ", "passage: ", "query: "]
    expected = Encoder(model, contract).encode(["a text"], "symmetric")
    assert torch.allclose(torch.from_numpy(again.encode(["a text"])), expected, atol=1e-6)


@pytest.mark.parametrize("prompt", ["topic: ", ""])
def test_a_prompt_for_pairs_that_the_person_sets_is_saved_though_the_model_has_one(
    model: SentenceTransformer, tmp_path: Path, prompt: str
) -> None:
    contract = contract_of(model, "intfloat/e5-small-v2")
    apply_contract(model, contract)
    specs = {"sts": DatasetSpec(source="sts.csv", prompts=PromptSpec(sentences=prompt))}
    settled, _ = settle_prompts(Encoder(model, contract), specs, {"sts": RowKind.SCORED})
    settled.model.save_pretrained(str(tmp_path), create_model_card=False)
    saved = SentenceTransformer(str(tmp_path), device="cpu")
    judged = settled.encode(["red car"], "symmetric")
    assert torch.allclose(saved.encode(["red car"], convert_to_tensor=True), judged, atol=1e-6)
    assert torch.allclose(saved.encode(["red car"], prompt=prompt, convert_to_tensor=True), judged, atol=1e-6)
    assert not torch.allclose(saved.encode(["red car"], prompt="query: ", convert_to_tensor=True), judged, atol=1e-3)
    assert (saved.prompts["query"], saved.prompts["document"]) == ("query: ", "passage: ")


def test_tokens_can_be_lowered_and_raised_as_far_as_there_are_positions(model: SentenceTransformer) -> None:
    assert contract_of(model, "x/y", max_tokens=16).max_tokens == 16
    assert contract_of(model, "x/y", max_tokens=512).max_tokens == 512
    with pytest.raises(ModelError, match=r"max_tokens=4096 is more than x/y can read: its architecture has positions for 512"):
        contract_of(model, "x/y", max_tokens=4096)


def test_the_contract_survives_saving(tiny_model: Path, tmp_path: Path) -> None:
    encoder = open_model(
        ModelConfig(name=str(tiny_model), device="cpu", query_prompt="search: ", document_prompt="text: ", max_tokens=20)
    ).local
    texts = ["a short text", "word " * 60]
    encoder.model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    plain = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    assert torch.allclose(encoder.encode(texts, "query"), plain.encode_query(texts, convert_to_tensor=True), atol=1e-6)
    assert torch.allclose(encoder.encode(texts, "document"), plain.encode_document(texts, convert_to_tensor=True), atol=1e-6)
    assert not torch.allclose(encoder.encode(texts, "query"), encoder.encode(texts, "document"), atol=1e-3)


def test_a_training_cut_does_not_outlive_its_block(model: SentenceTransformer) -> None:
    with limited_tokens(model, 8):
        assert model.preprocess(["word " * 90])["input_ids"].shape[1] == 8
    assert model.preprocess(["word " * 90])["input_ids"].shape[1] == 64


def test_encoding_keeps_training_mode_and_gives_ordinary_fp32_tensors(tiny_model: Path) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    encoder.model.train()
    vectors = encoder.encode(["one", "two"], "document")
    assert encoder.model.training
    assert vectors.dtype == torch.float32 and not vectors.is_inference()
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)


def test_the_remembering_encoder_encodes_each_text_of_a_prompt_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu", query_prompt="q: ", document_prompt="")).local
    expected = encoder.encode(["a", "b", "c", "a"], "document")
    as_query = encoder.encode(["a"], "query")
    asked: list[str] = []
    stock = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda self, texts, role, progress: asked.extend(texts) or stock(self, texts, role))
    memory = RememberingEncoder(encoder)
    memory.encode(["a", "b"], "document")
    assert torch.allclose(memory.encode(["a", "b", "c", "a"], "document"), expected, atol=1e-6)
    assert torch.allclose(memory.encode(["a"], "query"), as_query, atol=1e-6)
    assert asked == ["a", "b", "c", "a"]  # the last one under another prompt
    assert memory.encode([], "document").shape == (0, 32)


def test_a_family_prompt_for_symmetric_texts_joins_prompts_of_the_config(model: SentenceTransformer) -> None:
    model.prompts = {"query": "query: ", "passage": "passage: "}
    assert contract_of(model, "intfloat/e5-base-v2").prompt("symmetric") == "query: "
    assert contract_of(model, "someone/else").prompt("symmetric") == ""


def test_a_model_of_dot_products_is_judged_by_them(tiny_model: Path, tmp_path: Path) -> None:
    from train.evaluate.evaluator import score_model
    from train.evaluate.tasks import RetrievalTask

    plain = SentenceTransformer(str(tiny_model), device="cpu")
    raw = SentenceTransformer(modules=list(plain)[:-1], similarity_fn_name="dot", device="cpu")  # without Normalize
    raw.save_pretrained(str(tmp_path / "dot"), create_model_card=False)
    encoder = open_model(ModelConfig(name=str(tmp_path / "dot"), device="cpu")).local
    assert encoder.contract.similarity == "dot"
    documents = ["a", "several words in a row", "x y z", "a query with words"]
    task = RetrievalTask("t", "test", ["q"], ["a query"], list("wxyz"), documents, {"q": {"w": 1.0}})
    scores = score_model(task, encoder)
    products = encoder.encode(["a query"], "query") @ encoder.encode(documents, "document").T
    assert scores.top_ids[0] == [list("wxyz")[i] for i in products[0].argsort(descending=True)]
    assert scores.top_scores[0].tolist() == pytest.approx(sorted(products[0].tolist(), reverse=True), abs=1e-5)
