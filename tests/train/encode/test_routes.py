"""Models with a router: each text takes the route of its role, in judging and in training, or the model is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Router

from data.schema import RowKind
from tests.support import tiny_models
from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.encode.protocol import OpenedModel
from train.encode.routes import about_routes
from train.errors import ModelError

TEXTS = ["how deep do bulbs go", "plant a bulb three times as deep as it is high"]


def opened(folder: Path) -> OpenedModel:
    return open_model(ModelConfig(name=str(folder), device="cpu"))


@pytest.mark.parametrize("default", ["document", None])
def test_queries_and_documents_take_their_routes(default: str | None, tmp_path: Path) -> None:
    folder = tiny_models.router(tmp_path, default)
    encoder, stock = opened(folder).local, SentenceTransformer(str(folder), device="cpu")
    query, document = encoder.encode(TEXTS, "query"), encoder.encode(TEXTS, "document")
    assert torch.allclose(query, stock.encode_query(TEXTS, convert_to_tensor=True), atol=1e-6)
    assert torch.allclose(document, stock.encode_document(TEXTS, convert_to_tensor=True), atol=1e-6)
    assert not torch.allclose(query, document, atol=1e-2)
    assert encoder.space("query") != encoder.space("document"), "the cache must not serve one for the other"
    assert encoder.store is None


@pytest.mark.slow
def test_texts_that_are_neither_take_the_default_route_if_there_is_one(tmp_path: Path) -> None:
    with_default = opened(tiny_models.router(tmp_path / "with")).local
    assert torch.equal(with_default.encode(TEXTS, "symmetric"), with_default.encode(TEXTS, "document"))
    assert "default route (document)" in about_routes(with_default.model, [RowKind.SCORED])[-1]
    assert len(about_routes(with_default.model, [RowKind.PAIR])) == 1
    without = opened(tiny_models.router(tmp_path / "without", None)).local
    for refuse in (lambda: without.encode(TEXTS, "symmetric"), lambda: about_routes(without.model, [RowKind.SCORED])):
        with pytest.raises(ModelError, match=r"router \(query, document\) has no default route"):
            refuse()


def test_routes_of_other_names_are_refused_by_name(tmp_path: Path) -> None:
    one, two = tiny_models.part(tmp_path / "one", 1), tiny_models.part(tmp_path / "two", 2)
    folder = tiny_models.saved(tmp_path / "model", Router({"question": one, "answer": two}), Normalize())
    with pytest.raises(ModelError, match="routes question, answer, but none for query and document texts"):
        opened(folder)


@pytest.mark.slow
def test_routes_of_other_names_that_are_mapped_are_taken(tmp_path: Path) -> None:
    one, two = tiny_models.part(tmp_path / "one", 1), tiny_models.part(tmp_path / "two", 2)
    routes = {("query", "text"): "question", ("document", None): "answer"}
    folder = tiny_models.saved(tmp_path / "model", Router({"question": one, "answer": two}, route_mappings=routes), Normalize())
    stock = SentenceTransformer(str(folder), device="cpu")
    expected = stock.encode_query(TEXTS, convert_to_tensor=True)
    assert torch.allclose(opened(folder).encoder.encode(TEXTS, "query"), expected, atol=1e-6)


@pytest.mark.slow
def test_vectors_of_different_widths_are_refused(tmp_path: Path) -> None:
    one, two = tiny_models.part(tmp_path / "one", 1), tiny_models.part(tmp_path / "two", 2)
    folder = tiny_models.saved(tmp_path / "model", Router.for_query_document([*one, Dense(32, 16)], two))
    with pytest.raises(ModelError, match="16 for query and 32 for document texts"):
        opened(folder)


@pytest.mark.slow
def test_heads_behind_one_encoder_are_routes_too(tmp_path: Path) -> None:
    torch.manual_seed(3)
    heads = Router.for_query_document([Dense(32, 16)], [Dense(32, 16)])
    folder = tiny_models.saved(tmp_path / "model", *tiny_models.part(tmp_path / "one"), heads)
    encoder, stock = opened(folder).local, SentenceTransformer(str(folder), device="cpu")
    query = encoder.encode(TEXTS, "query")
    assert torch.allclose(query, stock.encode_query(TEXTS, convert_to_tensor=True), atol=1e-6)
    assert not torch.allclose(query, encoder.encode(TEXTS, "document"), atol=1e-2)
