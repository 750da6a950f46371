"""Sorting, packing, chunking, dividing and forwarding again change neither embeddings nor gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from train.encode.forward import columns as forward
from train.encode.forward.columns import _chunks, _keeps, activation_bytes, embed_columns
from train.encode.forward.cpu_dropout import cheap_dropout
from train.encode.forward.packed import packed_through_wrapper
from train.encode.tokens.ragged import Tokens

ANCHORS = ["one", "two words here", "a much longer anchor with a good many more words in it than the others have", "x y"]
POSITIVES = ["first of all", "b", "something of middling length for a change", "the end of the list " * 6]


class Wrapper(torch.nn.parallel.DistributedDataParallel):
    """Stands for the wrapper of data-parallel training: only passes through it are seen."""

    def __init__(self, module: SentenceTransformer) -> None:
        torch.nn.Module.__init__(self)
        self.module = module
        self.passes = 0

    def forward(self, *args: object, **kwargs: object) -> object:
        self.passes += 1
        return self.module(*args, **kwargs)


@pytest.fixture
def model(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceTransformer:
    monkeypatch.setattr(forward, "FEWEST_TOKENS", 10)  # so that the few texts here are divided, too
    return SentenceTransformer(str(tiny_model), device="cpu").eval()  # eval: no dropout, gradients all the same


def tokens(model: SentenceTransformer, *columns: list[str]) -> list[Tokens]:
    found = [model.preprocess(texts) for texts in columns]
    return [Tokens.from_padded(one["input_ids"], one["attention_mask"]) for one in found]


def gradients(model: SentenceTransformer, value: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    value.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    total = torch.sqrt(sum((g**2).sum() for g in expected.values()))
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() / total < 1e-5, name


WAYS = {
    "packed in two halves": {},
    "packed in small chunks": {"chunk_tokens": 12},
    "forwarded again": {"keep_bytes": 0},
    "forwarded again in small chunks": {"keep_bytes": 0, "chunk_tokens": 12},
    "some of them again": {"keep_bytes": 150_000, "chunk_tokens": 12},
    "one pass": {"one_pass": True},
}


@pytest.mark.parametrize("refused", [None, "for the sake of the test"], ids=["packed", "padded"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
@pytest.mark.parametrize("way", WAYS)
def test_same_loss_and_gradients_as_the_stock_padded_forward(
    model: SentenceTransformer, way: str, wrapped: bool, refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = MultipleNegativesRankingLoss(model)
    stock = loss([model.preprocess(texts) for texts in (ANCHORS, POSITIVES)], torch.tensor([]))
    expected = gradients(model, stock)
    monkeypatch.setattr(forward, "why_not_packed", lambda model: refused)
    called = Wrapper(model) if wrapped else model
    with packed_through_wrapper(model):
        columns = embed_columns(called, tokens(model, ANCHORS, POSITIVES), **WAYS[way])
        ours = loss.compute_loss_from_embeddings(columns, torch.tensor([]))
        assert torch.allclose(stock, ours, rtol=1e-6)
        assert_equal(gradients(model, ours), expected)
    if wrapped:
        assert called.passes == 1


@pytest.mark.parametrize("way", WAYS)
def test_rows_keep_their_order(model: SentenceTransformer, way: str) -> None:
    with torch.no_grad():
        anchors, positives = embed_columns(model, tokens(model, ANCHORS, POSITIVES), **WAYS[way])
    assert torch.allclose(anchors, model.encode(ANCHORS, convert_to_tensor=True).clone(), atol=1e-6)
    assert torch.allclose(positives, model.encode(POSITIVES, convert_to_tensor=True).clone(), atol=1e-6)


def test_gradients_add_up_over_batches(model: SentenceTransformer) -> None:
    weights = torch.randn(model.get_embedding_dimension(), generator=torch.Generator().manual_seed(0))
    model.zero_grad()
    for _ in range(2):
        (embed_columns(model, tokens(model, ANCHORS))[0] @ weights).sum().backward()
    twice = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    single = gradients(model, (embed_columns(model, tokens(model, ANCHORS))[0] @ weights).sum())
    assert_equal(twice, {name: 2 * gradient for name, gradient in single.items()})


@pytest.mark.parametrize("way", ["packed in two halves", "forwarded again in small chunks"])
def test_with_dropout_a_seed_decides_everything(model: SentenceTransformer, way: str) -> None:
    model.train()
    found = []
    with cheap_dropout(model):
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            value = embed_columns(model, tokens(model, ANCHORS, POSITIVES), **WAYS[way])
            found.append((value[0].detach().clone(), gradients(model, value[0][:, 0].sum() + value[1][:, 1].sum())))
    assert torch.equal(found[0][0], found[1][0]) and not torch.equal(found[0][0], found[2][0])
    for name, gradient in found[0][1].items():
        assert torch.equal(gradient, found[1][1][name]), name


def test_forwarding_again_drops_what_the_first_pass_dropped(model: SentenceTransformer) -> None:
    model.train()
    found = []
    with cheap_dropout(model):
        for way in ("packed in small chunks", "forwarded again in small chunks"):
            torch.manual_seed(3)
            value = embed_columns(model, tokens(model, ANCHORS, POSITIVES), **WAYS[way])
            found.append(gradients(model, value[0][:, 0].sum() + value[1][:, 1].sum()))
    assert_equal(found[1], found[0])


def test_under_bf16_more_is_kept_within_the_same_memory(model: SentenceTransformer) -> None:
    lengths = torch.full((10,), 50)
    whole = activation_bytes(model, lengths)
    assert [keep for _, keep in _keeps(model, [5, 5], lengths, 0.7 * whole)] == [True, False]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert [keep for _, keep in _keeps(model, [5, 5], lengths, 0.7 * whole)] == [True, True]


def test_frozen_weights_get_no_gradient(model: SentenceTransformer) -> None:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("layer.0" in name)
    value = embed_columns(model, tokens(model, ANCHORS))[0][:, 0].sum()
    found = gradients(model, value)
    assert found and all("layer.0" in name for name in found)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(10, 200), st.booleans())
def test_chunks_hold_every_row_once_within_the_budget(lengths: list[int], budget: int, padded: bool) -> None:
    lengths.sort()
    counts = _chunks(lengths, budget, padded)
    assert sum(counts) == len(lengths) and min(counts) > 0
    start = 0
    for count in counts:
        part = lengths[start : start + count]
        start += count
        assert count == 1 or (count * max(part) if padded else sum(part)) <= budget
