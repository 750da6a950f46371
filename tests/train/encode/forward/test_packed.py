"""The packed forward gives the padded forward's embeddings, loss and gradients; cheap dropout is dropout."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss, MultipleNegativesRankingLoss
from torch import nn

from data.errors import EmbedTuneError
from train.config.schema import ModelConfig
from train.encode.forward.attention import Setting
from train.encode.forward.columns import embed_columns
from train.encode.forward.cpu_dropout import CheapDropout, cheap_dropout, dropout
from train.encode.forward.layout import group_lengths
from train.encode.forward.packed import attention_path, embed_packed, grouped, setting_of, why_not_packed
from train.encode.open import open_model
from train.encode.tokens.ragged import Tokens

TEXTS = ["a", "two words", "a rather long text with many words in it, longer than the others", "b c", "middling length here", "x"]


@pytest.fixture(scope="module")
def minilm() -> SentenceTransformer:
    return open_model(ModelConfig(device="cpu")).local.model.eval()


def features(model: SentenceTransformer) -> list[dict]:
    return [model.preprocess(texts) for texts in (TEXTS, TEXTS[::-1])]


@pytest.mark.parametrize("make_loss", [MultipleNegativesRankingLoss, CosineSimilarityLoss])
def test_loss_and_gradients_equal_the_stock_padded_ones(minilm: SentenceTransformer, make_loss: type) -> None:
    model = copy.deepcopy(minilm)
    loss, labels = make_loss(model), torch.tensor([0.9, 0.1, 0.5, 0.3, 0.7, 0.0])
    stock = loss(features(model), labels)
    stock.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    columns = [Tokens.from_padded(column["input_ids"], column["attention_mask"]) for column in features(model)]
    ours = loss.compute_loss_from_embeddings(embed_columns(model, columns), labels)
    ours.backward()
    assert ours.item() == pytest.approx(stock.item(), rel=1e-5)
    total = torch.sqrt(sum((g**2).sum() for g in expected.values()))
    for name, gradient in expected.items():
        found = dict(model.named_parameters())[name].grad
        assert (found - gradient).norm() / total < 1e-4, name


def test_encoding_equals_the_stock_encode(minilm: SentenceTransformer) -> None:
    encoder = open_model(ModelConfig(device="cpu")).local
    texts = [*TEXTS, "word " * 400, "word " * 300]  # beyond 256 tokens: cut as the stock one cuts
    stock = minilm.encode(texts, convert_to_tensor=True)
    assert torch.allclose(encoder.encode(texts, "document"), stock, atol=1e-6)


def test_bf16_gives_about_the_same_vectors_in_fp32_and_in_a_space_of_its_own(minilm: SentenceTransformer) -> None:
    encoder = open_model(ModelConfig(device="cpu")).local
    rounded = dataclasses.replace(encoder, bf16=True)
    exact, near = encoder.encode(TEXTS, "document"), rounded.encode(TEXTS, "document")
    assert near.dtype == torch.float32 and not torch.allclose(near, exact, atol=1e-6)
    assert torch.allclose((near * exact).sum(dim=1), torch.ones(len(TEXTS)), atol=1e-3)
    assert rounded.space("document") != encoder.space("document")


def test_the_attention_is_put_back_and_the_saved_model_is_plain(minilm: SentenceTransformer, tmp_path: Path) -> None:
    before = minilm[0].auto_model.config._attn_implementation
    with grouped(minilm), cheap_dropout(minilm):
        minilm.save_pretrained(str(tmp_path / "inside"), create_model_card=False)
    assert minilm[0].auto_model.config._attn_implementation == before
    assert b"embed_tune" not in b"".join(p.read_bytes() for p in (tmp_path / "inside").rglob("*.json"))
    assert not any(isinstance(module, CheapDropout) for module in minilm.modules())
    assert torch.equal(
        SentenceTransformer(str(tmp_path / "inside"), device="cpu").encode(TEXTS, convert_to_tensor=True),
        minilm.encode(TEXTS, convert_to_tensor=True),
    )


def test_what_cannot_be_packed_says_why(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    assert why_not_packed(model) is None
    assert "not a Sentence Transformers model" in str(why_not_packed(nn.Linear(2, 2)))
    assert attention_path(model) == "packed without padding, attention in groups of equal length"
    model[1].include_prompt = False
    assert "leaves the prompt out" in str(why_not_packed(model))
    assert attention_path(model) == "sorted by length, in chunks (its pooling leaves the prompt out)"


def test_the_attention_is_put_back_after_an_error(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    before = model[0].auto_model.config._attn_implementation
    with pytest.raises(EmbedTuneError, match="padded texts"), grouped(model):
        model(model.preprocess(["a padded call", "is not for packed attention"]))
    assert model[0].auto_model.config._attn_implementation == before
    with grouped(model), grouped(model):
        pass
    assert model[0].auto_model.config._attn_implementation == before
    assert np.isfinite(model.encode("it encodes as before")).all()


def test_what_the_choice_depends_on_is_read_from_the_model(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    encoder = model[0].auto_model
    model.train()
    setting = setting_of(encoder)
    assert (setting.dtype, setting.dropout, setting.head_width) == (torch.float32, 0.1, 16)
    assert setting_of(encoder, training=False).dropout == 0.0
    with torch.autocast("cpu", torch.bfloat16):
        assert setting_of(encoder.eval()) == Setting(torch.device("cpu"), torch.bfloat16, 0.0, 16)


def test_the_pass_without_gradients_drops_what_the_learning_one_drops(tiny_model: Path) -> None:
    """A cached loss computes embeddings without gradients first; under the same seed the second pass must repeat them."""
    model = SentenceTransformer(str(tiny_model), device="cpu").train()
    texts, found = Tokens(torch.tensor([101, 7, 9, 102, 101, 8, 7, 3, 102]), torch.tensor([4, 5])), []
    with grouped(model):
        for learning in (False, True):
            torch.manual_seed(4)
            with torch.set_grad_enabled(learning):
                found.append(embed_packed(model, texts).detach())
    assert torch.allclose(*found, atol=1e-6)


@given(st.lists(st.integers(1, 9), max_size=30))
def test_groups_are_runs_of_equal_length(lengths: list[int]) -> None:
    lengths.sort()
    groups = group_lengths(lengths)
    assert [length for count, length in groups for _ in range(count)] == lengths
    assert len({length for _, length in groups}) == len(groups)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.9), st.integers(0, 2**31))
def test_dropout_drops_at_its_rate_and_keeps_the_expectation(p: float, seed: int) -> None:
    torch.manual_seed(seed)
    x = torch.ones(40_000, requires_grad=True)
    y = dropout(x, p)
    dropped = (y == 0).float().mean().item()
    assert dropped == pytest.approx(p, abs=5 * (p * (1 - p) / 40_000) ** 0.5 + 1e-4)
    assert y[y != 0].unique().tolist() == [pytest.approx(1 / (1 - p), rel=1e-3)]
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())  # of ones: the gradient is the mask times the scale


def test_dropout_follows_torchs_generator() -> None:
    x = torch.randn(37)
    torch.manual_seed(5)
    first, second = dropout(x, 0.5), dropout(x, 0.5)
    torch.manual_seed(5)
    assert torch.equal(dropout(x, 0.5), first)
    assert not torch.equal(first, second)
    assert dropout(x, 0.0) is x


def test_modules_are_swapped_for_the_block_only_and_follow_training_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    with cheap_dropout(model):
        assert isinstance(model[1], CheapDropout)
        model.eval()
        assert torch.equal(model[1](torch.ones(9)), torch.ones(9))
        model.train()
        assert set(model[1](torch.ones(999)).unique().tolist()) == {0.0, 2.0}
    assert type(model[1]) is nn.Dropout and model[1].training
