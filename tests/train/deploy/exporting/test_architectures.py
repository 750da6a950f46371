"""Every architecture and pooling that people bring becomes a graph with the model's vectors, or is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.modules import Dense, LayerNorm, Normalize, Pooling, Transformer
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from tests.support.tiny_models import SMALL, WORDS, raw, roberta, router, saved, static
from train.config.choices import ExportKind
from train.config.schema import ModelConfig
from train.deploy.exporting.eligibility import refuse
from train.deploy.exporting.graph import write_graph
from train.deploy.exporting.make import Source, fill
from train.deploy.exporting.proof import prove
from train.encode.contract import Role
from train.encode.exported.encoder import ExportedEncoder
from train.encode.golden import GOLDEN_TEXTS
from train.encode.local import Encoder
from train.encode.open import open_model
from train.errors import ModelError


def bert() -> PreTrainedModel:
    return BertModel(BertConfig(vocab_size=WORDS, **SMALL))


def distilbert() -> PreTrainedModel:
    return DistilBertModel(DistilBertConfig(vocab_size=WORDS, dim=32, n_layers=2, n_heads=2, hidden_dim=64))


def mpnet() -> PreTrainedModel:
    return MPNetModel(MPNetConfig(vocab_size=WORDS, max_position_embeddings=514, **SMALL))


def modernbert() -> PreTrainedModel:
    small = {**SMALL, "num_hidden_layers": 3}  # the first sees everything, the others a window
    return ModernBertModel(ModernBertConfig(vocab_size=WORDS, pad_token_id=0, local_attention=16, **small))


def xlm_roberta() -> PreTrainedModel:
    return XLMRobertaModel(XLMRobertaConfig(vocab_size=WORDS, max_position_embeddings=514, type_vocab_size=1, **SMALL))


def lively(encoder: PreTrainedModel) -> PreTrainedModel:
    """Enlarge random weights, so that the vectors of different texts lie far apart, as those of a trained model do."""
    with torch.no_grad():
        for weight in encoder.parameters():
            if weight.dim() == 2:
                weight.mul_(8)
    return encoder


def model(folder: Path, make: Callable[[], PreTrainedModel], *after: Any, tokens: int = 64, **config: Any) -> Encoder:
    torch.manual_seed(0)
    first = Transformer(str(raw(folder / "raw", lively(make()))), max_seq_length=tokens)
    place = saved(folder / "model", first, *after)
    return open_model(ModelConfig(name=str(place), device="cpu", **config)).local


def exported(encoder: Encoder, folder: Path, kind: ExportKind = ExportKind.ONNX) -> ExportedEncoder:
    refuse(encoder)
    graph = folder / "graph.onnx"
    write_graph(encoder.model, encoder.contract, graph, "tiny")
    (folder / "export").mkdir()
    source = Source(encoder, "tiny", None, graph, texts={Role.DOCUMENT: GOLDEN_TEXTS})
    return fill(source, kind, folder / "export")


MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
LAYERS = (
    Pooling(32, pooling_mode=MODES),
    Dense(32 * len(MODES), 24, activation_function=torch.nn.GELU()),
    LayerNorm(24),
    Normalize(),
)


@pytest.mark.slow
@pytest.mark.parametrize("make", [bert, distilbert, mpnet, modernbert, xlm_roberta, roberta])
def test_each_architecture_with_all_poolings_and_layers(make: Callable[[], PreTrainedModel], tmp_path: Path) -> None:
    encoder = model(tmp_path, make, *LAYERS)
    found = exported(encoder, tmp_path)  # proven inside: alone and padded
    ours = encoder.encode(["a", "a garden of many words, some of them long", ""], Role.DOCUMENT)
    assert float((ours[0] * ours[1]).sum()) < 0.9, "vectors that are all alike prove nothing"
    assert found.record.difference.largest < 1e-9
    np.testing.assert_allclose(
        found.encode(["a", "a garden of many words, some of them long", ""], Role.DOCUMENT), ours, atol=2e-5
    )


@pytest.mark.slow
def test_fewer_dimensions_and_prompts_are_those_of_the_contract(tmp_path: Path) -> None:
    encoder = model(tmp_path, bert, Pooling(32), Normalize(), dimensions=8, query_prompt="query: ")
    found = exported(encoder, tmp_path)
    vectors = found.encode(["a garden"], Role.QUERY)
    assert vectors.shape == (1, 8)
    assert abs(float(vectors.norm()) - 1) < 1e-5
    np.testing.assert_allclose(vectors, encoder.encode(["a garden"], Role.QUERY), atol=1e-5)


@pytest.mark.slow
def test_int8_and_openvino_are_near_and_do_not_depend_on_company(tmp_path: Path) -> None:
    encoder = model(tmp_path, bert, Pooling(32), Normalize())
    for kind in (ExportKind.INT8, ExportKind.OPENVINO):
        (tmp_path / kind).mkdir()
        found = exported(encoder, tmp_path / kind, kind)
        assert found.record.difference.largest < 0.05
        assert found.record.tolerance >= found.record.difference.largest
        alone = np.concatenate([found.encode([text], Role.DOCUMENT) for text in GOLDEN_TEXTS[:8]])
        np.testing.assert_allclose(
            found.encode(GOLDEN_TEXTS[:8], Role.DOCUMENT), alone, atol=2e-2 if kind == "openvino" else 1e-5
        )


@pytest.mark.slow
def test_a_wrong_graph_is_found(tmp_path: Path) -> None:
    right = model(tmp_path / "right", bert, Pooling(32, pooling_mode="mean"), Normalize())
    found = exported(right, tmp_path)
    wrong = model(tmp_path / "wrong", bert, Pooling(32, pooling_mode="cls"), Normalize())
    with pytest.raises(ModelError, match="other vectors than the model's"):
        prove(found, wrong, GOLDEN_TEXTS, "fp32")
    shorter = model(tmp_path / "shorter", bert, Pooling(32), Normalize(), tokens=48)
    with pytest.raises(ModelError, match="other vectors than the model's"):
        prove(found, shorter, GOLDEN_TEXTS, "fp32")


def test_routers_static_embeddings_and_left_out_prompts_are_refused(tmp_path: Path) -> None:
    for place, word in ((router(tmp_path / "router"), "router"), (static(tmp_path / "static"), "word vectors")):
        with pytest.raises(ModelError, match=word) as raised:
            refuse(open_model(ModelConfig(name=str(place), device="cpu")).local)
        assert raised.value.hint
    with pytest.raises(ModelError, match="leaves the prompt's tokens out"):
        refuse(model(tmp_path, bert, Pooling(32, include_prompt=False)))
