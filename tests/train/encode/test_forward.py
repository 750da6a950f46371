"""Sorting by length and chunking changes neither embeddings nor gradients."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from train.encode.forward import _chunks, can_sort, embed_columns, leaves_prompt_out

ANCHORS = ["one", "two words here", "a much longer anchor with a good many more words in it than the others have", "x y"]
POSITIVES = ["first of all", "b", "something of middling length for a change", "the end of the list " * 6]


def _features(model: SentenceTransformer) -> list[dict]:
    keys = ("input_ids", "attention_mask", "token_type_ids")
    return [{k: v for k, v in model.preprocess(texts).items() if k in keys} for texts in (ANCHORS, POSITIVES)]


def test_same_loss_and_gradients_as_the_stock_padded_forward(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu").eval()  # eval: no dropout, gradients all the same
    loss = MultipleNegativesRankingLoss(model)
    stock = loss(_features(model), torch.tensor([]))
    stock.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    ours = loss.compute_loss_from_embeddings(embed_columns(model, _features(model), chunk_tokens=40), torch.tensor([]))
    ours.backward()
    assert torch.allclose(stock, ours, rtol=1e-6)
    total = torch.sqrt(sum((g**2).sum() for g in expected.values()))
    for name, parameter in model.named_parameters():
        if name in expected:
            assert (parameter.grad - expected[name]).norm() / total < 1e-5, name


def test_rows_keep_their_order(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu").eval()
    anchors, positives = embed_columns(model, _features(model), chunk_tokens=30)
    assert torch.allclose(anchors, model.encode(ANCHORS, convert_to_tensor=True).clone(), atol=1e-6)
    assert torch.allclose(positives, model.encode(POSITIVES, convert_to_tensor=True).clone(), atol=1e-6)


def test_left_padding_is_left_to_the_stock_forward() -> None:
    right = {"input_ids": torch.tensor([[5, 6, 0]]), "attention_mask": torch.tensor([[1, 1, 0]])}
    left = {"input_ids": torch.tensor([[0, 5, 6]]), "attention_mask": torch.tensor([[0, 1, 1]])}
    image = {"pixel_values": torch.zeros(1, 3), "input_ids": torch.tensor([[5]]), "attention_mask": torch.tensor([[1]])}
    assert can_sort([right])
    assert not can_sort([left])
    assert not can_sort([image])


def test_columns_with_and_without_a_prompt_are_embedded_together(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu").eval()
    features = [model.preprocess(ANCHORS, prompt="query: "), model.preprocess(POSITIVES)]
    assert "prompt_length" in features[0] and can_sort(features) and not leaves_prompt_out(model)
    anchors, positives = embed_columns(model, features)
    assert torch.allclose(anchors, model.encode(ANCHORS, prompt="query: ", convert_to_tensor=True).clone(), atol=1e-6)
    assert torch.allclose(positives, model.encode(POSITIVES, convert_to_tensor=True).clone(), atol=1e-6)
    model.set_pooling_include_prompt(False)
    assert leaves_prompt_out(model)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(10, 200))
def test_chunks_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    chunks = _chunks(order, lengths, budget)
    assert [row for chunk in chunks for row in chunk] == order
    assert all(len(chunk) == 1 or len(chunk) * max(lengths[row] for row in chunk) <= budget for chunk in chunks)
